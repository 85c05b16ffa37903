package node

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// This file is how a migration away from this node begins.

// takeSnapshot is where a migration away from this node begins, or is asked about again.
func (c *Core) takeSnapshot(from crypto.NodeID, msg *wire.TakeSnapshot) {
	if e := c.sources[msg.Migration]; e != nil {
		if e.m.Orchestrator() != from {
			c.refuse(from, msg, subproto.WrongPeer(msg.Type(), from, subproto.Orchestrator, e.m.Orchestrator()))
			return
		}
		if !e.ended {
			c.stepSource(e, source.Received{From: from, Message: msg})
			return
		}
		if !e.m.Again() {
			c.send(from, e.m.Outcome())
			return
		}
	}
	if t := c.tombstones[msg.Origin]; t != nil && t.migration == msg.Migration && t.node == msg.Target {
		c.whereIs(from, msg.Ref, wire.Attempt{}) // it has moved the daemon, in an earlier life of this process
		c.tellOutcome(from, msg.Ref)
		return
	}
	if failed := c.refusals[msg.Migration]; failed != nil && failed.Origin == msg.Origin {
		c.send(from, failed)
		return
	}
	d, err := c.mayLeave(msg)
	if err != nil {
		c.refuseForGood(from, wire.Failed(msg.Ref, err))
		return
	}
	c.learnMissing(msg.Target, msg.Addrs)
	e := &sourceEntry{d: d, addrs: c.peer(msg.Target).addrs, started: c.now}
	m, out := source.New(c.now, c.cfg.Source, source.Request{
		Migration: msg.Migration, Entity: d.Entity, Origin: d.Origin, Epoch: d.Epoch, Kind: d.Kind, Name: d.Name,
		StopAndCopy: d.StopAndCopy, Orchestrator: from, Target: msg.Target, Addrs: e.addrs, Durability: d.Durability, Directory: c.cfg.Directory, Options: msg.Options,
	})
	e.m, d.source = m, e
	c.sources[msg.Migration] = e
	c.obeySource(e, out)
	if c.ready(msg.Target) != nil {
		c.stepSource(e, source.PeerUp{Peer: msg.Target})
	}
}

// refuseForGood tells a peer that a migration has moved nothing, and sees to it that this stays true: the
// same request may be under way a second time, and must not be obeyed after the first has been refused. A
// peer that could not ask for the migration is not remembered.
func (c *Core) refuseForGood(to crypto.NodeID, failed *wire.MigrationFailed) {
	c.send(to, failed)
	if failed.Reason.Transient() || c.refusals[failed.Migration] != nil || !c.rightsOf(to).Has(wire.RightMigrateOut) {
		return
	}
	c.refusals[failed.Migration] = failed
	c.refused = append(c.refused, failed.Migration)
	if len(c.refused) > maxRefusals {
		delete(c.refusals, c.refused[0])
		c.refused = c.refused[1:]
	}
}

// mayLeave checks that the daemon is here to give.
func (c *Core) mayLeave(msg *wire.TakeSnapshot) (*local, error) {
	if err := c.idAwake(msg.Migration); err != nil {
		return nil, err
	}
	d := c.daemons[msg.Origin]
	switch {
	case c.dormant[msg.Origin] != nil:
		return nil, fmt.Errorf("node: the daemon is being brought back from the journal: %w", wire.ErrNotReady)
	case d == nil && c.tombstones[msg.Origin] != nil:
		t := c.tombstones[msg.Origin]
		return nil, fmt.Errorf("node: the daemon has moved to %v at epoch %d: %w", t.node, t.epoch, wire.ErrMoved)
	case d == nil:
		return nil, fmt.Errorf("node: no daemon with origin %016x serves here: %w", msg.Origin, wire.ErrDaemonNotFound)
	case d.source != nil:
		return nil, fmt.Errorf("node: the daemon is on its way to %v already: %w", d.source.m.Target(), wire.ErrAlreadyMigrating)
	case msg.Epoch != 0 && msg.Epoch != d.Epoch:
		return nil, fmt.Errorf("node: the daemon is at epoch %d here, asked for was %d: %w", d.Epoch, msg.Epoch, wire.ErrStaleEpoch)
	case msg.Target == c.cfg.Node:
		return nil, fmt.Errorf("node: the daemon serves at this node already: %w", wire.ErrRefused)
	case len(c.recentFreezes(msg.Target)) >= source.MaxFreezes:
		return nil, fmt.Errorf("node: the target let freezes pass at %d moments within ten minutes, and activated nothing since; it is refused for the rest of them: %w", source.MaxFreezes, wire.ErrLimit)
	}
	return d, nil
}

// countFreeze notes that a target has let a freeze pass. Those of many daemons at one moment are one: a hitch, and no more than
// a single daemon would have met.
func (c *Core) countFreeze(target crypto.NodeID) {
	recent := c.recentFreezes(target)
	if n := len(recent); n > 0 && c.now.Sub(recent[n-1]) < cmp.Or(c.cfg.Source.FreezeBudget, source.DefaultFreezeBudget) {
		return
	}
	c.freezes[target] = append(recent, c.now)
}

// freezeMemory is how long a freeze that timed out counts against its target.
const freezeMemory = 10 * time.Minute

func (c *Core) recentFreezes(target crypto.NodeID) []time.Time {
	old := c.freezes[target]
	recent := slices.DeleteFunc(old, func(t time.Time) bool { return c.now.Sub(t) >= freezeMemory })
	if len(recent) == 0 {
		delete(c.freezes, target)
	}
	return recent
}
