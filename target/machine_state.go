package target

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// machineState is where a migration stands on the target. The diagram is on [Machine].
type machineState uint8

const (
	accepting  machineState = iota // the key of the next epoch is being made durable
	preparing                      // PrepareOK is out
	restoring                      // the snapshot streams in
	replaying                      // the copy catches up
	holding                        // the copy is promised
	activating                     // the handover is here and is being made durable
	active                         // the daemon serves here
	dropped                        // the copy is gone
)

var machineStateNames = [...]string{"accepting", "preparing", "restoring", "replaying", "holding", "activating", "active", "dropped"}

func (s machineState) String() string { return machineStateNames[s] }

var machineEdges = map[machineState][]machineState{
	accepting:  {preparing, dropped},
	preparing:  {restoring, dropped},
	restoring:  {replaying, dropped},
	replaying:  {holding, activating, dropped},
	holding:    {replaying, activating},
	activating: {active},
}

// enter is the only place where the state changes. An edge that is not in the table is a bug of ours.
func (m *Machine) enter(s machineState) {
	for _, ok := range machineEdges[m.state] {
		if ok == s {
			m.state = s
			return
		}
	}
	panic(fmt.Sprintf("target: internal error: %v to %v", m.state, s))
}

var machinePhases = [...]wire.Phase{
	accepting: wire.PhaseSnapshot, preparing: wire.PhaseSnapshot, restoring: wire.PhaseTransfer, replaying: wire.PhaseReplay,
	holding: wire.PhaseCutover, activating: wire.PhaseCutover, active: wire.PhaseComplete, dropped: wire.PhaseComplete,
}

// timers does what is due: reports, questions, and letting go of an orphan that promised nothing.
func (m *Machine) timers() {
	m.reportIfDue()
	switch {
	case m.state < holding && m.due(m.alive.Add(m.cfg.Orphan)):
		m.fail(wire.ReasonUnreachable, "the source is gone or says nothing, and no hold was given")
	case m.state < holding && m.connected && m.nudged != m.alive && m.due(m.nudgeAt()):
		m.nudged = m.alive
		m.send(m.source, &wire.Ask{Ref: m.ref})
	case m.state == holding && m.due(m.askAt):
		m.doubt = m.doubt || m.due(m.since.Add(m.cfg.DoubtAfter))
		m.ask()
	case m.again && m.due(m.askAt):
		m.doubt = m.doubt || m.due(m.since.Add(m.cfg.DoubtAfter))
		m.activateAgain()
	}
}

func (m *Machine) due(t time.Time) bool { return !m.now.Before(t) }

// wake is the earliest time at which timers has something to do.
func (m *Machine) wake() time.Time {
	switch {
	case m.state == holding || m.again:
		return m.askAt
	case m.reportDue && (m.state == replaying || m.state == restoring):
		return m.reportAt.Add(progressEvery)
	case m.state < holding && m.connected && m.nudged != m.alive:
		return m.nudgeAt()
	case m.state < holding:
		return m.alive.Add(m.cfg.Orphan)
	}
	return time.Time{}
}

// nudgeAt is when a source that is connected and has said nothing is asked if it still knows the migration. Any word
// of it will do; without one the copy goes as if the source were gone.
func (m *Machine) nudgeAt() time.Time { return m.alive.Add(m.cfg.Orphan / 2) }

// rate is the replay rate in events per second: an average that forgets, over calls that applied
// something.
type rate struct{ value float64 }

func (r *rate) observe(applied uint64, took time.Duration) {
	if applied == 0 || took <= 0 {
		return
	}
	now := float64(applied) / took.Seconds()
	if r.value == 0 {
		r.value = now
		return
	}
	r.value += (now - r.value) / 8
}

func (r *rate) perSecond() uint64 { return uint64(r.value) }

// MachineStatus is a migration as its target sees it.
type MachineStatus struct {
	Migration    wire.MigrationID
	Source       crypto.NodeID
	Orchestrator crypto.NodeID
	Phase        wire.Phase
	State        string // finer than Phase, for people
	Through      uint64 // sequence of the last replayed event
	InDoubt      bool   // held for longer than the limit without an outcome
	SourceLost   bool   // the source has restarted and does not know the daemon any more
	Ended        *Ended // nil while it runs
}

// Status describes the migration as it stands.
func (m *Machine) Status() MachineStatus {
	return MachineStatus{
		Migration: m.ref.Migration, Source: m.source, Orchestrator: m.orch,
		Phase: machinePhases[m.state], State: m.state.String(), Through: m.head.Sequence,
		InDoubt: m.doubt, SourceLost: m.lost, Ended: m.ended,
	}
}

// Ref names the migration.
func (m *Machine) Ref() wire.Ref { return m.ref }

// Source is the node the daemon comes from.
func (m *Machine) Source() crypto.NodeID { return m.source }

// Orchestrator is the node that asked for the migration.
func (m *Machine) Orchestrator() crypto.NodeID { return m.orch }

// Droppable reports whether the copy here has promised nothing.
func (m *Machine) Droppable() bool { return m.state < holding }

// Active reports whether the daemon has been activated here: the source may forward what it held.
func (m *Machine) Active() bool { return m.state == active }
