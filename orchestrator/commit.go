package orchestrator

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// This file is what an orchestrator knows of the commit, and what follows from that.

// relay keeps the handover and passes it on: whoever carries it does not matter, it proves itself.
func (m *Machine) relay(msg *wire.ActivateTarget) {
	m.handover, m.committed = msg, true
	m.phase = max(m.phase, wire.PhaseCutover)
	m.send(m.req.Target, msg)
}

// activated: the target has it, and proves that. The source still has to say that all is done, unless it is silent, or this node had
// to ask for the handover: then the source may have only its record of the move left, and says nothing by itself.
func (m *Machine) activated(from crypto.NodeID, msg *wire.ActivateAck) {
	if from != m.req.Target || m.handover == nil || !acknowledges(msg.Signed, m.handover.Handover) {
		return
	}
	m.handover, m.proven = nil, true
	m.stats.Epoch = max(m.stats.Epoch, msg.Signed.Epoch)
	if m.fetched || m.state == searching {
		m.endIfProven()
	}
}

// acknowledges reports whether a head ends in the very handover and is signed with the key that this certifies (protocol §4.9.1).
func acknowledges(s crypto.SignedHead, ev crypto.CausalEvent) bool {
	h, err := crypto.UnverifiedHandover(ev)
	return err == nil && s.Epoch == h.Epoch && s.Head == h.Head.Append(ev, nil) && s.VerifyKey(h.Next) == nil
}

func (m *Machine) endIfProven() {
	if m.proven {
		m.end(wire.OutcomeMoved, 0, "")
	}
}

// away reports whether a handover is to another node than the target. It is not verified, and need not be to be none of this migration.
func (m *Machine) away(ev crypto.CausalEvent) bool {
	h, err := crypto.UnverifiedHandover(ev)
	return err == nil && h.To != m.req.Target
}

// movedElsewhere: the source shows a handover to another node, which is not what this node has asked for. After the commit it is of
// a later migration.
func (m *Machine) movedElsewhere() {
	if !m.committed {
		m.end(wire.OutcomeStayed, wire.ReasonMoved, "the daemon has moved elsewhere, by a migration of somebody else under the same id")
	}
}
