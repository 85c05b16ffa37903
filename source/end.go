package source

import "github.com/ferrymesh/ferry/wire"

// targetFailed ends the migration, unless the handover has been asked for: from then on the target cannot
// fail, it has said ReplayComplete (protocol §3.3.19). The target knows already, so only the orchestrator is
// told. One that refuses what was held has restarted since it activated the daemon: the producers ask again, and
// find it.
func (m *Machine) targetFailed(msg *wire.MigrationFailed) {
	switch {
	case m.bound() && m.state < committed:
		m.hurry()
	case m.state < committing:
		m.stay(msg.Reason, msg.Detail)
	case m.state == forwarding:
		m.giveUpForwarding()
	}
}

func (m *Machine) cancel(detail string) {
	if m.bound() {
		m.status() // too late, and the asker learns why: the phase says so
		return
	}
	m.fail(wire.ReasonCancelled, detail)
}

// fail ends the migration with the daemon here and serving. It is never called after the commit has been
// asked for, except by a commit that failed before anything was written.
func (m *Machine) fail(reason wire.Reason, detail string) {
	if m.state >= moved {
		return
	}
	m.send(m.req.Target, &wire.MigrationFailed{Ref: m.ref, Reason: reason, Detail: detail})
	m.stay(reason, detail)
}

// stay is fail for a target that knows already.
func (m *Machine) stay(reason wire.Reason, detail string) {
	m.closeView()
	m.attempt.live = false
	m.send(m.req.Orchestrator, &wire.MigrationFailed{Ref: m.ref, Reason: reason, Detail: detail})
	m.enter(stayed)
	m.thaw()
	m.end(wire.OutcomeStayed, reason, detail)
}

// thaw lets the daemon go on here, with everything that was held, in order.
func (m *Machine) thaw() {
	if !m.freezeAsked {
		return
	}
	m.freezeAsked = false
	m.thawedAt = m.now
	m.call(CallThaw{})
	m.out.Apply = append(m.out.Apply, m.held.take()...)
}

// closeView ends the snapshot stream and releases the view, once. A copy that this very step would have
// started is not started.
func (m *Machine) closeView() {
	if m.viewOpen {
		m.viewOpen = false
		m.out.Copy, m.out.StopCopy = nil, true
	}
}

func (m *Machine) end(o wire.Outcome, reason wire.Reason, detail string) {
	m.ended = &Ended{Outcome: o, Reason: reason, Detail: detail}
	m.out.Ended = m.ended
}
