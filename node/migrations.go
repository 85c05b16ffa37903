package node

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// Migration is one migration as this node sees it, with the best view of the roles it plays: the source's
// before the orchestrator's before the target's.
type Migration struct {
	ID           wire.MigrationID
	Origin       uint64
	Name, Kind   string // empty if this node never had the daemon
	Roles        []subproto.Role
	Source       crypto.NodeID
	Target       crypto.NodeID
	Orchestrator crypto.NodeID
	Phase        wire.Phase
	State        string // finer than Phase, for people
	Stats        wire.Stats
	Started      time.Time
	InDoubt      bool
	Outcome      wire.Outcome // 0 while it runs and is not in doubt
	Reason       wire.Reason
	Detail       string
}

// migrate starts to orchestrate. A repeat joins the migration, and is told how it stands or how it ended.
func (c *Core) migrate(in Migrate) {
	if c.orchestrators[in.Migration] != nil {
		c.changed(in.Migration)
		return
	}
	src := in.Source
	if src == (crypto.NodeID{}) {
		src = c.cfg.Node
	}
	req := orchestrator.Request{
		Ref: wire.Ref{Migration: in.Migration, Origin: in.Origin}, Source: src, Target: in.Target, Addrs: in.Addrs, Options: in.Options,
	}
	e := &orchestratorEntry{}
	m, out := orchestrator.New(c.now, c.cfg.Orchestrator, req)
	e.m = m
	c.orchestrators[in.Migration] = e
	c.obeyOrchestrator(e, out)
}

// cancelMigration stops a migration that this node has asked for, or one away from it that another node has asked for.
func (c *Core) cancelMigration(id wire.MigrationID) {
	if e := c.orchestrators[id]; e != nil && !e.ended {
		c.stepOrchestrator(e, orchestrator.Cancel{})
		return
	}
	if e := c.sources[id]; e != nil && !e.ended {
		c.stepSource(e, source.Cancel{Detail: "cancelled at the source"})
	}
}

// changed notes that a migration has a new status, which is reported once per step.
func (c *Core) changed(id wire.MigrationID) {
	if !c.inStep[id] {
		c.inStep[id] = true
		c.touched = append(c.touched, id)
	}
}

func (c *Core) reportChanges() {
	for _, id := range c.touched {
		if m, ok := c.Migration(id); ok {
			c.out.Changes = append(c.out.Changes, Change{m})
		}
		delete(c.inStep, id) // one by one: to clear a map that was once large costs as much as it was large
	}
	c.touched = c.touched[:0]
}

// Migration describes one migration; false if this node plays no role in it. Somebody may have used the id for other daemons as well:
// what this node has asked for itself comes before what it gives away, and that before what it gets.
func (c *Core) Migration(id wire.MigrationID) (Migration, bool) {
	t, o, s := c.targets[id], c.orchestrators[id], c.sources[id]
	switch {
	case o != nil:
		return c.migrationOf(id, o.m.Ref().Origin), true
	case s != nil && s.m != nil:
		return c.migrationOf(id, s.m.Ref().Origin), true
	case t != nil:
		return c.migrationOf(id, t.m.Ref().Origin), true
	}
	return Migration{ID: id}, false
}

// migrationOf describes the migration of one daemon, as far as this node plays a role in it.
func (c *Core) migrationOf(id wire.MigrationID, origin uint64) Migration {
	m := Migration{ID: id}
	t, o, s := c.targets[id], c.orchestrators[id], c.sources[id]
	arrives := t != nil && t.m.Ref().Origin == origin
	asked := o != nil && o.m.Ref().Origin == origin
	if arrives {
		m.fromTarget(t)
	}
	if asked {
		m.fromOrchestrator(o, c.cfg.Node)
	}
	if s != nil && s.m != nil && s.m.Ref().Origin == origin {
		m.fromSource(s, c.cfg.Node)
		if asked {
			m.conclude(o)
		}
	}
	if arrives {
		m.Target = c.cfg.Node
	}
	return m
}

// conclude lets the orchestrator of this node have the last word: a source ends with every try, and the
// orchestrator may try again. Only why something is in doubt the source knows better.
func (m *Migration) conclude(e *orchestratorEntry) {
	if v := e.verdict(); v.outcome != wire.OutcomeInDoubt || m.Outcome != wire.OutcomeInDoubt {
		m.take(v)
	}
}

// verdict is how a migration has ended, or what is in doubt, in the eyes of one role. The zero value is a
// migration that runs.
type verdict struct {
	outcome wire.Outcome
	reason  wire.Reason
	detail  string
}

func (m *Migration) take(v verdict) {
	m.InDoubt = v.outcome == wire.OutcomeInDoubt
	m.Outcome, m.Reason, m.Detail = v.outcome, v.reason, v.detail
}

func inDoubt(detail string) verdict {
	return verdict{wire.OutcomeInDoubt, wire.ReasonUnreachable, detail}
}

func (m *Migration) fromTarget(e *targetEntry) {
	s := e.m.Status()
	m.Origin, m.Name, m.Kind, m.Started = e.m.Ref().Origin, e.name, e.kind, e.started
	m.Roles = append(m.Roles, subproto.Target)
	m.Source, m.Orchestrator = s.Source, s.Orchestrator
	m.Phase, m.State = s.Phase, s.State
	m.Stats.Epoch = e.epoch
	switch {
	case s.Ended != nil:
		m.take(verdict{s.Ended.Outcome, s.Ended.Reason, s.Ended.Detail})
	case s.InDoubt:
		m.take(inDoubt(doubtText(s.SourceLost)))
	}
}

func doubtText(sourceLost bool) string {
	if sourceLost {
		return "the source restarted without the daemon, and its handover has not arrived; whoever has that handover can still deliver it"
	}
	return "this copy is complete and held; it activates when the handover arrives, from the source or from anyone who has it"
}

func (m *Migration) fromOrchestrator(e *orchestratorEntry, self crypto.NodeID) {
	s := e.m.Status()
	m.Origin, m.Started = e.m.Ref().Origin, s.Started
	m.Roles = append(m.Roles, subproto.Orchestrator)
	m.Source, m.Target, m.Orchestrator = s.Source, s.Target, self
	m.Phase, m.State, m.Stats = s.Phase, s.Phase.String(), s.Stats
	m.take(e.verdict())
}

func (e *orchestratorEntry) verdict() verdict {
	s := e.m.Status()
	switch {
	case s.Ended != nil:
		return verdict{s.Ended.Outcome, s.Ended.Reason, s.Ended.Detail}
	case s.InDoubt:
		return inDoubt(s.Doubt)
	}
	return verdict{}
}

func (m *Migration) fromSource(e *sourceEntry, self crypto.NodeID) {
	s := e.m.Status()
	m.Origin, m.Name, m.Kind, m.Started = e.m.Ref().Origin, e.d.Name, e.d.Kind, e.started
	m.Roles = append(m.Roles, subproto.Source)
	m.Source, m.Target, m.Orchestrator = self, s.Target, s.Orchestrator
	m.Phase, m.State, m.Stats = s.Phase, s.State, s.Stats
	switch {
	case s.Ended != nil:
		m.take(verdict{s.Ended.Outcome, s.Ended.Reason, s.Ended.Detail})
	case s.InDoubt:
		m.take(inDoubt(s.DoubtDetail))
	default:
		m.take(verdict{})
	}
}

// Migrations lists all migrations this node remembers, in the order of their ids.
func (c *Core) Migrations() []Migration {
	ids := slices.Collect(maps.Keys(c.sources))
	ids = slices.AppendSeq(ids, maps.Keys(c.targets))
	ids = slices.AppendSeq(ids, maps.Keys(c.orchestrators))
	slices.SortFunc(ids, func(a, b wire.MigrationID) int { return bytes.Compare(a[:], b[:]) })
	list := make([]Migration, 0, len(ids))
	for _, id := range slices.Compact(ids) {
		list = c.appendUnder(list, id)
	}
	return list
}

// appendUnder appends the migrations under one id, one of each daemon.
func (c *Core) appendUnder(list []Migration, id wire.MigrationID) []Migration {
	first := len(list)
	add := func(ref wire.Ref) {
		if !slices.ContainsFunc(list[first:], func(m Migration) bool { return m.Origin == ref.Origin }) {
			list = append(list, c.migrationOf(id, ref.Origin))
		}
	}
	if o := c.orchestrators[id]; o != nil {
		add(o.m.Ref())
	}
	if s := c.sources[id]; s != nil && s.m != nil {
		add(s.m.Ref())
	}
	if t := c.targets[id]; t != nil {
		add(t.m.Ref())
	}
	return list
}
