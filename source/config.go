package source

import (
	"cmp"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Defaults of [Config], and of the options of a [Request].
const (
	DefaultFreezeBudget = 500 * time.Millisecond
	DefaultMaxBlackout  = 100 * time.Millisecond
	DefaultStall        = 30 * time.Second
	DefaultDoubtAfter   = 10 * time.Second
	DefaultResumeGrace  = 3 * time.Second
)

// Config is what all migrations away from a node share. The zero value of a duration means its default.
type Config struct {
	Node         crypto.NodeID
	Boot         uint64        // the node's durable boot counter
	NextAttempt  func() uint64 // counts attempts since boot; never returns the same number twice
	FreezeBudget time.Duration // how long a freeze may last before the commit
	DoubtAfter   time.Duration // how long a commit may stay unanswered before it is called in doubt
	ResumeGrace  time.Duration // how long a view is kept for a target that its stream was cut from
}

func (c Config) withDefaults() Config {
	c.FreezeBudget = cmp.Or(c.FreezeBudget, DefaultFreezeBudget)
	c.DoubtAfter = cmp.Or(c.DoubtAfter, DefaultDoubtAfter)
	c.ResumeGrace = cmp.Or(c.ResumeGrace, DefaultResumeGrace)
	return c
}

// Request is one migration away from this node, as its checks have let it in.
type Request struct {
	Migration    wire.MigrationID
	Entity       crypto.EntityID
	Origin       uint64
	Epoch        uint64 // the epoch this node holds
	Kind, Name   string
	StopAndCopy  bool // the daemon is not deterministic: frozen for the whole transfer
	Orchestrator crypto.NodeID
	Target       crypto.NodeID
	Addrs        []string // where the target can be dialed
	Durability   wire.Durability
	Directory    bool // it decides, and not this node
	Options      wire.Options
}

func (r Request) withDefaults() Request {
	r.Options.MaxBlackout = cmp.Or(r.Options.MaxBlackout, DefaultMaxBlackout)
	r.Options.Stall = cmp.Or(r.Options.Stall, DefaultStall)
	return r
}
