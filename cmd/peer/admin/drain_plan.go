package admin

import (
	"cmp"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// drainPlan decides which daemon is moved where, and when. It has no clock, no goroutine and no node: whoever has it tells it what
// is here and what becomes of the moves, and asks what to begin. Nothing of a failure reaches the outside but through an entry.
type drainPlan struct {
	parallel int
	targets  []*drainTarget
	entries  []*drainEntry // in the order in which they were found
	byOrigin map[uint64]*drainEntry
	never    map[ban]node.Migration // and the move that has shown it
	arriving int                    // births and arrivals under way
	changes  uint64                 // of entries, so that a watch knows which are news to it
	over     bool                   // no move is begun any more
}

// drainTarget is a node that daemons are moved to.
type drainTarget struct {
	id      crypto.NodeID
	far     bool // without a session: asked only while no other will do
	moves   int  // that went there or are on the way
	running int
	pause   time.Duration  // the last one; 0 while nothing is wrong
	after   time.Time      // it is left alone until then
	trouble node.Migration // the move that has shown it
}

// drainState is what an entry is doing. All up to entryDoubt are not the end.
type drainState int

const (
	entryWaiting drainState = iota
	entryMoving
	entryDoubt
	entryMoved
	entryEnded
	entryStays
)

// drainEntry is a daemon that is, was or has come here since the drain was set.
type drainEntry struct {
	view     node.DaemonView // as it was here last
	state    drainState
	foreign  bool             // the move under way was asked for by somebody else
	move     wire.MigrationID // the last one
	target   crypto.NodeID    // of that, or where the daemon has gone
	phase    wire.Phase       // of the move under way
	blackout time.Duration
	failures int
	failed   node.Migration                   // the last of them, or what is in doubt
	failedAt map[crypto.NodeID]node.Migration // the last of each target
	tried    map[crypto.NodeID]bool           // targets of this round
	faults   map[crypto.NodeID]int
	pause    time.Duration // the last one
	after    time.Time     // it is not tried before
	asleep   bool          // in the journal and not here yet
	hopeless bool          // no target will ever do, wherever it goes
	at       time.Time     // of the last change
	change   uint64        // its number
}

// ban is what a target does not take: a daemon, a kind, or anything if it names neither.
type ban struct {
	target crypto.NodeID
	origin uint64
	kind   string
}

// newDrainEntry returns an entry that nothing has been done about.
func newDrainEntry(v node.DaemonView) *drainEntry {
	return &drainEntry{
		view: v, tried: make(map[crypto.NodeID]bool), faults: make(map[crypto.NodeID]int), failedAt: make(map[crypto.NodeID]node.Migration),
	}
}

// newDrainPlan returns a plan that knows of nothing yet.
func newDrainPlan(parallel int) *drainPlan {
	return &drainPlan{parallel: parallel, byOrigin: make(map[uint64]*drainEntry), never: make(map[ban]node.Migration)}
}

// reach takes the nodes that can be moved to now. One that was there and is not any more is far. A new one may take what no other
// has taken.
func (p *drainPlan) reach(now time.Time, nodes []drainTarget) {
	for _, t := range p.targets {
		t.far = true
	}
	for _, n := range nodes {
		if t := p.target(n.id); t != nil {
			t.far = n.far
			continue
		}
		p.targets = append(p.targets, &drainTarget{id: n.id, far: n.far})
		for _, e := range p.entries {
			if e.state == entryStays && !e.asleep {
				p.set(now, e, entryWaiting)
			}
		}
	}
}

// target returns nil for a node that is none, where somebody else may be moving a daemon to.
func (p *drainPlan) target(id crypto.NodeID) *drainTarget {
	for _, t := range p.targets {
		if t.id == id {
			return t
		}
	}
	return nil
}

// set brings an entry into a state and counts that as a change.
func (p *drainPlan) set(now time.Time, e *drainEntry, s drainState) {
	p.changes++
	e.state, e.at, e.change = s, now, p.changes
}

// see takes all that is here, and how much is still coming. What the plan is moving itself is told by its move.
func (p *drainPlan) see(now time.Time, views []node.DaemonView, stuck func(node.DaemonView) bool, arriving int) {
	p.arriving = arriving
	here := make(map[uint64]bool, len(views))
	for _, v := range views {
		here[v.Origin] = true
		e := p.byOrigin[v.Origin]
		switch {
		case e == nil && !v.Left:
			e = newDrainEntry(v)
			p.entries, p.byOrigin[v.Origin] = append(p.entries, e), e
			p.set(now, e, entryWaiting)
			p.look(now, e, v, stuck(v))
		case e != nil && !e.underWay():
			p.look(now, e, v, stuck(v))
		}
	}
	for _, e := range p.entries {
		if !here[e.view.Origin] && !e.underWay() && e.state != entryMoved && e.state != entryEnded {
			p.set(now, e, entryEnded)
		}
	}
}

// underWay reports whether a move that the plan follows decides about the entry.
func (e *drainEntry) underWay() bool { return e.state == entryMoving || e.state == entryDoubt }

// look compares an entry that is not under way with what is here.
func (p *drainPlan) look(now time.Time, e *drainEntry, v node.DaemonView, stuck bool) {
	gone := e.state == entryMoved || e.state == entryEnded
	e.asleep = v.Dormant
	switch {
	case v.Left && !gone:
		e.target = v.Holder
		p.set(now, e, entryMoved)
	case v.Left || gone && v.Epoch <= e.view.Epoch:
		return // gone, or about to be: its record goes a moment later
	case gone: // it has come back
		e.view = v
		clear(e.tried)
		p.set(now, e, entryWaiting)
	case v.Moving:
		e.view, e.foreign, e.move = v, true, v.Migration
		p.set(now, e, entryMoving)
	case stuck && e.state != entryStays:
		e.view = v
		p.set(now, e, entryStays)
	default:
		e.view = v
	}
}

// begin chooses what is moved next and counts it as under way. The caller gives each its id and starts it.
func (p *drainPlan) begin(now time.Time) []*drainEntry {
	var begun []*drainEntry
	free := p.parallel
	for _, t := range p.targets {
		free -= t.running
	}
	for _, e := range p.queue() {
		if free <= 0 || p.over {
			break
		}
		if t := p.choose(now, e); t != nil {
			e.foreign, e.target, e.phase, e.tried[t.id] = false, t.id, 0, true
			t.moves++
			t.running++
			p.set(now, e, entryMoving)
			begun = append(begun, e)
			free--
		}
	}
	return begun
}

// queue is what waits, in the order in which it is tried: what has failed least often, then what the end of the process would
// lose, then as it was found.
func (p *drainPlan) queue() []*drainEntry {
	var list []*drainEntry
	for _, e := range p.entries {
		if e.state == entryWaiting && !e.asleep {
			list = append(list, e)
		}
	}
	lasting := func(e *drainEntry) int { return one(e.view.Durability != wire.DurabilityMemory) }
	slices.SortStableFunc(list, func(a, b *drainEntry) int {
		return cmp.Or(cmp.Compare(a.failures, b.failures), cmp.Compare(lasting(a), lasting(b)))
	})
	return list
}

// choose returns the target of a daemon now, nil if it has to wait, or if no target will do, which is the end for it. A target
// that has been tried is not tried again before every other one that is not in trouble.
func (p *drainPlan) choose(now time.Time, e *drainEntry) *drainTarget {
	open := p.open(e)
	if len(open) == 0 {
		if len(p.targets) > 0 {
			p.set(now, e, entryStays)
		}
		return nil
	}
	if now.Before(e.after) {
		return nil
	}
	ready := slices.DeleteFunc(open, func(t *drainTarget) bool { return !t.ready(now) })
	if len(ready) == 0 {
		return nil
	}
	fresh := slices.DeleteFunc(slices.Clone(ready), func(t *drainTarget) bool { return e.tried[t.id] })
	if len(fresh) == 0 {
		clear(e.tried)
		e.pause = longer(e.pause)
		e.after = now.Add(e.pause)
		p.set(now, e, entryWaiting)
		return nil
	}
	return slices.MinFunc(fresh, func(a, b *drainTarget) int {
		return cmp.Or(cmp.Compare(one(a.far), one(b.far)), cmp.Compare(a.moves, b.moves))
	})
}

// open lists the targets that may take a daemon at some time.
func (p *drainPlan) open(e *drainEntry) []*drainTarget {
	var list []*drainTarget
	for _, t := range p.targets {
		if _, banned := p.banned(t, e); !banned && !e.hopeless {
			list = append(list, t)
		}
	}
	return list
}

// banned reports whether the target will not take a daemon, and the move that has shown it.
func (p *drainPlan) banned(t *drainTarget, e *drainEntry) (node.Migration, bool) {
	for _, what := range []ban{{target: t.id}, {target: t.id, kind: e.view.Kind}, {target: t.id, origin: e.view.Origin}} {
		if m, ok := p.never[what]; ok {
			return m, true
		}
	}
	return node.Migration{}, false
}

// reasons lists, for each target that has not taken a daemon, the move that tells why. It may have been one of another daemon.
func (p *drainPlan) reasons(e *drainEntry) []node.Migration {
	var list []node.Migration
	for _, t := range p.targets {
		m, known := p.banned(t, e)
		if !known {
			m, known = e.failedAt[t.id]
		}
		if !known && t.pause > 0 {
			m, known = t.trouble, true
		}
		if known {
			list = append(list, m)
		}
	}
	return list
}

// ready reports whether the target can be asked. One that was in trouble is asked for one daemon, and for more when it has taken that.
func (t *drainTarget) ready(now time.Time) bool {
	return !now.Before(t.after) && (t.pause == 0 || t.running == 0)
}
