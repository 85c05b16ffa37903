package daemon

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// state says what a Host may do. Authority is one bit of it: only a serving or
// frozen host holds the epoch, and only a serving one applies and answers.
//
//	Restore ──▶ dark ──────────▶ arrived
//	                   Replay       │ Activate
//	                 of handover    ▼
//	NewHost ────────────────────▶ serving ──────────▶ moved ──────▶ retired
//	                              │     ▲   HandOver    ▲   Retire
//	                       Freeze │     │ Thaw          │
//	                              ▼     │               │
//	                              frozen ───────────────┘
//
//	dark ── Resume ──▶ serving        after a restart, on the node that holds the epoch
//	serving, dark ── End ──▶ ended
type state uint8

const (
	serving state = iota + 1
	frozen        // holds the epoch, takes nothing
	moved         // the log ends in its own handover: the commit
	retired       // as moved, and key, daemon and tables are gone
	dark          // restored, follows by replay, answers no one
	arrived       // dark, and the log ends in a handover to this host
	ended         // given up for good: a life that is over, or a copy that was dropped
)

// edges lists, by present state, where setState may go.
var edges = [...][]state{
	serving: {frozen, moved, ended},
	frozen:  {serving, moved},
	moved:   {retired},
	dark:    {arrived, serving, ended},
	arrived: {serving},
	retired: nil,
	ended:   nil,
}

// String names the state in errors.
func (s state) String() string {
	return [...]string{"unset", "serving", "frozen", "moved", "retired", "dark", "arrived", "ended"}[s]
}

// holdsEpoch reports whether the state holds the epoch.
func (s state) holdsEpoch() bool { return s == serving || s == frozen }

// follower reports whether the state follows another holder.
func (s state) follower() bool { return s == dark || s == arrived }

// setState moves along an edge and panics on any other: that would be a bug
// here, and going on could give two nodes the same epoch. The caller holds the
// turn and the mutex.
func (h *Host) setState(next state) {
	for _, s := range edges[h.state] {
		if s == next {
			h.state = next
			return
		}
	}
	panic(fmt.Sprintf("daemon: internal error: %v to %v", h.state, next))
}

// answers returns nil if the host may apply and answer, else why not. The
// caller holds the turn.
func (h *Host) answers() error {
	if h.state == frozen {
		return fmt.Errorf("daemon: origin %016x: %w", h.origin, wire.ErrFrozen)
	}
	return h.holdsEpoch()
}

// holdsEpoch returns nil if the host holds the epoch, frozen or not, else why not.
// The caller holds the turn.
func (h *Host) holdsEpoch() error {
	switch {
	case h.state.holdsEpoch():
		return nil
	case h.state.follower():
		return fmt.Errorf("daemon: origin %016x is dark: %w", h.origin, wire.ErrNotReady)
	case h.state == ended:
		return fmt.Errorf("daemon: origin %016x has ended: %w", h.origin, wire.ErrDaemonNotFound)
	default:
		return fmt.Errorf("daemon: origin %016x: %w", h.origin, wire.ErrMoved)
	}
}

// currentState reads the state without the turn.
func (h *Host) currentState() state {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// Dark reports whether the host was restored and not yet activated.
func (h *Host) Dark() bool { return h.currentState().follower() }

// Frozen reports whether the host holds its epoch but takes nothing until
// Thaw or HandOver. It is false again after HandOver.
func (h *Host) Frozen() bool { return h.currentState() == frozen }

// Freeze refuses submissions from now on with wire.ErrFrozen, which producers
// may retry, and returns the head that stands. It waits for an event that is
// being applied. Freezing twice is the same as once. A dark host answers
// wire.ErrNotReady, one that was handed over wire.ErrMoved.
func (h *Host) Freeze() (head crypto.Head, err error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.holdsEpoch(); err != nil {
		return crypto.Head{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == serving {
		h.setState(frozen)
	}
	return h.head, nil
}

// Thaw lets a frozen host serve again; on a serving one it does nothing. After
// HandOver it fails with an error that matches wire.ErrMoved and
// wire.ErrWrongPhase: there is no way back from the commit.
func (h *Host) Thaw() error {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.holdsEpoch(); err != nil {
		return fmt.Errorf("%w: thaw: %w", wire.ErrWrongPhase, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == frozen {
		h.setState(serving)
	}
	return nil
}
