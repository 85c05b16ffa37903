package target

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Recovered is a copy that a restarted node has restored and replayed from its own disk.
type Recovered struct {
	Request       Request
	Head          crypto.Head // after the last replayed event
	EpochKey      crypto.PublicKey
	Administrator crypto.PublicKey
	Held          wire.Attempt // zero without a hold
	Final         crypto.Head  // of Held
	Released      wire.Attempt // the highest attempt that was released
	// Part is set for a copy that was still coming in. All but Request is zero then.
	Part *Part
}

// RecoverMachine takes a migration to this node up again (protocol §7.3). A copy that was held is still held,
// and asks at once; one that was not reports its head when the source calls.
func RecoverMachine(now time.Time, cfg MachineConfig, r Recovered) (*Machine, MachineOutput) {
	m := &Machine{
		cfg: cfg.withDefaults(), ref: r.Request.Prepare.Ref, source: r.Request.Source, orch: r.Request.Prepare.Orchestrator,
		entity: r.Request.Prepare.Entity, key: r.Request.Key,
		directory: r.Request.Prepare.Directory, state: replaying, recorded: true, copying: true, started: now, alive: now, now: now,
		epochKey: r.EpochKey, admin: r.Administrator, head: r.Head, void: r.Released,
	}
	if r.Part != nil {
		m.state, m.copying, m.arrival.part = preparing, false, *r.Part
		m.prepareOK() // which also calls a source that has not called yet
	}
	if !r.Held.IsZero() {
		m.state = holding
		m.held, m.wanted, m.heldHead, m.final = r.Held, r.Held, r.Final, r.Final
		m.since, m.askAt, m.askWait = now, now, m.cfg.AskAfter
	}
	if m.state == replaying {
		m.report() // which also calls a source that has not called yet
	}
	m.timers()
	return m, m.take()
}
