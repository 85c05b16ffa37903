package source

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// progressed notes that the migration moves.
func (m *Machine) progressed() { m.alive = m.now }

func (m *Machine) resetRetry() { m.retryWait = 0 }

// backoff sets when the last message is sent again.
func (m *Machine) backoff() {
	m.retryWait = min(max(2*m.retryWait, retryMin), retryMax)
	m.retryAt = m.now.Add(m.retryWait)
}

// timers does what is due. Before the commit limits end things; after it time only resends and raises
// the alarm.
func (m *Machine) timers() {
	if m.state >= moved {
		return
	}
	m.consultIfDue()
	if !m.bound() {
		m.limits()
	}
	if m.state < moved && !m.now.Before(m.retryAt) {
		m.resend()
	}
	if m.shipDue() {
		m.ship()
	}
	if m.state == forwarding && m.passed(m.alive, m.req.Options.Stall) {
		m.giveUpForwarding()
		return
	}
	if (m.state == committed || m.state == promised) && !m.doubt && m.passed(m.boundAt, m.cfg.DoubtAfter) {
		m.doubt = true
		m.status()
	}
	if m.state < moved && !m.now.Before(m.statusAt) {
		m.status()
	}
}

func (m *Machine) limits() {
	if m.state >= freezing && !m.now.Before(m.freezeEnds) {
		m.freezeTimedOut() // the migration goes on, or has ended with this
	}
	opt := m.req.Options
	switch {
	case m.state >= moved:
	case opt.Timeout > 0 && m.passed(m.started, opt.Timeout):
		m.fail(wire.ReasonTimeout, fmt.Sprintf("not done after %v", opt.Timeout))
	case m.passed(m.alive, opt.Stall):
		m.fail(wire.ReasonTimeout, fmt.Sprintf("no progress for %v while %v", opt.Stall, m.state))
	case m.isCut() && m.passed(m.copy.cutAt, m.cfg.ResumeGrace):
		m.fail(wire.ReasonUnreachable, "the copy broke off: "+m.copy.why)
	case m.state == replaying:
		m.judgeConvergence()
	}
}

// judgeConvergence goes on to the cutover, or slows the producers if the target does not catch up. Nothing is
// judged without a session: it could not catch up then, and the stall limit decides.
func (m *Machine) judgeConvergence() {
	m.endEarlyIfDue()
	c, lag := &m.converge, m.lag()
	if m.freezeAsked || !m.connected || c.reports == 0 || c.ready(lag, m.req.Options.MaxBlackout) {
		m.tryCutover()
		return
	}
	if !c.judge(m.now, lag) {
		m.fail(wire.ReasonNotConverging, fmt.Sprintf("%d events behind with producers slowed to the ceiling, predicted blackout %v", lag, c.predicted(lag).Round(time.Millisecond)))
	}
}

// resend repeats what has not been answered.
func (m *Machine) resend() {
	switch m.state {
	case preparing:
		m.sendPrepare()
	case copying, restoring:
		m.retryAt = m.now.Add(retryMax)
		if m.isCut() {
			m.askResume()
		}
	case replaying:
		m.retryAt = m.now.Add(retryMax)
		if !m.connected {
			m.askResume() // nothing else is sent without a session, and so nothing else would make one
		}
	case frozen:
		m.sendFinal()
	case promised:
		m.sendPromised()
	case committed:
		m.sendActivate()
	case forwarding:
		m.forwardAgain()
	default:
		m.retryAt = m.now.Add(retryMax)
	}
}

// pauseEnd is when the next freeze may start after ones that timed out.
func (m *Machine) pauseEnd() time.Time {
	if m.freezes == 0 {
		return time.Time{}
	}
	return m.thawedAt.Add(m.cfg.FreezeBudget << (m.freezes - 1))
}

func (m *Machine) passed(since time.Time, limit time.Duration) bool {
	return !m.now.Before(since.Add(limit))
}

// wake is the earliest time at which timers has something to do.
func (m *Machine) wake() time.Time {
	if m.state >= moved {
		return time.Time{}
	}
	at := m.retryAt
	earlier := func(t time.Time) {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	earlier(m.directory.at)
	if !m.bound() {
		earlier(m.alive.Add(m.req.Options.Stall))
		if m.req.Options.Timeout > 0 {
			earlier(m.started.Add(m.req.Options.Timeout))
		}
	}
	earlier(m.statusAt)
	switch m.state {
	case copying, restoring:
		if m.claimed && m.connected {
			earlier(m.shipAt)
		}
		if m.isCut() {
			earlier(m.copy.cutAt.Add(m.cfg.ResumeGrace))
		}
	case replaying:
		earlier(m.now.Add(stepInterval))
		earlier(m.earlyWake())
		if p := m.pauseEnd(); p.After(m.now) {
			earlier(p)
		}
	case freezing, frozen:
		earlier(m.freezeEnds)
	case promised, committed:
		if !m.doubt {
			earlier(m.boundAt.Add(m.cfg.DoubtAfter))
		}
	case forwarding:
		earlier(m.alive.Add(m.req.Options.Stall))
	}
	return at
}
