package target

import (
	"errors"
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// finalAt: the source wants this head held for this attempt. It is frozen there, or has sequenced nothing since (protocol
// §4.6.7), which makes no difference here. A repeat is answered again; an attempt below one already known is ignored,
// never obeyed.
func (m *Machine) finalAt(msg *wire.Final) {
	a := msg.Attempt
	if m.state != replaying && m.state != holding && m.state != restoring || a.Epoch != m.ref.Epoch {
		return
	}
	if a.Less(m.wanted) || !m.void.Less(a) || a == m.wanted && msg.Head != m.final {
		return
	}
	m.wanted, m.final = a, msg.Head
	if m.held == a {
		m.replayComplete()
		return
	}
	m.tryHold()
}

// tryHold asks for the hold once this node's head is the one that is wanted. A head beyond it means that the source
// has given the attempt up and its word of that is still on the way: events travel on another stream.
func (m *Machine) tryHold() {
	if m.wanted.IsZero() || m.asked == m.wanted || m.held == m.wanted || m.state == restoring {
		return
	}
	if m.head.Sequence != m.final.Sequence {
		return
	}
	if m.head != m.final {
		m.fail(wire.ReasonHeadMismatch, fmt.Sprintf("the head here at %d is not the source's", m.head.Sequence))
		return
	}
	m.asked, m.tried, m.askedHead = m.wanted, m.wanted, m.final
	m.call(CallHold{Attempt: m.wanted, Final: m.final})
}

// holdDone: the hold is durable. Only now may the source be told, and only if it still wants it. If the copy
// had already gone past that head, only the attempt is lost.
func (m *Machine) holdDone(in HoldDone) {
	if in.Attempt != m.asked || m.state != replaying && m.state != holding {
		return
	}
	m.asked = wire.Attempt{}
	if errors.Is(in.Err, crypto.ErrGap) || errors.Is(in.Err, wire.ErrStaleEpoch) {
		return
	}
	if in.Err != nil {
		m.fail(wire.ReasonOf(in.Err), "the copy could not be held: "+in.Err.Error())
		return
	}
	m.held, m.heldHead, m.since = in.Attempt, m.askedHead, m.now
	m.cert = nil // one for the attempt before is worth nothing any more
	m.askWait, m.askAt = m.cfg.AskAfter, m.now.Add(m.cfg.AskAfter)
	if m.state == replaying {
		m.enter(holding)
	}
	if m.held == m.wanted {
		m.replayComplete()
	}
}

// replayComplete sends the signed hold (protocol §3.3.11). A copy that has gone past
// the held head cannot say so any more; events of after the attempt prove that it is over.
func (m *Machine) replayComplete() {
	if m.head != m.heldHead {
		return
	}
	m.send(m.source, m.signedHold())
}

// signedHold is the hold as the source, and a directory, take it: signed.
func (m *Machine) signedHold() *wire.ReplayComplete {
	msg := &wire.ReplayComplete{Ref: m.ref, Attempt: m.held, Head: m.heldHead}
	if err := msg.Sign(m.key); err != nil {
		panic("target: internal error: the key of a held copy cannot sign: " + err.Error())
	}
	return msg
}

// abortedAttempt ends the named attempt and every older one. The copy stays and replay goes on.
func (m *Machine) abortedAttempt(a wire.Attempt) {
	if m.state >= activating || a.Epoch != m.ref.Epoch {
		return
	}
	if m.void.Less(a) {
		m.void = a
	}
	m.release(a)
	m.tryHold() // a newer attempt may have been waiting for the hold to go
}

// release gives up what there is for attempts up to a: a wish, a hold under way, a hold, one that the handler may have been left
// with. Newer ones stay.
func (m *Machine) release(a wire.Attempt) {
	over := func(b *wire.Attempt) bool {
		if b.IsZero() || a.Less(*b) {
			return false
		}
		*b = wire.Attempt{}
		return true
	}
	over(&m.wanted)
	over(&m.asked)
	tried, held := over(&m.tried), over(&m.held)
	if tried || held {
		m.call(CallRelease{Attempt: a})
	}
	if held {
		m.doubt, m.lost, m.cert = false, false, nil
		m.enter(replaying)
		m.call(CallReplay{}) // what could not be applied under the hold ends the migration now
	}
}

// activate checks the handover before the handler sees it: it proves itself, whoever carries it, and one
// that does not must not even be buffered.
func (m *Machine) activate(from crypto.NodeID, ev crypto.CausalEvent) {
	switch m.state {
	case active:
		m.ack(from)
		return
	case activating:
		m.ackLater(from)
		return
	case replaying, holding:
	default: // nothing is restored that a handover could follow
		m.send(from, refusal(m.ref, wire.ErrWrongPhase))
		return
	}
	if m.directory && ev.Kind == crypto.EventHandover {
		m.consult() // whoever has an entry knows that there was a decision; what it was the directory says
		return
	}
	h, err := m.checkHandover(ev)
	switch {
	case err == nil:
	case errors.Is(err, errElsewhere) && ev.Kind == crypto.EventHandover:
		m.releaseAll()
		m.drop(wire.ReasonMoved, fmt.Sprintf("the daemon has moved to %v", h.To))
		return
	default:
		m.send(from, refusal(m.ref, err))
		return
	}
	m.ackLater(from)
	m.activateWith(ev)
}

// activateWith makes the entry durable and lets the daemon serve; nothing leads back.
func (m *Machine) activateWith(ev crypto.CausalEvent) {
	m.handover = ev
	if m.state != holding {
		m.since = m.now
	}
	m.askWait = 0
	m.enter(activating)
	m.call(CallActivate{Handover: ev})
}

func refusal(ref wire.Ref, err error) *wire.SessionError {
	return refusalOf(wire.TypeActivateTarget, ref, err)
}

func refusalOf(t wire.Type, ref wire.Ref, err error) *wire.SessionError {
	return &wire.SessionError{
		Subject: t,
		Origin:  ref.Origin, Migration: ref.Migration, Reason: wire.ReasonOf(err), Detail: err.Error(),
	}
}

// errElsewhere: a handover of this epoch, signed with its key, names another node. There is one in an epoch, so no hold of
// this copy will ever be used.
var errElsewhere = fmt.Errorf("target: the handover names another node: %w", wire.ErrWrongPeer)

func (m *Machine) checkHandover(ev crypto.CausalEvent) (crypto.Handover, error) {
	signer := m.epochKey
	if ev.Kind == crypto.EventForced {
		signer = m.admin
	}
	h, err := crypto.ParseHandover(ev, signer)
	if err != nil {
		return h, err
	}
	return h, m.follows(&h)
}

// follows holds what a handover states against the copy and the node.
func (m *Machine) follows(h *crypto.Handover) error {
	switch {
	case h.Epoch != m.ref.Epoch+1:
		return fmt.Errorf("target: the handover is for epoch %d: %w", h.Epoch, wire.ErrStaleEpoch)
	case h.To != m.cfg.Node:
		return errElsewhere
	case h.Next != m.key.Public():
		return wire.ErrWrongKey
	case h.Head.Sequence > m.head.Sequence:
		return wire.ErrGap
	case h.Head != m.head:
		return wire.ErrHeadMismatch
	}
	return nil
}

func (m *Machine) ackLater(to crypto.NodeID) {
	for _, n := range m.ackTo {
		if n == to {
			return
		}
	}
	if len(m.ackTo) < maxAckTo {
		m.ackTo = append(m.ackTo, to)
	}
}

// maxAckTo bounds who is answered at once; a carrier beyond it gets its answer when it repeats.
const maxAckTo = 16

// activateAgain repeats an activation that failed.
func (m *Machine) activateAgain() {
	m.again = false
	m.call(CallActivate{Handover: m.handover})
}

// activated: the entry is durable and the daemon serves.
func (m *Machine) activated(in Activated) {
	if m.state != activating {
		return
	}
	if in.Err != nil {
		// The handover was checked: the daemon is this node's, and what fails now can only be tried again.
		m.again = true
		m.askWait = min(max(2*m.askWait, m.cfg.AskAfter), askMax)
		m.askAt = m.now.Add(m.askWait)
		return
	}
	m.acked = in.Signed
	m.doubt, m.lost = false, false
	m.enter(active)
	m.ackLater(m.source)
	for _, to := range m.ackTo {
		m.ack(to)
	}
	m.call(CallComplete{})
	m.end(wire.OutcomeMoved, 0, "")
}

// Ack is the proof that the daemon was activated here, for sources that ask after this migration has been
// forgotten. It is valid once the migration has ended as moved.
func (m *Machine) Ack() *wire.ActivateAck {
	return &wire.ActivateAck{Ref: m.ref, Signed: m.acked}
}

// Decided is the entry that a directory has decided, nil if none has. It is valid once the migration has ended as moved.
func (m *Machine) Decided() *crypto.CausalEvent {
	if !m.directory {
		return nil
	}
	return &m.handover
}

// ack proves the activation. A source that a directory has decided about does not have the entry yet.
func (m *Machine) ack(to crypto.NodeID) {
	if m.directory && to == m.source {
		m.answer(to, &wire.Ask{Attempt: m.held})
	}
	m.send(to, m.Ack())
}

// ask is all a held copy does when it hears nothing.
func (m *Machine) ask() {
	m.send(m.source, &wire.Ask{Ref: m.ref, Attempt: m.held})
	if m.orch != m.source && m.orch != m.cfg.Node {
		m.send(m.orch, &wire.Ask{Ref: m.ref, Attempt: m.held})
	}
	m.consult()
	m.askWait = min(2*m.askWait, askMax)
	m.askAt = m.now.Add(m.askWait)
}

// answered takes what is known elsewhere. A handover counts from anyone; that the daemon serves counts
// from its source alone.
func (m *Machine) answered(from crypto.NodeID, msg *wire.Answer) {
	switch {
	case msg.State == wire.StateReleased && msg.HasHandover:
		m.activate(from, msg.Handover)
	case from != m.source:
	case m.state < holding && msg.State == wire.StateUnknown:
		m.drop(wire.ReasonDaemonNotFound, "the source no longer knows the migration")
	case m.state != holding:
	case msg.State == wire.StateServing:
		m.abortedAttempt(msg.Attempt)
	case msg.State == wire.StateUnknown:
		m.lost = m.lost || msg.Boot > m.held.Boot
		m.doubt = m.doubt || m.lost
	}
}

// answer tells an asker where the daemon stands on this node.
func (m *Machine) answer(to crypto.NodeID, msg *wire.Ask) {
	ans := &wire.Answer{Ref: m.ref, State: wire.StateUnknown, Boot: m.cfg.Boot, Attempt: msg.Attempt}
	switch m.state {
	case active:
		ans.State, ans.HasHandover, ans.Handover = wire.StateServing, true, m.handover
	case holding, activating:
		ans.State = wire.StateFrozen
	}
	m.send(to, ans)
}
