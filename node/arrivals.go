package node

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// This file is how a migration towards this node begins.

// prepare is where a migration towards this node begins.
func (c *Core) prepare(from crypto.NodeID, msg *wire.Prepare) {
	if e := c.targets[msg.Migration]; e != nil && (!e.ended || e.m.Active()) {
		anew := c.begunAnew(e, from, msg)
		if e.boot == 0 && e.announcedBy(from, msg) {
			e.boot = c.bootOf(from)
		}
		if !anew {
			c.routed(from, msg) // one that has moved the daemon does not begin again
			return
		}
	}
	lost, err := c.mayArrive(from, msg)
	if lost != nil {
		c.stepTarget(lost, target.Received{From: from, Message: &wire.MigrationFailed{
			Ref: lost.m.Ref(), Reason: wire.ReasonCancelled, Detail: "its source has begun another migration of the daemon",
		}})
	}
	if err == nil {
		err = c.arrive(from, msg)
	}
	if err != nil {
		c.send(from, wire.Failed(msg.Ref, err))
	}
}

// arrive begins a migration towards this node.
func (c *Core) arrive(from crypto.NodeID, msg *wire.Prepare) error {
	key, err := c.cfg.NewKey()
	if err != nil {
		return fmt.Errorf("node: no key for the next epoch: %w", err)
	}
	e := c.newArrival(msg)
	e.boot = c.bootOf(from)
	m, out := target.NewMachine(c.now, c.cfg.Target, target.Request{
		Source: from, Addrs: c.peer(from).addrs, Prepare: msg, Key: key,
	})
	e.m = m
	c.targets[msg.Migration], c.arriving[msg.Origin] = e, e
	c.incoming[from]++
	c.obeyTarget(e, out)
	return nil
}

// newArrival is the entry of a migration towards this node, without its machine.
func (c *Core) newArrival(msg *wire.Prepare) *targetEntry {
	return &targetEntry{
		entity: msg.Entity, kind: msg.Kind, name: msg.Name, epoch: msg.Epoch, stop: msg.StopAndCopy,
		durability: msg.Durability, started: c.now,
	}
}

// idFree checks that nothing is to be done any more about a copy that came under an id: one that is being brought back goes on under
// it, and calls about one that has ended name the migration, while another daemon's, on another queue, would overtake them.
func (c *Core) idFree(id wire.MigrationID) error {
	if e := c.targets[id]; e != nil && e.ended && c.settling[e.m.Ref().Origin] > 0 {
		return fmt.Errorf("node: the migration that had this id before is being cleaned up: %w", wire.ErrNotReady)
	}
	return c.idAwake(id)
}

// begunAnew reports whether the source has started again since it announced a migration, and announces it once more: its orchestrator
// has asked again, and what was on its way here has nobody who would go on with it.
func (c *Core) begunAnew(e *targetEntry, from crypto.NodeID, msg *wire.Prepare) bool {
	if !e.announcedBy(from, msg) {
		return false
	}
	if e.boot == 0 { // only a record has spoken for the source so far
		return e.m.Status().Phase > wire.PhaseSnapshot // who goes on with such a copy does not announce it
	}
	return c.bootOf(from) > e.boot
}

// announcedBy reports whether a message announces a migration again that may still go. The same id for another daemon is another matter:
// mayArrive would not find what came under it, and that would stay here for ever.
func (e *targetEntry) announcedBy(from crypto.NodeID, msg *wire.Prepare) bool {
	return e.m.Source() == from && e.m.Ref().Origin == msg.Origin && e.m.Droppable()
}

// bootOf is the boot counter that a peer has greeted with last, 0 without a session.
func (c *Core) bootOf(peer crypto.NodeID) uint64 {
	if s := c.ready(peer); s != nil {
		return s.boot
	}
	return 0
}

// mayArrive checks that a daemon may be brought here. With lost, an earlier migration of it is in the way that its source has lost:
// that one has to go before the source asks again.
func (c *Core) mayArrive(from crypto.NodeID, msg *wire.Prepare) (lost *targetEntry, err error) {
	if err := c.idFree(msg.Migration); err != nil {
		return nil, err
	}
	if err := c.checkAnnounced(msg); err != nil {
		return nil, err
	}
	if lost, err := c.inTheWay(from, msg); err != nil {
		return lost, err
	}
	if len(c.arriving) >= c.cfg.MaxIncoming || c.incoming[from] >= maxIncomingPerPeer {
		return nil, fmt.Errorf("node: %d migrations towards this node are running, %d of them from this peer: %w", len(c.arriving), c.incoming[from], wire.ErrNotReady)
	}
	return nil, c.cfg.Admit(msg)
}

// checkAnnounced checks that the daemon is not here already, and that this node does not know better than its source who holds it.
func (c *Core) checkAnnounced(msg *wire.Prepare) error {
	if crypto.OriginOf(msg.Entity) != msg.Origin {
		return fmt.Errorf("node: the origin is not the entity's: %w", wire.ErrBadFrame)
	}
	if msg.Directory && !c.cfg.Directory {
		return fmt.Errorf("node: a directory decides about the daemon, and this node has none: %w", wire.ErrRefused)
	}
	if c.dormant[msg.Origin] != nil {
		return fmt.Errorf("node: a daemon with this origin is being brought back from the journal: %w", wire.ErrNotReady)
	}
	if c.daemons[msg.Origin] != nil {
		return fmt.Errorf("node: a daemon with this origin serves here: %w", wire.ErrAlreadyMigrating)
	}
	if t := c.tombstones[msg.Origin]; t != nil && t.entity == msg.Entity && msg.Epoch < t.epoch {
		return fmt.Errorf("node: the daemon has left here for epoch %d, and is announced at %d: %w", t.epoch, msg.Epoch, wire.ErrStaleEpoch)
	}
	return nil
}

// inTheWay looks for another migration that brings the daemon here, or has left something that is not cleaned up yet.
func (c *Core) inTheWay(from crypto.NodeID, msg *wire.Prepare) (lost *targetEntry, err error) {
	e, before := c.arriving[msg.Origin], c.targets[msg.Migration]
	switch {
	case e == nil && c.settling[msg.Origin] > 0:
		return nil, fmt.Errorf("node: an earlier migration of the daemon is being cleaned up: %w", wire.ErrNotReady)
	case e == nil:
		return nil, nil
	case e.m.Source() == from && before != nil && before != e:
		// It has ended here before: its source tries again, or this comes late. Nothing that came since goes for it.
		return nil, fmt.Errorf("node: another migration of the daemon is on its way here: %w", wire.ErrNotReady)
	case e.m.Source() == from && e.m.Droppable():
		// A source moves a daemon once at a time: it has lost the earlier migration, by a restart.
		return e, fmt.Errorf("node: an earlier migration of the daemon is being cleaned up: %w", wire.ErrNotReady)
	}
	return nil, fmt.Errorf("node: the daemon is on its way here already, from %v: %w", e.m.Source(), wire.ErrAlreadyMigrating)
}

// streamOpened gives a snapshot stream to the migration it names, if its peer is that migration's source.
func (c *Core) streamOpened(in StreamOpened) {
	s := c.sessions[in.Session]
	e := c.targets[in.Ref.Migration]
	if s == nil || e == nil || e.ended || e.m.Source() != s.peer || e.m.Ref() != in.Ref {
		c.out.RefuseStreams = append(c.out.RefuseStreams, in.Stream)
		return
	}
	if e.boot == 0 {
		e.boot = s.boot // its Prepare may come behind, on another stream
	}
	out := e.m.Step(c.now, target.StreamOpened{Stream: in.Stream})
	if out.RefuseStream {
		c.out.RefuseStreams = append(c.out.RefuseStreams, in.Stream)
	}
	c.obeyTarget(e, out)
}
