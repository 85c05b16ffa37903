// Package sim runs a cluster of peers in one goroutine, on a network, in a time and with faults that it
// makes up from a seed.
//
// A [Cluster] has nodes. Each is the shipping code of a peer below its sockets: node.Core, node.Executor,
// daemon.Registry and target.Handler. What package peer does with goroutines is done here with a heap of
// jobs ordered by time and by the order in which they were made:
//
//   - Each daemon has a queue of calls, each of which takes a while, as does the report of its result.
//   - A session carries streams. A stream keeps its order and loses nothing while the session lives; two
//     streams, and two sessions, overtake each other freely. A session that is cut takes with it what was
//     on its way, and its two ends notice at different times.
//   - A snapshot travels in pieces, and the restore at the other end is a coroutine that stops wherever it
//     would wait for the next one, so that everything else happens in between.
//   - A process can die. Everything it had in memory is gone; it comes back with its key and a higher boot
//     counter.
//   - A node may have a clock that runs at a rate of its own and stands somewhere else after each start.
//
// Every random choice comes from a source of its own per concern, derived from the seed, so that one
// concern can be changed without moving all the others. One seed is one run, byte for byte: [Cluster.Hash]
// is the digest of everything that happened.
//
// # Checks
//
// After every step: at most one host per entity is a holder, an epoch has one holder for good, and the holder's
// epoch never falls; two copies at one sequence have the same head, outputs included; what a node holds for others
// is within its limits. As an epoch begins: the new holder's head is
// the one that the commit before it has closed, and its log has everything that was acknowledged, once and in
// order. With every event: no two copies of a daemon ever see different events at one sequence, none leaves one
// out or takes one twice, and no submission is at two sequences. With every answer: a receipt names the place in the
// log where the submission is, under an epoch that does not fall and that its sender has held, and at durability both the target has
// it too; a read shows everything that was acknowledged before it. With everything that is sent: no private key is in it. [Cluster.Settle] checks what must be true once
// faults are over: every migration has an outcome that all of its nodes agree on, every submission is answered,
// nothing is left in a queue or dark, the passport of each daemon has the handovers that were committed, and
// no process can still sign for an epoch that is over, nor could one that comes back from its disk. At the end of a storm no migration
// has stood still until its stall limit with nothing in its way, and every daemon is moved once more. That
// these checks find mistakes is shown by planting some, in sim/mutants.
//
// # Storms, scripts and lies
//
// A [Storm] draws a cluster and what happens to it from its seed. It writes down what it does as a list of [Act]:
// with what it was set up with that is a [Script], which is the same run again, byte for byte, and which [Shrink]
// shortens to what a failure needs. In one storm of four the last node is hostile, see hostile.go: it plays its parts
// and lies in between. What is checked is then checked of the others and of their daemons.
//
// # Limits
//
// Disks forget and tear what was not synced when a process dies, and can be full; what they have synced they
// keep. A hostile node never gets a daemon of others. It does not answer their producers with Opened, Receipts or
// Refused either: a producer believes whom it asks until a handover says otherwise, and finds the daemon by asking its
// peers.
//
// A node's record of a daemon is that of its last move. An orchestrator that has heard nothing of its migration may
// therefore be told that nothing moved, if the daemon has come back to the source meanwhile and left it again, and the source
// has restarted; that is not checked.
package sim
