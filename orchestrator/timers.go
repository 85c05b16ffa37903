package orchestrator

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func (m *Machine) backoff() {
	m.wait = min(max(2*m.wait, retryMin), retryMax)
	m.at = m.now.Add(m.wait)
}

func (m *Machine) takeSnapshot() {
	m.send(m.req.Source, &wire.TakeSnapshot{Ref: m.req.Ref, Target: m.req.Target, Addrs: m.req.Addrs, Options: m.req.Options})
	m.backoff()
}

// sendCancel is repeated until an outcome is known: the source may not have heard it.
func (m *Machine) sendCancel() {
	m.send(m.req.Source, &wire.Cancel{Ref: m.req.Ref})
	m.cancelAt = m.now.Add(retryMax)
}

// timers does what is due. Time asks and alarms; it never decides an outcome that a message could still
// contradict.
func (m *Machine) timers() {
	if m.state == done {
		return
	}
	if m.cancelled && !m.now.Before(m.cancelAt) {
		m.sendCancel()
	}
	if !m.now.Before(m.at) {
		m.due()
	}
}

func (m *Machine) due() {
	switch m.state {
	case asking:
		m.askAgain()
		if m.now.Sub(m.heard) >= m.cfg.DoubtAfter {
			m.search()
		}
	case waiting:
		m.tries++
		m.state = asking
		m.heard = m.now
		m.takeSnapshot()
	case running:
		if quiet := m.heard.Add(m.cfg.Silence); m.now.Before(quiet) {
			m.at = quiet
			return
		}
		m.search()
	case searching:
		m.search()
		if m.now.Sub(m.heard) >= m.cfg.DoubtAfter {
			m.inDoubt(m.silenceText())
		}
	}
}

// silenceText says where the daemon can be while its source is silent.
func (m *Machine) silenceText() string {
	if m.phase < wire.PhaseCutover {
		return fmt.Sprintf("the source fell silent in phase %v: the daemon is there and serves, or died with the source's process", m.phase)
	}
	return "the source fell silent during the cutover: the daemon serves there, or waits frozen for its handover to reach the target"
}

// askAgain repeats the request. One that is not wanted any more is not repeated: the Cancel is, which gets an
// answer as well.
func (m *Machine) askAgain() {
	if m.cancelled {
		m.backoff()
		return
	}
	m.takeSnapshot()
}

// wake is the earliest time at which timers has something to do.
func (m *Machine) wake() time.Time {
	switch {
	case m.state == done:
		return time.Time{}
	case m.cancelled && m.cancelAt.Before(m.at):
		return m.cancelAt
	}
	return m.at
}

// search asks both sides where the daemon is, and relays the handover again if there is one. Where the activation is proven there is
// nothing left to ask.
func (m *Machine) search() {
	if m.proven {
		m.endIfProven()
		return
	}
	if m.state != searching {
		m.state, m.wait = searching, 0
	}
	ask := &wire.Ask{Ref: m.req.Ref}
	m.send(m.req.Source, ask)
	m.send(m.req.Target, ask)
	if m.handover != nil {
		m.send(m.req.Target, m.handover)
	}
	m.backoff()
}

// Status is a migration as its orchestrator sees it.
type Status struct {
	Migration wire.MigrationID
	Source    crypto.NodeID
	Target    crypto.NodeID
	Phase     wire.Phase
	Stats     wire.Stats
	InDoubt   bool
	Doubt     string // why, and where the daemon can be
	Started   time.Time
	Ended     *Ended // nil while it runs
}

// Status describes the migration as it stands.
func (m *Machine) Status() Status {
	return Status{
		Migration: m.req.Ref.Migration, Source: m.req.Source, Target: m.req.Target,
		Phase: m.phase, Stats: m.stats, InDoubt: m.doubt, Doubt: m.doubtText, Started: m.started, Ended: m.ended,
	}
}

// Ref names the migration.
func (m *Machine) Ref() wire.Ref { return m.req.Ref }

// Source is the node that was asked for the daemon.
func (m *Machine) Source() crypto.NodeID { return m.req.Source }

// Target is the node the daemon is to move to.
func (m *Machine) Target() crypto.NodeID { return m.req.Target }
