package wire

import (
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// Outcome is how a migration ended (promise P5). The zero value means that it
// has not ended, and is never sent.
type Outcome uint8

// The outcomes.
const (
	// OutcomeMoved: the target serves, and its activation was verified.
	OutcomeMoved Outcome = 1
	// OutcomeStayed: the source serves as if nothing had happened.
	OutcomeStayed Outcome = 2
	// OutcomeInDoubt: committed but not known to be activated. Nobody serves
	// until the handover reaches the target.
	OutcomeInDoubt Outcome = 3
	// OutcomeLost: the node that held the daemon in memory only is gone, and the
	// daemon with it. Never the outcome where logs are durable.
	OutcomeLost Outcome = 4
)

// Valid reports whether o is one of the outcomes.
func (o Outcome) Valid() bool { return o >= OutcomeMoved && o <= OutcomeLost }

// String returns the outcome in words.
func (o Outcome) String() string {
	switch o {
	case OutcomeMoved:
		return "moved"
	case OutcomeStayed:
		return "stayed"
	case OutcomeInDoubt:
		return "in doubt"
	case OutcomeLost:
		return "lost"
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// parseOutcome reads an outcome.
func parseOutcome(c *codec.Cursor) Outcome {
	o := Outcome(c.Uint8()) // 1 outcome
	if !o.Valid() {
		c.Fail(ErrBadFrame)
	}
	return o
}
