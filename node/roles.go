package node

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// sourceEntry is a migration away from this node. An entry outlives its migration for a while, to answer
// repeats.
type sourceEntry struct {
	m        *source.Machine
	alarm    alarm
	d        *local
	addrs    []string         // where the target can be dialed, for Moved
	snapshot *daemon.Snapshot // the view, until the target has restored it
	started  time.Time
	others   int // how many times others have been asked for the proof, see askAround
	ended    bool
}

// targetEntry is a migration towards this node.
type targetEntry struct {
	m       *target.Machine
	alarm   alarm
	entity  crypto.EntityID
	kind    string
	name    string
	epoch   uint64
	stop    bool
	queued  load // events that the handler has not seen yet
	started time.Time
	ended   bool
	boot    uint64 // of the source's process that has announced it; 0 as long as only a record says so

	durability wire.Durability
	activated  time.Time // when the daemon began to serve here
}

// orchestratorEntry is a migration that this node asked for.
type orchestratorEntry struct {
	m     *orchestrator.Machine
	alarm alarm
	ended bool
}

func byID[E any](m map[wire.MigrationID]E, keep func(E) bool) []E {
	ids := make([]wire.MigrationID, 0, len(m))
	for id, e := range m {
		if keep(e) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b wire.MigrationID) int { return bytes.Compare(a[:], b[:]) })
	entries := make([]E, len(ids))
	for i, id := range ids {
		entries[i] = m[id]
	}
	return entries
}

// The running migrations of each role, in the order of their ids: the order of a map would make two runs
// of the same inputs differ.
func (c *Core) activeSources() []*sourceEntry {
	return byID(c.sources, func(e *sourceEntry) bool { return !e.ended })
}

func (c *Core) activeTargets() []*targetEntry {
	return byID(c.targets, func(e *targetEntry) bool { return !e.ended })
}

func (c *Core) activeOrchestrators() []*orchestratorEntry {
	return byID(c.orchestrators, func(e *orchestratorEntry) bool { return !e.ended })
}

func (c *Core) stepSource(e *sourceEntry, in source.Input) {
	if e != nil {
		c.obeySource(e, e.m.Step(c.now, in))
	}
}

// obeySource carries out what a source machine wants, in the order its Output states.
func (c *Core) obeySource(e *sourceEntry, out source.Output) {
	ref := e.m.Ref()
	for _, op := range out.Calls {
		c.queue(Call{Origin: ref.Origin, Migration: ref.Migration, Op: op, by: e})
	}
	if out.StopCopy {
		c.out.StopCopies = append(c.out.StopCopies, ref.Migration)
		if e.snapshot != nil {
			c.call(ref.Origin, ref.Migration, CloseView{e.snapshot})
			e.snapshot = nil
		}
	}
	if out.Copy != nil {
		c.startCopy(e, *out.Copy)
	}
	for _, s := range out.Apply {
		c.apply(e.d, s)
	}
	for _, op := range out.Consults {
		c.consult(e, ref, op)
	}
	c.sendAll(out.Sends)
	c.askAround(e, out.Sends)
	for _, r := range out.Replies {
		c.answerTicket(r.Ticket, r.Receipts, refusal(r.Reason))
	}
	if out.FreezeTimedOut {
		c.countFreeze(e.m.Target())
	}
	if out.Ended != nil {
		c.endSource(e, *out.Ended)
	}
	c.releaseCovered(e)
	c.set(&e.alarm, out.Wake, timer{kind: timerSource, migration: ref.Migration})
	c.changed(ref.Migration)
}

// startCopy opens a snapshot stream on the newest session with the target, in place of an earlier one.
func (c *Core) startCopy(e *sourceEntry, cp source.Copy) {
	ref := e.m.Ref()
	if cp.Serial > 0 {
		c.out.StopCopies = append(c.out.StopCopies, ref.Migration)
	}
	s := c.ready(e.m.Target())
	if s == nil {
		c.stepSource(e, source.PeerDown{Peer: e.m.Target(), Err: wire.ErrUnreachable})
		return
	}
	c.out.Copies = append(c.out.Copies, Copy{
		Session: s.id, Ref: ref, Snapshot: e.snapshot, Serial: cp.Serial, From: cp.From, MaxRate: e.m.Options().MaxRate,
	})
}

func (c *Core) endSource(e *sourceEntry, ended source.Ended) {
	ref := e.m.Ref()
	e.ended = true
	e.d.source = nil
	if ended.Outcome == wire.OutcomeMoved {
		delete(c.freezes, e.m.Target())
		ev, _ := e.m.Handover()
		c.bury(e.d, ref, e.m.Target(), e.addrs, ev)
	}
	for _, s := range c.peer(e.m.Target()).sessions { // any of them has been the newest at a time, and has a stream
		c.out.EndEvents = append(c.out.EndEvents, EndEvents{Session: s.id, Migration: ref.Migration})
	}
	c.remember(ref.Migration, subproto.Source)
}

func (c *Core) stepTarget(e *targetEntry, in target.MachineInput) {
	if e != nil {
		c.obeyTarget(e, e.m.Step(c.now, in))
	}
}

// obeyTarget carries out what a target machine wants.
func (c *Core) obeyTarget(e *targetEntry, out target.MachineOutput) {
	ref := e.m.Ref()
	for _, op := range out.Calls {
		c.queue(Call{Origin: ref.Origin, Migration: ref.Migration, Op: op, by: e})
	}
	for _, op := range out.Consults {
		c.consult(e, ref, op)
	}
	if out.Ended != nil {
		c.endTarget(e, *out.Ended)
	}
	c.sendAll(out.Sends)
	c.set(&e.alarm, out.Wake, timer{kind: timerTarget, migration: ref.Migration})
	c.changed(ref.Migration)
}

// endTarget: a daemon that has moved here serves from now on, before anybody is told so.
func (c *Core) endTarget(e *targetEntry, ended target.Ended) {
	ref := e.m.Ref()
	e.ended = true
	delete(c.arriving, ref.Origin)
	if c.incoming[e.m.Source()]--; c.incoming[e.m.Source()] == 0 {
		delete(c.incoming, e.m.Source())
	}
	if ended.Outcome == wire.OutcomeMoved {
		c.serve(Daemon{Entity: e.entity, Origin: ref.Origin, Kind: e.kind, Name: e.name, Epoch: ref.Epoch + 1, StopAndCopy: e.stop, Durability: e.durability})
		c.daemons[ref.Origin].arrival, c.daemons[ref.Origin].opened = e.m.Ack(), e.m.Decided()
		e.activated = c.now
	}
	c.remember(ref.Migration, subproto.Target)
}

func (c *Core) stepOrchestrator(e *orchestratorEntry, in orchestrator.Input) {
	if e != nil {
		c.obeyOrchestrator(e, e.m.Step(c.now, in))
	}
}

func (c *Core) obeyOrchestrator(e *orchestratorEntry, out orchestrator.Output) {
	ref := e.m.Ref()
	c.sendAll(out.Sends)
	if out.Ended != nil && out.Ended.Outcome != wire.OutcomeInDoubt && !e.ended {
		e.ended = true
		c.remember(ref.Migration, subproto.Orchestrator)
	}
	c.set(&e.alarm, out.Wake, timer{kind: timerOrchestrator, migration: ref.Migration})
	c.changed(ref.Migration)
}

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

func (c *Core) learnMissing(id crypto.NodeID, addrs []string) {
	if len(c.peer(id).addrs) == 0 {
		c.learn(id, addrs, false)
	}
}
