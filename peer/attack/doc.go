// Package attack has nothing but tests. They attack one node, a process of its own with a journal and two daemons,
// over real QUIC: with sessions and streams that are opened and left, answers that nobody reads, handshakes that stop
// halfway, counts and lengths that are lies, daemons that do not exist, and snapshots without end.
//
// Each test prints what the attack cost the node, compares that with a bound, and sees that an honest producer beside
// it goes on being answered, and where that could have suffered, that a newcomer gets in. Bounds are on bytes of heap
// after a collection, the highest resident size, goroutines and open files, all above the calm node; they follow from
// the limits that transport, node and peer state, with room for what the runtime adds. The comparison waits for no
// time to pass: what has to happen is waited for, and only what never happens fails.
//
//	what                                       limit                         stated in
//	handshakes under way                       256, 5 s each                 transport.Config
//	sessions of a node, greeted or not         8                             transport.Config
//	streams of a session                       2 both ways, 128 one way      transport.Config
//	goroutines of a session                    16, and one for each stream   here
//	memory of a session, streams idle          20 MiB                        here
//	begun frames of a node                     64 MiB announced              transport.Config
//	unread answers of a stream                 8 MiB                         transport.Config
//	migrations from one source, towards a node 64                            package node
//	what one of them holds before it is whole  two goroutines, a file, 2 MiB here
//	a snapshot                                 64 GiB                        peer.Config
//	peers known by hearsay                     4,096                         package node
//	dials under way                            256                           package node
//	questions of a node to the directory       64, a goroutine each          package node
//
// The tests find what they look for with a single attacker. What several of them can do is the sum.
package attack
