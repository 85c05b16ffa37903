// Package relay makes a bad network out of loopback: UDP relays between processes of one machine that delay,
// lose, repeat and reorder packets, limit their rate, partition one way or both, and change the source port
// that a peer sees, as a NAT that forgets does.
//
//	m := relay.NewMesh(seed)
//	defer m.Close()
//	addr, err := m.Addr("a", "b") // what a dials in order to reach b
//	err = m.Place("b", "127.0.0.1:7777")
//	err = m.Set("a", "b", relay.Rules{Delay: 20 * time.Millisecond, Loss: 0.01})
//
// # Directions
//
// A [Relay] has one listening socket, a target, and for each address that sends to it one more socket, from
// which it talks to the target. The way to the target and the way back have [Rules] of their own. Whoever
// dials decides which relay a connection goes through, so two ends that dial each other have two; a [Mesh]
// knows both and thinks in packets from one end to another, whoever dialed.
//
// # Repeatable
//
// What happens to a packet follows from the seed, its place among the packets of its direction, and the
// rules at that moment. Every packet takes the same number of random values whatever the rules are, so that
// a change of one rule does not reshuffle what the others do.
//
// # Bounded
//
// A direction holds [Config].MaxQueue bytes and drops what comes on top; a relay knows [Config].MaxFlows
// senders and forgets the one it has not heard from for longest. Addresses that are not loopback are refused.
package relay
