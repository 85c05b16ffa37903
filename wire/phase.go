package wire

import (
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// Phase is how far a migration has come. Phases move forward, with the two
// exceptions of protocol.md §3.5.1, see MayFollow:
//
//	Snapshot → Transfer → Restore → Replay → Cutover → Complete
//
// They are told as the source sees them. A target, which sees the copy, is in
// Transfer until it has built the daemon. The zero value is no phase at all and
// is never sent.
type Phase uint8

// The phases, in order (protocol.md §3.5.1).
const (
	PhaseSnapshot Phase = 1 // the source takes a frozen view
	PhaseTransfer Phase = 2 // the view and the events after it travel
	PhaseRestore  Phase = 3 // all of the view is sent; the target builds the daemon, dark
	PhaseReplay   Phase = 4 // the target applies the events after the view
	PhaseCutover  Phase = 5 // the source is frozen, or has committed
	PhaseComplete Phase = 6 // the target serves and the source has let go
)

// Valid reports whether p is one of the phases.
func (p Phase) Valid() bool { return p >= PhaseSnapshot && p <= PhaseComplete }

// MayFollow reports whether a migration that is in phase before, or in p itself,
// can come to p, at once or by way of others (protocol.md §3.5.1).
func (p Phase) MayFollow(before Phase) bool {
	switch {
	case p >= before:
		return true
	case before == PhaseCutover:
		return p == PhaseReplay // the attempt ended without a commit
	case before == PhaseRestore:
		return p == PhaseTransfer // the copy was cut
	}
	return false
}

// String returns the name of the phase.
func (p Phase) String() string {
	switch p {
	case PhaseSnapshot:
		return "snapshot"
	case PhaseTransfer:
		return "transfer"
	case PhaseRestore:
		return "restore"
	case PhaseReplay:
		return "replay"
	case PhaseCutover:
		return "cutover"
	case PhaseComplete:
		return "complete"
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

// parsePhase reads a phase.
func parsePhase(c *codec.Cursor) Phase {
	p := Phase(c.Uint8()) // 1 phase
	if !p.Valid() {
		c.Fail(ErrBadFrame)
	}
	return p
}
