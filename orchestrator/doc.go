// Package orchestrator is the asking side of a migration: a pure state machine that asks a source to give
// a daemon to a target, follows what the source reports, and learns the outcome exactly once.
//
// The orchestrator never holds authority. A source or a target can be its own, or it is a third; it may crash,
// lie or exist twice without harm to the daemon. What it adds is patience: it asks again when a target is
// not ready yet, relays a handover it was given, and asks both sides when the source falls silent.
//
//	asking ── Status ──▶ running ── CleanupComplete ──▶ done (moved)
//	  │ ▲                   │  └── MigrationFailed ────▶ done (stayed)
//	  ▼ │ NotReady          └── silence ──▶ searching ── an answer ──▶ running or done
//	waiting                                    └── nobody answers ──▶ in doubt, and it goes on asking
//
// Like the other roles a [Machine] reads no clock and does no I/O: [Machine.Step] takes the time and one
// input and returns what to send.
package orchestrator
