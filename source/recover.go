package source

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Committed is a handover that this node's journal has and whose activation it does not.
type Committed struct {
	Attempt  wire.Attempt
	Next     crypto.PublicKey // the key that the handover certifies
	Head     crypto.Head      // before the handover
	Handover crypto.CausalEvent
}

// Recover takes a migration up again whose process died between the commit and the proof of the activation
// (protocol §7.3). There is nothing to decide any more: the handover is delivered until it is confirmed. The
// blackout is counted from now, since nobody measured the time in between.
func Recover(now time.Time, cfg Config, req Request, c Committed) (*Machine, Output) {
	m := recovered(now, cfg, req)
	m.state = committed
	m.nextKey, m.frozenHead, m.handover = c.Next, c.Head, c.Handover
	m.attempt = attempt{Attempt: c.Attempt, live: true, final: c.Head, held: true}
	m.sendActivate()
	m.status()
	return m, m.take()
}

// recovered is a machine of before the restart, frozen.
func recovered(now time.Time, cfg Config, req Request) *Machine {
	m := &Machine{
		cfg: cfg.withDefaults(), req: req.withDefaults(), now: now, started: now, alive: now, freezeAsked: true, frozenAt: now, boundAt: now,
	}
	m.ref = wire.Ref{Migration: req.Migration, Origin: req.Origin, Epoch: req.Epoch}
	m.stats.Epoch = req.Epoch
	return m
}

// Covered returns the sequence through which the target has reported that it has the log, durably where the
// daemon's level asks for that. waits is false while there is no target that replays, and after the commit, for
// which the target had everything.
func (m *Machine) Covered() (through uint64, waits bool) {
	return m.backlog.acked, m.state >= replaying && m.state < committed
}
