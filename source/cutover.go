package source

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Holding reports whether submissions to the daemon must come here as [Submitted] instead of going to the
// daemon: from the moment the freeze is asked for until the daemon serves again, here or at the target.
func (m *Machine) Holding() bool { return m.freezeAsked && m.state < moved }

// submitted takes a submission of whom the owner found Holding to be true a moment ago.
func (m *Machine) submitted(s Submission) {
	switch {
	case m.state == moved:
		m.reply(s, wire.ReasonMoved)
		return
	case len(s.Items) == 0:
		m.reply(s, wire.ReasonNone) // nothing to wait for
		return
	case !m.Holding():
		m.out.Apply = append(m.out.Apply, s)
		return
	case m.forwardedEnough(), !m.held.add(s):
		m.reply(s, wire.ReasonFrozen)
		return
	}
	if m.state == forwarding {
		m.forwardOn()
	}
}

// mayCutover reports whether the target could take the last events now. Without a session, or a directory that
// can decide, a freeze would only spend its budget.
func (m *Machine) mayCutover() bool {
	return m.state == replaying && m.connected && (m.directory.listed || !m.req.Directory)
}

// tryCutover freezes when the target is close enough behind, and not right after a freeze that failed. If it has
// everything it is asked for its hold first.
func (m *Machine) tryCutover() {
	switch {
	case !m.mayCutover() || m.attempt.live:
	case m.freezeAsked: // stop-and-copy: it has been frozen since before the snapshot
		m.final()
	case m.now.Before(m.pauseEnd()) || m.resting() || !m.converge.ready(m.lag(), m.req.Options.MaxBlackout):
	case m.attempt.early < maxEarly && m.lag() == 0:
		m.openEarly()
	default:
		m.freeze(freezing)
	}
}

// cutoverNow is the orchestrator's wish. It may come early, but it cannot make a blackout longer than the
// budget: the prediction still decides.
func (m *Machine) cutoverNow() {
	switch {
	case m.mayCutover() && m.freezeAsked:
		m.final()
	case m.mayCutover() && m.converge.affordable(m.lag(), m.req.Options.MaxBlackout):
		m.freeze(freezing)
	default:
		m.status() // not now; the phase and the lag say why
	}
}

// freeze holds submissions from here on. The freeze itself runs behind the submissions that are already
// on the daemon's queue, so that every one of them is applied and shipped before Final. The budget counts
// from here, since that is when producers begin to wait.
func (m *Machine) freeze(s state) {
	m.freezeAsked = true
	m.freezesOut++
	m.frozenAt, m.freezeEnds = m.now, m.now.Add(m.cfg.FreezeBudget)
	m.enter(s)
	m.call(CallFreeze{})
}

// froze: only the result of the newest freeze counts. One that was given up has its CallThaw behind it.
func (m *Machine) froze(in Frozen) {
	m.freezesOut--
	if m.freezesOut > 0 || m.state != freezing && m.state != stopping {
		return
	}
	if in.Err != nil {
		m.fail(wire.ReasonOf(in.Err), "the freeze failed: "+in.Err.Error())
		return
	}
	m.frozenHead = in.Head
	if m.state == stopping {
		m.takeView()
		return
	}
	m.final()
}

// final asks for the hold of the frozen head, unless that is what the target was asked for before the freeze. From here
// until the commit, an abort of the attempt costs nothing. A stop-and-copy has been frozen for long; there the budget
// counts from here (protocol §4.11).
func (m *Machine) final() {
	if m.req.StopAndCopy {
		m.freezeEnds = m.now.Add(m.cfg.FreezeBudget)
	}
	m.enter(frozen)
	m.ship()
	if m.attempt.final != m.frozenHead {
		m.endAttempt()
	}
	switch {
	case !m.attempt.live:
		m.open(m.frozenHead)
	case m.attempt.held:
		m.commit()
	default: // on its way
		m.resetRetry()
		m.backoff()
	}
}

// commit is for a frozen daemon whose target holds its head for the live attempt.
func (m *Machine) commit() {
	if m.req.Directory {
		m.enter(promising)
		m.call(CallPromise{m.delivery()})
		return
	}
	m.enter(committing)
	m.call(m.delivery())
}

// delivery is the handover, and what delivering it takes.
func (m *Machine) delivery() CallHandOver {
	return CallHandOver{
		From: m.cfg.Node, To: m.req.Target, Next: m.nextKey,
		Ref: m.ref, Attempt: m.attempt.Attempt, Orchestrator: m.req.Orchestrator, Addrs: m.req.Addrs,
	}
}

// over reports whether an attempt of this migration has ended without a commit.
func (m *Machine) over(a wire.Attempt) bool {
	return m.state < committed && (a.Less(m.attempt.Attempt) || a == m.attempt.Attempt && !m.attempt.live)
}

// handedOver: with the entry durable the daemon is the target's. An error means that nothing was written:
// the host refused before it appended.
func (m *Machine) handedOver(in HandedOver) {
	if m.state != committing {
		return
	}
	if in.Err != nil && m.req.Directory {
		panic("source: internal error: the entry that a directory has decided was refused: " + in.Err.Error())
	}
	if in.Err != nil {
		m.fail(wire.ReasonOf(in.Err), "the handover was refused: "+in.Err.Error())
		return
	}
	if in.Event.Link.Parent != m.frozenHead.Digest || in.Event.Link.Sequence != m.frozenHead.Sequence+1 {
		panic("source: internal error: the handover does not follow the frozen head")
	}
	m.handover = in.Event
	m.boundAt = m.now
	m.enter(committed)
	m.resetRetry()
	if m.earlyAck != nil {
		m.activated(m.earlyAck)
		return
	}
	m.sendActivate()
}

// sendActivate gives the handover to the target and to whoever may relay it.
func (m *Machine) sendActivate() {
	msg := &wire.ActivateTarget{Ref: m.ref, Attempt: m.attempt.Attempt, Handover: m.handover}
	m.send(m.req.Target, msg)
	if m.req.Orchestrator != m.cfg.Node && m.req.Orchestrator != m.req.Target {
		m.send(m.req.Orchestrator, msg)
	}
	m.backoff()
}

// activated: the successor's own signature over its head is what lets the copy here go.
func (m *Machine) activated(msg *wire.ActivateAck) {
	if m.req.Directory && (m.state == promised || m.state == committing) {
		m.earlyAck = msg // the entry that it is about is on its way to the log
	}
	if m.state == committed && m.provesActivation(msg.Signed) {
		m.succeeded()
	}
}

// succeeded lets the copy here go.
func (m *Machine) succeeded() {
	m.stats.Blackout = m.now.Sub(m.frozenAt)
	m.stats.Epoch = m.req.Epoch + 1
	m.doubt = false
	m.progressed()
	m.enter(forwarding)
	m.call(CallRetire{})
	m.resetRetry()
	m.forwardOn()
	m.backoff()
	m.finishIfAnswered()
}

func (m *Machine) provesActivation(s crypto.SignedHead) bool {
	return s.Epoch == m.req.Epoch+1 && s.Head.Origin == m.req.Origin &&
		s.Head.Sequence == m.handover.Link.Sequence && s.Head.Digest == m.handover.Digest() &&
		s.Head.Outputs == m.frozenHead.Outputs && s.VerifyKey(m.nextKey) == nil
}

// freezeTimedOut ends an attempt, not the migration: the hold at the target is void, its copy stays. Only
// a freeze with Final out counts against the target; before that the daemon's own queue was too long.
func (m *Machine) freezeTimedOut() {
	m.freezes++
	waited := "the daemon's queue"
	if m.state >= frozen {
		m.out.FreezeTimedOut = true
		waited = "the target"
	}
	if m.freezes >= MaxFreezes || m.req.StopAndCopy {
		m.fail(wire.ReasonFreezeBudget, fmt.Sprintf("freeze %d passed %v waiting for %s", m.freezes, m.cfg.FreezeBudget, waited))
		return
	}
	m.endAttempt()
	m.enter(replaying)
	m.thaw()
}
