package orchestrator

import (
	"fmt"

	"github.com/ferrymesh/ferry/wire"
)

// This file is how a migration ends here without having moved anything. A request that has been repeated may have begun it again at
// the source when the refusal of the one before arrives. So a target that is not ready ends nothing by itself: the Cancel does,
// once the source has answered it (protocol §4.1.4).

// failed: nothing has moved. After the commit no source says so of this migration (protocol §5.4).
func (m *Machine) failed(msg *wire.MigrationFailed) {
	switch {
	case m.committed:
		m.cameBack = m.cameBack || msg.Reason == wire.ReasonMoved
		m.endIfProven()
	case msg.Reason == wire.ReasonNotReady:
		m.notReady(msg.Detail)
	case m.gaveUp != "" && (msg.Reason == wire.ReasonCancelled || msg.Reason == wire.ReasonDaemonNotFound):
		m.end(wire.OutcomeStayed, wire.ReasonNotReadyTimeout, m.gaveUp)
	default:
		m.end(wire.OutcomeStayed, msg.Reason, msg.Detail)
	}
}

// notReady waits and asks again within the budget, which begins with the first refusal. To one that has cancelled it says only that
// the source is there, and perhaps that of a request before the Cancel.
func (m *Machine) notReady(detail string) {
	m.sent = true
	if m.state == waiting || m.cancelled {
		return
	}
	if m.readyTill.IsZero() {
		m.readyTill = m.now.Add(m.cfg.ReadyBudget)
	}
	m.backoff()
	m.state, m.phase = waiting, wire.PhaseSnapshot
	if m.at.After(m.readyTill) {
		m.gaveUp = fmt.Sprintf("the target was not ready in %d tries: %s", m.tries, detail)
		m.cancel()
	}
}

// cancel asks the source to stop. While the target is not ready there may be nothing to stop: the source says so.
func (m *Machine) cancel() {
	if m.state == done {
		return
	}
	m.cancelled = true
	m.sendCancel()
	if m.state == waiting {
		m.state, m.heard = asking, m.now
	}
}
