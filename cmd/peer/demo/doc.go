// Package demo is the command "peer demo": the shortest way to see a daemon move, and the smoke test that
// holds the whole program to its promises.
//
// It starts three real nodes, each a child process of its own with a fresh key, in a temporary directory
// and on loopback only. It gives birth to a daemon on the first, lets an independent producer submit events
// to it without a pause, and moves it from node to node meanwhile. Once it kills the target with SIGKILL in
// the middle of the copy, to show that the daemon then stays where it was, and serves.
//
// # Who counts
//
// The producer is not one of the three nodes. It is an embedded [peer.Peer] in this process, with a key of
// its own; it is told the address of the first node only and finds the daemon by itself after every move.
// It numbers its events and records each one before it hands it over (kinds.AuditTrail). At the end the
// daemon, wherever it is by then, is asked for its own record of what it applied (kinds.Audit), which has
// travelled with it. The difference of the two records is what was lost and what was applied twice;
// neither record knows the other, nor the producer table that keeps repeats out. Beside that the length of
// the log must be the sum of what the daemon applied and of the handovers, and the passport must pass
// "peer verify" in a process of its own.
//
// # The steps
//
//	plan     which moves, in which order, and the attempt that is cut short
//	script   walks the plan while the producer runs
//	cluster  the temporary directory, the keys and the child processes
//	load     the producer: feed, schedule, acknowledgments
//	tally    holds the two records and the proofs against each other
//	report   prints, as lines for people or as one JSON object
//
// # What is left behind
//
// Nothing, whatever ends the run. The children die with their parent (on Linux even if that is killed with
// SIGKILL, elsewhere by its own clean-up), and the directory is removed, except for the children's logs
// after a failure. With --keep the nodes stay up until Ctrl-C.
package demo
