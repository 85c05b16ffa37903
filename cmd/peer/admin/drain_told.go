package admin

import (
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// told takes how a move that is under way stands. One that this node has forgotten tells nothing: the next look will.
func (p *drainPlan) told(now time.Time, e *drainEntry, m node.Migration, known bool) {
	if known {
		e.target, e.phase = m.Target, m.Phase
	}
	switch {
	case known && m.Outcome == 0:
		return
	case known && m.Outcome == wire.OutcomeInDoubt:
		if e.state != entryDoubt {
			p.release(e)
			e.failed = m
			p.set(now, e, entryDoubt)
		}
		return
	}
	if e.state == entryMoving {
		p.release(e)
	}
	switch {
	case known && m.Outcome == wire.OutcomeMoved:
		p.moved(now, e, m)
	case known && !e.foreign:
		p.failedThere(now, e, m)
	default:
		p.set(now, e, entryWaiting)
	}
}

// release gives the place of a move back. One in doubt has none: it may be in doubt for long, and takes nothing.
func (p *drainPlan) release(e *drainEntry) {
	if t := p.target(e.target); t != nil && !e.foreign {
		t.running--
	}
}

// moved also notes that the target is well.
func (p *drainPlan) moved(now time.Time, e *drainEntry, m node.Migration) {
	e.target, e.blackout = m.Target, m.Stats.Blackout
	if t := p.target(m.Target); t != nil {
		t.pause, t.after = 0, time.Time{}
	}
	p.set(now, e, entryMoved)
}

// failedThere draws the conclusions from a move that has not moved the daemon.
func (p *drainPlan) failedThere(now time.Time, e *drainEntry, m node.Migration) {
	t := p.target(e.target)
	t.moves--
	switch s := judge(m); s {
	case overtaken:
		delete(e.tried, t.id)
		e.after = now.Add(drainFirstPause)
		p.set(now, e, entryWaiting)
		return
	case thatTarget:
		delete(e.tried, t.id) // it is not this daemon's fault
		if !now.Before(t.after) {
			t.pause = longer(t.pause) // else it was begun before the trouble was known, and is no news
			t.after, t.trouble = now.Add(t.pause), m
		}
	case fault:
		if e.faults[t.id]++; e.faults[t.id] >= maxDrainFaults {
			p.never[ban{target: t.id, origin: e.view.Origin}] = m
		}
	case neverDaemon:
		p.never[ban{target: t.id, origin: e.view.Origin}] = m
	case neverKind:
		p.never[ban{target: t.id, kind: e.view.Kind}] = m
	case neverTarget:
		p.never[ban{target: t.id}] = m
	case neverAtAll:
		e.hopeless = true
	}
	e.failures++
	e.failed, e.failedAt[t.id] = m, m
	p.set(now, e, entryWaiting)
}

// settled reports whether nothing can be done or waited for: all have gone or cannot go, and nothing is coming.
func (p *drainPlan) settled() bool {
	for _, e := range p.entries {
		if e.state < entryMoved {
			return false
		}
	}
	return p.arriving == 0
}

// inFlight lists the entries whose moves are to be looked at.
func (p *drainPlan) inFlight() []*drainEntry {
	var list []*drainEntry
	for _, e := range p.entries {
		if e.underWay() {
			list = append(list, e)
		}
	}
	return list
}

// again is when a daemon that waits can be tried next, as far as that depends on pauses: its own, and that of the target whose trouble
// is over first.
func (p *drainPlan) again(e *drainEntry) time.Time {
	var first time.Time
	if e.state != entryWaiting {
		return first
	}
	for i, t := range p.open(e) {
		if i == 0 || t.after.Before(first) {
			first = t.after
		}
	}
	if e.after.After(first) {
		return e.after
	}
	return first
}

// wake is when time alone changes something: a pause ends, of a daemon or of a target. Zero if there is no such time.
func (p *drainPlan) wake(now time.Time) time.Time {
	var first time.Time
	sooner := func(t time.Time) {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, e := range p.entries {
		if e.state == entryWaiting {
			sooner(e.after)
		}
	}
	for _, t := range p.targets {
		sooner(t.after)
	}
	return first
}
