package target

import (
	"fmt"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Error says which operation on which origin could not be carried out, and why. It matches Err, and the
// error that Err wraps, which may be the daemon's own.
type Error struct {
	Op       string     // what was asked for: "restore", "replay", "hold", "release", "activate", "complete", "abort", "head"
	Origin   uint64     // the daemon
	Phase    wire.Phase // of its migration here; 0 if there is none
	Sequence uint64     // the event it is about, or the first one that is missing; 0 if it is about none
	Err      error      // the reason: an error of wire or crypto, or one that wraps it
}

// Error puts the fields into one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "target: %s %016x", e.Op, e.Origin)
	if e.Phase != 0 {
		fmt.Fprintf(&b, " in phase %s", e.Phase)
	}
	if e.Sequence != 0 {
		fmt.Fprintf(&b, " at %d", e.Sequence)
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// FullError says that an event was refused because a buffer had no room for it, with the totals at that
// moment: those that were the reason. It matches [wire.ErrBufferFull]. What had been accepted before is kept. Of
// several events that a call refuses it is about the first, and those that come after it in the call may still be applied: how
// far the call got is what it returns, and Cursor can be below that.
type FullError struct {
	Origin   uint64
	Sequence uint64 // of the refused event
	Size     int    // of its payload, in bytes
	Cursor   uint64 // the last sequence that had been applied

	Events, MaxEvents       int   // held beyond the next event, and the cap
	Bytes, MaxBytes         int64 // payload bytes of those, and the cap
	NodeBytes, MaxNodeBytes int64 // held by all daemons of the node, and the cap; 0 for a buffer by itself
}

// Error gives every total, since any of the three caps may be the reason.
func (e *FullError) Error() string {
	return fmt.Sprintf("target: event %d of %016x with %d bytes at cursor %d: %v: holds %d of %d events, %d of %d bytes, the node %d of %d",
		e.Sequence, e.Origin, e.Size, e.Cursor, wire.ErrBufferFull,
		e.Events, e.MaxEvents, e.Bytes, e.MaxBytes, e.NodeBytes, e.MaxNodeBytes)
}

// Unwrap returns [wire.ErrBufferFull].
func (e *FullError) Unwrap() error { return wire.ErrBufferFull }

// DivergedError says that the log this node has and what it was sent cannot be the same log: another event
// for a sequence that was applied, or anything after the handover. It matches [crypto.ErrDiverged].
type DivergedError struct {
	Origin   uint64
	Sequence uint64        // of the event that does not belong
	Applied  crypto.Digest // of what was applied there; zero after the handover
	Got      crypto.Digest // of the event that was sent; zero after the handover
	Handover uint64        // sequence of the handover that ends the log, if that is the reason; else 0
	Dropped  int           // events held beyond the handover that were dropped with this error
}

// Error says which of the two it was.
func (e *DivergedError) Error() string {
	if e.Handover == 0 {
		return fmt.Sprintf("target: event %d of %016x is %s, applied was %s: %v",
			e.Sequence, e.Origin, e.Got.Short(), e.Applied.Short(), crypto.ErrDiverged)
	}
	return fmt.Sprintf("target: event %d of %016x after the handover at %d, %d dropped: %v",
		e.Sequence, e.Origin, e.Handover, e.Dropped, crypto.ErrDiverged)
}

// Unwrap returns [crypto.ErrDiverged].
func (e *DivergedError) Unwrap() error { return crypto.ErrDiverged }

// errNotRestored answers what needs the daemon while its state is still being read: the wrong phase, but
// one that passes.
var errNotRestored = fmt.Errorf("the daemon is not restored yet: %w: %w", wire.ErrWrongPhase, wire.ErrNotReady)

// notFound is the answer for an origin that is neither active nor completed here.
func notFound(op string, origin uint64) error {
	return &Error{Op: op, Origin: origin, Err: wire.ErrDaemonNotFound}
}
