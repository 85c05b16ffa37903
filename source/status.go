package source

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Status is a migration as its source sees it.
type Status struct {
	Migration    wire.MigrationID
	Target       crypto.NodeID
	Orchestrator crypto.NodeID
	Phase        wire.Phase
	State        string // finer than Phase, for people
	InDoubt      bool   // committed and unanswered for longer than Config.DoubtAfter
	DoubtDetail  string // why, and what resolves it
	Stats        wire.Stats
	Ended        *Ended // nil while it runs
}

// Status describes the migration as it stands.
func (m *Machine) Status() Status {
	m.stats.Lag = m.lag()
	return Status{
		Migration: m.req.Migration, Target: m.req.Target, Orchestrator: m.req.Orchestrator,
		Phase: phaseOf[m.state], State: m.state.String(), InDoubt: m.doubt, DoubtDetail: m.doubtDetail(), Stats: m.stats, Ended: m.ended,
	}
}

// Ref names the migration.
func (m *Machine) Ref() wire.Ref { return m.ref }

// Target is the node the daemon moves to.
func (m *Machine) Target() crypto.NodeID { return m.req.Target }

// Orchestrator is the node that asked for the migration.
func (m *Machine) Orchestrator() crypto.NodeID { return m.req.Orchestrator }

// Options are the wishes of the orchestrator, with the defaults filled in.
func (m *Machine) Options() wire.Options { return m.req.Options }

// Again reports whether the migration ended in a way that the same request may try again: the target was
// not ready.
func (m *Machine) Again() bool { return m.ended != nil && m.ended.Reason == wire.ReasonNotReady }

// Outcome is the message that tells the orchestrator how the migration ended, for one that asks again.
func (m *Machine) Outcome() wire.Message {
	if m.ended.Outcome == wire.OutcomeMoved {
		return &wire.CleanupComplete{Ref: m.ref, Outcome: wire.OutcomeMoved, Stats: m.stats}
	}
	return &wire.MigrationFailed{Ref: m.ref, Reason: m.ended.Reason, Detail: m.ended.Detail}
}

// Delay is how long each batch of submissions is held back, so that the target can catch up and the backlog
// stays within its limit; 0 almost always.
func (m *Machine) Delay() time.Duration {
	switch m.state {
	case copying, restoring:
		return m.backlog.pressure()
	case replaying:
		return max(m.converge.delay(), m.backlog.pressure())
	}
	return 0
}

// status tells the orchestrator where the migration stands.
func (m *Machine) status() {
	m.stats.Lag = m.lag()
	every := heartbeat
	if m.state >= copying && m.state <= replaying {
		every = statusEvery
	}
	m.statusAt = m.now.Add(every)
	m.send(m.req.Orchestrator, &wire.Status{Ref: m.ref, Phase: phaseOf[m.state], InDoubt: m.doubt, Stats: m.stats})
}
