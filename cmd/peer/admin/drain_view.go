package admin

import (
	"slices"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// drainStates are the words that programs compare.
var drainStates = map[drainState]string{
	entryWaiting: client.DrainWaiting, entryMoving: client.StateMoving, entryDoubt: client.DrainInDoubt,
	entryMoved: client.DrainMoved, entryEnded: client.DrainEnded, entryStays: client.DrainStays,
}

// describe tells how far the drain is, with the daemons whose change has a higher number than seen.
func (d *drainer) describe(b *book, seen uint64) (client.Drain, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := client.Drain{
		Node: b.node(b.self), State: d.state(), Started: d.started.UTC(), Deadline: d.started.Add(d.opt.deadline).UTC(),
		MaxParallel: d.opt.parallel, Total: len(d.plan.entries), Arriving: d.plan.arriving, KeepsDirectory: d.s.gate.keeper,
		Targets: d.targets(b),
	}
	for _, e := range d.plan.entries {
		out.Moved += one(e.state == entryMoved)
		out.Ended += one(e.state == entryEnded)
		out.Moving += one(e.state == entryMoving)
		out.InDoubt += one(e.state == entryDoubt)
		out.Slowest = max(out.Slowest, e.blackout)
		if e.change > seen {
			out.Daemons = append(out.Daemons, d.daemonOf(b, e))
		}
	}
	return out, d.plan.changes
}

// state is the drain in one word. The caller holds the lock.
func (d *drainer) state() string {
	gone := func(e *drainEntry) bool { return e.state == entryMoved || e.state == entryEnded }
	left := slices.ContainsFunc(d.plan.entries, func(e *drainEntry) bool { return !gone(e) })
	switch {
	case d.cancelled:
		return client.DrainCancelled
	case !d.plan.over:
		return client.DrainRunning
	case left || d.plan.arriving > 0:
		return client.DrainIncomplete
	}
	return client.DrainDone
}

// targets are the nodes that are asked at present: those without a session only if there are no others.
func (d *drainer) targets(b *book) []client.Node {
	near := slices.ContainsFunc(d.plan.targets, func(t *drainTarget) bool { return !t.far })
	list := []client.Node{}
	for _, t := range d.plan.targets {
		if !near || !t.far {
			list = append(list, b.node(t.id))
		}
	}
	return list
}

// daemonOf describes one daemon of the drain.
func (d *drainer) daemonOf(b *book, e *drainEntry) client.DrainDaemon {
	v := e.view
	out := client.DrainDaemon{
		ID: v.Entity.String(), Origin: originText(v.Origin), Name: v.Name, Kind: v.Kind, State: drainStates[e.state], Changed: e.at.UTC(),
		Blackout: e.blackout, Failures: e.failures, Foreign: e.foreign && e.underWay(),
	}
	if e.move != (wire.MigrationID{}) {
		out.Migration = e.move.String()
	}
	if e.underWay() || e.state == entryMoved {
		out.Target = b.node(e.target)
	}
	if e.failures > 0 {
		out.FailedAt, out.FailedWhy = b.node(e.failed.Target), whyNot(e.failed)
	}
	if again := d.plan.again(e); again.After(e.at) {
		out.Again = again.UTC()
	}
	if out.Left() {
		out.Problem = d.problem(b, e)
	}
	return out
}

// problem says why a daemon is still here, where that leaves it, and what to do.
func (d *drainer) problem(b *book, e *drainEntry) *client.Problem {
	name, here := label(e.view), b.node(b.self).Label()
	at := "still at " + here + " and serving"
	reasons := d.plan.reasons(e)
	switch {
	case e.asleep:
		return d.s.dormantProblem(e.view)
	case e.state == entryDoubt:
		return migrationOf(b, e.failed).Problem
	case e.state == entryMoving:
		to := b.node(e.target).Label()
		p := client.Problemf(client.CodeStayed, "moving", "%s is on its way to %s, in phase %s", name, to, e.phase)
		if e.phase < wire.PhaseTransfer {
			p = client.Problemf(client.CodeStayed, "moving", "%s: %s is being asked to take it", name, to)
		}
		if frozen := d.s.unserved(e.view.Origin); frozen != "" {
			return p.Now("%s", frozen).Then("peer migration watch %s", e.move.Short())
		}
		return p.Now("serving at %s until it is there", here).Then("peer migration watch %s", e.move.Short())
	case e.hopeless:
		return client.Problemf(client.CodeStayed, kindOf(e.failed.Reason), "%s cannot be moved to any node: %s", name, whyNot(e.failed)).
			Now("%s", at).Then("peer daemon show %s", name)
	case len(reasons) == 0:
		return client.Problemf(client.CodeStayed, "waiting", "%s has not had its turn", name).Now("%s", at).Then("peer drain")
	}
	words := make([]string, len(reasons))
	for i, m := range reasons {
		words[i] = b.node(m.Target).Label() + ": " + whyNot(m)
	}
	why := reasons[0]
	why.Name, why.Origin = e.view.Name, e.view.Origin // it may have been a move of another daemon
	first := migrationOf(b, why)
	return client.Problemf(client.CodeStayed, kindOf(why.Reason), "%s was not moved: %s", name, strings.Join(words, "; ")).
		Now("%s", at).Then("%s", b.remedy(why, &first))
}

// whyNot is the reason of a move that has not moved its daemon.
func whyNot(m node.Migration) string {
	if m.Reason == wire.ReasonFactoryNotFound {
		return "kind " + m.Kind + " is unknown there"
	}
	if why := client.Plain(m.Detail); why != "" {
		return why
	}
	return m.Reason.String()
}
