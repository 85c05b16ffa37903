package source

import "github.com/ferrymesh/ferry/wire"

// forwardOn sends what was held, oldest first, with the producers' own numbers, as far as the target has answered.
func (m *Machine) forwardOn() {
	for s, ok := m.held.next(); ok; s, ok = m.held.next() {
		m.forward(s)
	}
}

// forwardAgain repeats what was sent and is not answered.
func (m *Machine) forwardAgain() {
	for _, s := range m.held.waiting[:m.held.out] {
		m.forward(s)
	}
	m.backoff()
}

func (m *Machine) forward(s Submission) {
	m.send(m.req.Target, &wire.Forward{Ref: m.ref, Producer: s.Producer, Since: s.Since, Items: s.Items})
}

// forwarded answers a held batch with what the target made of it.
func (m *Machine) forwarded(msg *wire.Forwarded) {
	if m.state != forwarding {
		return
	}
	s, ok := m.held.remove(msg)
	if !ok {
		return
	}
	m.progressed()
	m.out.Replies = append(m.out.Replies, Reply{Ticket: s.Ticket, Receipts: msg.Items, Reason: msg.Reason})
	m.forwardOn()
	m.finishIfAnswered()
}

// giveUpForwarding answers what the target does not: whether it was applied there is for the producers to
// find out, from the target itself. The move is done either way.
func (m *Machine) giveUpForwarding() {
	for _, s := range m.held.take() {
		m.reply(s, wire.ReasonFrozen) // asked again, the core answers with Moved
	}
	m.finishIfAnswered()
}

func (m *Machine) reply(s Submission, r wire.Reason) {
	m.out.Replies = append(m.out.Replies, Reply{Ticket: s.Ticket, Reason: r})
}

func (m *Machine) finishIfAnswered() {
	if len(m.held.waiting) > 0 {
		return
	}
	m.enter(moved)
	m.freezeAsked = false
	m.send(m.req.Orchestrator, &wire.CleanupComplete{Ref: m.ref, Outcome: wire.OutcomeMoved, Stats: m.stats})
	m.end(wire.OutcomeMoved, 0, "")
}

// forwardedEnough reports whether the target has served for so long that nothing more is forwarded than what is held already: else
// producers with no reason to ask elsewhere could keep this node between them and the daemon for ever. Asked again, the core
// answers with Moved.
func (m *Machine) forwardedEnough() bool {
	return m.state == forwarding && m.passed(m.boundAt, m.cfg.FreezeBudget)
}
