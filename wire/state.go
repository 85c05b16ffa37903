package wire

import (
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// State is what a node says of its own authority over a daemon when it is asked
// (Answer). The zero value is never sent.
type State uint8

// The states.
const (
	// StateServing: it holds authority and serves.
	StateServing State = 1
	// StateFrozen: it holds authority and is frozen for an attempt.
	StateFrozen State = 2
	// StateReleased: it has handed over; the answer carries the handover.
	StateReleased State = 3
	// StateUnknown: it knows nothing of the daemon. From a node whose log is
	// durable that is final; otherwise the boot counter tells whether it forgot.
	StateUnknown State = 4
)

// Valid reports whether s is one of the states.
func (s State) Valid() bool { return s >= StateServing && s <= StateUnknown }

// String returns the state in words.
func (s State) String() string {
	switch s {
	case StateServing:
		return "serving"
	case StateFrozen:
		return "frozen"
	case StateReleased:
		return "released"
	case StateUnknown:
		return "unknown"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// parseState reads a state.
func parseState(c *codec.Cursor) State {
	s := State(c.Uint8()) // 1 state
	if !s.Valid() {
		c.Fail(ErrBadFrame)
	}
	return s
}
