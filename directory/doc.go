// Package directory remembers who holds which daemon and decides, once for each
// attempt, whether it moves.
//
// Without a directory a handover is a matter of two nodes: the source commits by an append to its own log, and if it
// is destroyed right after that, nobody serves until its disk or someone who carries the handover is back
// (protocol §7.5.1). With a directory the decision is made elsewhere, and the source's death blocks nothing.
//
// # The decision
//
// A [Row] changes from one epoch to the next by compare-and-set, and in no other way. A claim names an attempt
// by the source's certificate, signed with the key of the epoch that would end: the source is frozen and has
// promised not to abort alone. Whoever holds the certificate can ask for ABORT. Whoever also holds the target's
// signed hold can ask for COMMIT. The first to ask decides, and everybody after that is told what was decided. No
// rights are involved: the evidence is all there is, so that each can finish what another has left. In the protocol
// as it runs the target asks for COMMIT and the source, when its patience is at an end, for ABORT.
//
// The evidence is verified against the key in the row, and COMMIT replaces that key by the certified next one. A
// directory that is hijacked can therefore refuse, forget and lie about aborts, but it cannot make a stranger the
// holder: nodes verify the certificate that comes with COMMIT against the passport that they have.
//
// # How long outcomes are kept
//
// COMMITs are kept for good, one a epoch: [Move]. ABORTs are kept as the highest aborted attempt of the
// current epoch, which is enough. A source has one attempt at a time and gives out no certificate for another before
// the directory has ended the one before, so every lower attempt is over too. When the epoch
// ends, its aborts are forgotten on purpose: a source that asked for one later must not be told
// ABORT, because that means "serve on", but [wire.ErrStaleEpoch].
//
// # Unclear answers
//
// A call that fails with [ErrUnclear] may have had its effect or may yet have it. Repeat the claim, or ask for
// the outcome by the attempt: both are safe at any time. An undecided outcome promises nothing, because the
// claim can still be on its way. To be certain, claim ABORT and obey the answer.
//
// # Backends
//
//   - [None]: the two-party handover.
//   - [NewMemory]: for tests and simulations.
//   - package bolt: a file on one node. Other nodes reach it through [Client] and [Serve].
//   - package etcd, a module of its own: a cluster.
//
// A backend is a [Store]; the rules are in [Table], which is the same over all of them. Package conformance
// holds every backend to them.
package directory
