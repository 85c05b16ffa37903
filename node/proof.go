package node

import (
	"slices"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// A source may ask for the proof of its migration when that has long been forgotten here: after a restart of either side,
// or after the daemon has gone on and come back.

// Calls about proofs.
type (
	// Prove looks for the proof of a migration in the daemon's passport. Entry is the digest of its handover, zero if the
	// asker does not have that; an orchestrator may have left the epoch open.
	Prove struct {
		To      crypto.NodeID
		Ref     wire.Ref
		Attempt wire.Attempt
		Entry   crypto.Digest
	}
	// Proof is its result: the handover that the migration was for, and the one that followed it. The second was signed
	// with the key of the first.
	Proof struct{ Opened, Ended *crypto.CausalEvent }
)

// prove answers a source that wants to know whether its daemon was activated here.
func (c *Core) prove(to crypto.NodeID, ref wire.Ref, attempt wire.Attempt, entry crypto.Digest) {
	if ack := c.arrivalOf(ref); ack != nil {
		if opened := c.openedBy(ref.Origin); opened != nil {
			c.sendProof(to, ref, attempt, wire.StateServing, opened)
		}
		c.send(to, ack)
		return
	}
	if d := c.daemons[ref.Origin]; d != nil && d.Epoch > ref.Epoch+1 && !d.committed() {
		if !d.proving {
			d.proving = true
			c.call(ref.Origin, ref.Migration, Prove{to, ref, attempt, entry})
		}
		return
	}
	c.send(to, &wire.Answer{Ref: ref, State: wire.StateUnknown, Boot: c.cfg.Boot, Attempt: attempt})
}

// openedBy is the entry that a directory decided and that brought a daemon here.
func (c *Core) openedBy(origin uint64) *crypto.CausalEvent {
	if d := c.daemons[origin]; d != nil {
		return d.opened
	}
	if t := c.tombstones[origin]; t != nil {
		return t.opened
	}
	return nil
}

func (c *Core) sendProof(to crypto.NodeID, ref wire.Ref, attempt wire.Attempt, s wire.State, ev *crypto.CausalEvent) {
	if ev != nil {
		c.send(to, &wire.Answer{Ref: ref, State: s, Boot: c.cfg.Boot, Attempt: attempt, HasHandover: true, Handover: *ev})
	}
}

func (c *Core) proven(op Prove, p Proof) {
	if d := c.daemons[op.Ref.Origin]; d != nil {
		d.proving = false
	}
	c.sendProof(op.To, op.Ref, op.Attempt, wire.StateServing, p.Opened)
	c.sendProof(op.To, op.Ref, op.Attempt, wire.StateReleased, p.Ended)
}

// askedAround is to how many other nodes a question that the target does not answer goes each time it is repeated.
const askedAround = 8

// askAround puts the question of a source that is in doubt also to others, a few at a time: the daemon may have gone on from its
// target, and whoever has it now can prove that.
func (c *Core) askAround(e *sourceEntry, sends []wire.Envelope) {
	if !e.m.Status().InDoubt {
		return
	}
	for _, s := range sends {
		switch s.Message.(type) {
		case *wire.ActivateTarget, *wire.Promised:
			if s.To == e.m.Target() {
				c.sendAround(e, s.Message)
			}
		}
	}
}

func (c *Core) sendAround(e *sourceEntry, msg wire.Message) {
	others := slices.DeleteFunc(c.candidates(), func(n crypto.NodeID) bool {
		return n == c.cfg.Node || n == e.m.Target()
	})
	for range min(askedAround, len(others)) {
		c.send(others[e.others%len(others)], msg)
		e.others++
	}
}

// proof reads the handovers of the epochs after ref's.
func (x *Executor) proof(op Prove) (p Proof) {
	host, ok := x.Registry.Host(op.Ref.Origin)
	if !ok {
		return p
	}
	list := host.Passport().Handovers
	for i, h := range list {
		if h.Epoch != op.Ref.Epoch+1 && h.Event().Digest() != op.Entry {
			continue
		}
		p.Opened = entryOf(h)
		if i+1 < len(list) {
			p.Ended = entryOf(list[i+1])
		}
		return p
	}
	return p
}

func entryOf(h crypto.Handover) *crypto.CausalEvent {
	ev := h.Event()
	return &ev
}

// decidedEntry is the handover that a passport ends with, if a directory decided it: the source has no other way to it.
func decidedEntry(p crypto.Passport) *crypto.CausalEvent {
	if n := len(p.Handovers); n > 0 && p.Handovers[n-1].Decided {
		return entryOf(p.Handovers[n-1])
	}
	return nil
}
