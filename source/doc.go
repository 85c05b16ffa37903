// Package source is the giving side of a migration: a pure state machine that copies a daemon to its
// target while the daemon keeps serving, freezes it for the cutover, commits, and forwards what it held.
//
// A [Machine] owns one migration. It reads no clock, opens no socket and starts no goroutine: [Machine.Step]
// takes the time and one [Input] and returns an [Output], the effects its owner must carry out. The owner
// runs the calls of one daemon one after the other, in the order given, and reports each result as an input
// only when what the result asserts is durable at the daemon's durability level.
//
// # States
//
//	preparing ─ PrepareOK ─▶ snapshotting ─▶ copying ─ all sent ─▶ restoring ─ RestoreComplete ─▶ replaying
//	      └▶ stopping ─ frozen ─▲                                                                  │      ▲
//	         (stop-and-copy)                                                         lag is small  ▼      │ budget spent
//	moved ◀─ all answered ─ forwarding ◀─ ActivateAck ─ committed ◀─ committing ◀── frozen ◀── freezing ──┘
//	                                                            COMMIT        ReplayComplete
//	stayed ◀─ any failure up to and including frozen, or a handover that the host refused to write
//
// A source whose target has everything asks for the hold before it freezes, while it is replaying. If nothing is sequenced
// until the hold comes, it freezes and goes from frozen to committing in the same step (protocol §4.6.7).
//
// Where a directory decides (protocol §4.14), frozen goes to promising and promised, which only the directory leaves: to
// committing with the entry that the target has made, or back to replaying after an ABORT.
//
// Once the handover has been asked for, no message and no clock leads back: only the host can, by reporting
// that it wrote nothing (protocol §4.7.3). A machine that is committed and unanswered says so as
// [wire.OutcomeInDoubt] and keeps resending; it never decides by the clock.
package source
