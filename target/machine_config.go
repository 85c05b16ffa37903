package target

import (
	"cmp"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

// Defaults of [MachineConfig].
const (
	DefaultAskAfter   = time.Second
	DefaultDoubtAfter = 10 * time.Second
	DefaultOrphan     = 30 * time.Second
)

// MachineConfig is what all migrations to a node share. The zero value of a duration means its default.
type MachineConfig struct {
	Node         crypto.NodeID
	Boot         uint64        // this node's durable boot counter
	CreditEvents uint64        // what the handler may hold for one daemon, in events
	CreditBytes  uint64        // and in payload bytes
	AskAfter     time.Duration // after how much silence a hold asks for its outcome
	DoubtAfter   time.Duration // after how much it is called in doubt
	Orphan       time.Duration // how long the source may be gone before a copy without a hold is dropped
}

func (c MachineConfig) withDefaults() MachineConfig {
	c.AskAfter = cmp.Or(c.AskAfter, DefaultAskAfter)
	c.DoubtAfter = cmp.Or(c.DoubtAfter, DefaultDoubtAfter)
	c.Orphan = cmp.Or(c.Orphan, DefaultOrphan)
	return c
}
