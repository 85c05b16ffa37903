package source

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Handover returns the committed handover entry; false before the commit.
func (m *Machine) Handover() (crypto.CausalEvent, bool) {
	return m.handover, m.state >= committed && m.state != stayed
}

// answered takes what is said of the daemon. A handover proves itself, whoever sends it; that a copy is gone is for the target
// to say.
func (m *Machine) answered(from crypto.NodeID, msg *wire.Answer) {
	switch {
	case msg.HasHandover:
		m.entry(msg.Handover)
	case msg.State == wire.StateUnknown && from == m.req.Target && msg.Attempt == m.attempt.Attempt:
		m.targetForgot()
	}
}

// targetForgot: a target that answers for a handover it does not know has lost the copy it promised. That
// takes a target without durable records; what is left to do is said, not guessed. An answer that names
// another attempt was given to somebody else's question, perhaps before the hold.
func (m *Machine) targetForgot() {
	m.hurry()
	if m.state == committed {
		m.forgotten, m.doubt = true, true
		m.status()
	}
}

func (m *Machine) doubtDetail() string {
	if m.state == promised {
		return "frozen and promised; the directory decides whether the target gets the daemon, and is asked until it has"
	}
	if m.forgotten {
		return "committed, but the target restarted without the copy it promised to keep (durability memory); the frozen copy is still here"
	}
	return "committed; the target has not confirmed the handover yet, which is repeated until it does"
}

// answer tells a target or an orchestrator where this migration stands. It names the attempt it was asked
// about, and says nothing of any later one (protocol §3.3.18): a newer attempt may have begun meanwhile. *Serving* voids the
// attempt it names at the target, so that an early one which is asked about ends here as well.
func (m *Machine) answer(to crypto.NodeID, msg *wire.Ask) {
	if m.state < frozen && msg.Attempt == m.attempt.Attempt {
		m.endAttempt()
	}
	ans := &wire.Answer{Ref: m.ref, State: wire.StateServing, Boot: m.cfg.Boot, Attempt: msg.Attempt}
	switch {
	case m.state >= committed && m.state != stayed:
		ans.State, ans.HasHandover, ans.Handover = wire.StateReleased, true, m.handover
	case m.state >= frozen && m.state < committed && msg.Attempt == m.attempt.Attempt:
		ans.State = wire.StateFrozen
	}
	m.send(to, ans)
}

// late answers what comes after the end, so that nobody waits for a migration that is over (protocol
// §4.12.2): a target learns that nothing moved, an orchestrator how it ended. What is itself an answer gets
// none.
func (m *Machine) late(from crypto.NodeID, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Answer, *wire.MigrationFailed, *wire.ActivateAck, *wire.Forwarded:
		return
	case *wire.Ask:
		m.answer(from, msg)
	case *wire.Cancel:
		m.neverAgain(from)
	}
	switch {
	case from == m.req.Orchestrator:
		m.send(m.req.Orchestrator, m.Outcome())
	case from == m.req.Target && m.state == stayed:
		m.send(m.req.Target, m.Outcome())
	}
}

// neverAgain makes *not ready* final: a request that is still under way must not begin anew what its orchestrator has cancelled
// (protocol §4.1.4).
func (m *Machine) neverAgain(from crypto.NodeID) {
	if from == m.req.Orchestrator && m.Again() {
		m.ended = &Ended{Outcome: wire.OutcomeStayed, Reason: wire.ReasonCancelled, Detail: "cancelled while the target was not ready: " + m.ended.Detail}
	}
}
