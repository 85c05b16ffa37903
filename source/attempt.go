package source

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// A source whose target has everything opens an attempt before it freezes (protocol §4.6.7): Final names the head that
// both have, the target holds it, and the daemon goes on serving. If nothing has been sequenced when the hold comes,
// the source freezes, finds itself frozen at the very head that is held, and commits at once: what is left of the
// blackout is the way of the handover. The first event ends the attempt before it is shipped, so that a target never
// sees an event behind the head of a live attempt.

// Early attempts cost a busy daemon nothing, since its target never has everything. One that is fed now and then may lose
// one to an event; after maxEarly of them, with a pause after each, it is frozen as any other.
const (
	maxEarly   = 3
	earlyPause = 100 * time.Millisecond
)

// attempt is the one that was opened last, and how many of them were early.
type attempt struct {
	wire.Attempt
	live    bool        // it may still lead to a commit; only in memory, and never again after an end
	final   crypto.Head // what its Final names
	held    bool        // the target has said, signed, that it holds exactly that
	early   int         // how many were opened before a freeze
	earlyAt time.Time   // when the last of those was
}

// open begins an attempt, which voids every earlier one.
func (m *Machine) open(at crypto.Head) {
	a := &m.attempt
	a.Attempt = wire.Attempt{Epoch: m.req.Epoch, Boot: m.cfg.Boot, Count: m.cfg.NextAttempt()}
	a.live, a.final, a.held = true, at, false
	m.resetRetry()
	m.sendFinal()
}

func (m *Machine) sendFinal() {
	m.send(m.req.Target, &wire.Final{Ref: m.ref, Attempt: m.attempt.Attempt, Head: m.attempt.final})
	m.backoff()
}

// endAttempt gives up the attempt, if there is one, and lets the target go on.
func (m *Machine) endAttempt() {
	if m.attempt.live {
		m.attempt.live = false
		m.send(m.req.Target, &wire.Aborted{Ref: m.ref, Attempt: m.attempt.Attempt})
	}
}

// resting reports whether the last early attempt is too recent for the next one. The freeze waits for that as well: a
// daemon that was level a moment ago will be again.
func (m *Machine) resting() bool {
	a := &m.attempt
	return a.early > 0 && a.early < maxEarly && !m.passed(a.earlyAt, earlyPause)
}

// openEarly opens an attempt at the newest head, which the target has.
func (m *Machine) openEarly() {
	m.attempt.early++
	m.attempt.earlyAt = m.now
	m.open(m.backlog.head)
}

// endEarlyIfDue ends an early attempt that the target does not answer in the time of a freeze. The next freeze will find
// out why.
func (m *Machine) endEarlyIfDue() {
	if m.attempt.live && m.passed(m.attempt.earlyAt, m.cfg.FreezeBudget) {
		m.attempt.early = maxEarly
		m.endAttempt()
	}
}

// earlyWake is when the early attempt, or the pause after it, is over; zero for neither.
func (m *Machine) earlyWake() time.Time {
	switch {
	case m.attempt.live:
		return m.attempt.earlyAt.Add(m.cfg.FreezeBudget)
	case m.resting():
		return m.attempt.earlyAt.Add(earlyPause)
	}
	return time.Time{}
}

// replayComplete is the target's signed hold. Only one for the live attempt and its very head counts (protocol
// §4.7.1), and it commits only what is frozen. One for an attempt that is over is told so, which releases the
// target's hold.
func (m *Machine) replayComplete(msg *wire.ReplayComplete) {
	if !m.attempt.live || msg.Attempt != m.attempt.Attempt || m.state > frozen {
		if m.over(msg.Attempt) {
			m.send(m.req.Target, &wire.Aborted{Ref: m.ref, Attempt: msg.Attempt})
		}
		return
	}
	if msg.Head != m.attempt.final {
		m.fail(wire.ReasonHeadMismatch, fmt.Sprintf("the target holds another head at %d", msg.Head.Sequence))
		return
	}
	if err := msg.Verify(m.nextKey); err != nil {
		m.fail(wire.ReasonWrongKey, "the target's hold is not signed with the key it announced")
		return
	}
	m.attempt.held = true
	switch m.state {
	case replaying:
		m.freeze(freezing)
	case frozen:
		m.commit()
	}
}
