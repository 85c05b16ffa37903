package node

import (
	"bytes"
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
