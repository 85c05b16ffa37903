// Package target is the receiving side of a migration. It has two halves.
//
// The [Handler] is the data plane, and what a program embeds that brings its own protocol: it restores
// daemons from snapshots, puts the events that arrive for them in order, replays those, and opens a daemon
// to its producers once the log ends in a handover to this node. It works in the caller's goroutine.
//
// The [Machine] is the control plane of one migration: messages and time in, calls on the Handler and
// answers out. It is pure, and owned by whoever steps it.
//
// # Use
//
//	h := target.New(registry, target.Config{Node: self})
//	err := h.RestoreSnapshot(ctx, key, newDaemon, daemon.HostConfig{}) // dark: it answers no one
//	through, err := h.ReplayEvents(origin, events)                     // as they come, in any order
//	err = h.Hold(origin, attempt, final)                               // before the source may commit
//	taken, err := h.BufferEvent(origin, handover)                      // the commit arrives like any event
//	through, err = h.Activate(origin)                                  // it serves
//	err = h.Complete(origin)
//
// # Guarantees
//
//   - Events are applied in strict sequence, each once, whatever the order and number of their arrivals,
//     and only if each commits to the one before it. A duplicate that differs from what was applied is
//     noticed if it is among the last 4,096.
//   - A daemon serves only after its log here has reached a valid handover to this node. A copy that was
//     promised, or that the handover has made the only one, cannot be dropped.
//   - However slow one daemon's Process or Restore is, no other daemon waits for it. For its own origin, Restore delays
//     nothing and Process delays the calls that need the daemon.
//   - No method reads a clock, does I/O or starts a goroutine.
//
// # Limits
//
// Per daemon at most [DefaultPendingEvents] events and [DefaultPendingBytes] payload bytes are held beyond
// the next event, and [DefaultMaxBuffered] bytes by all of them together, their memory overhead included;
// [Config] sets other values. Beyond is [wire.ErrBufferFull], which costs the sender that event and nobody
// else anything. The event that comes next in its log always finds room, so that no limit can stop a
// replay that arrives in order. A migration that applies events remembers up to 4,096 digests, 128 KiB.
// [DefaultMaxActive] migrations may be active, and 1,024 per shard are remembered as completed for
// [DefaultCompletedTTL].
//
// # Files
//
// The ordered buffer is in buffer.go, the ring it keeps early events in, in buffer_ring.go. One migration
// is a record, in record.go, and what it does with events is in record_replay.go. The handler's methods are
// grouped by the phase they belong to: handler_restore.go, handler_replay.go, handler_cutover.go,
// handler_end.go. The machine that speaks with the source is in machine.go: its settings in machine_config.go, its
// states in machine_state.go, what goes in and comes out in machine_io.go, the way of a snapshot in
// machine_arrival.go, from the hold to the activation in machine_cutover.go, a directory's word in directory.go, a
// restart in machine_recover.go. The rules cited as T1 to T18 are in docs/behavior.md.
package target
