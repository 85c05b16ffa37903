package node

import (
	"container/heap"
	"time"

	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// timerKind says whose time has come.
type timerKind uint8

const (
	timerSource timerKind = iota
	timerTarget
	timerOrchestrator
	timerDelayed // submissions that a throttle holds back
	timerClient
	timerEnded // an ended migration expires
	timerTombstone
)

// timer is one wish to be woken. A timer is never moved or cancelled: one that its owner has replaced by an
// earlier one is dropped when its time comes. The owner remembers the earliest it has asked for, so that the
// heap holds a handful of entries per owner at the most.
type timer struct {
	at        time.Time
	kind      timerKind
	migration wire.MigrationID
	origin    uint64
	client    clientKey
}

// timers is a heap ordered by time. A heap from the standard library will do: it is not on the path of an
// event.
type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

func (t timers) next() time.Time {
	if len(t) == 0 {
		return time.Time{}
	}
	return t[0].at
}

// alarm is the earliest time an owner has a timer in the heap for.
type alarm struct{ at time.Time }

// set asks to be woken at a time, unless the owner is woken earlier anyway; it then asks again.
func (c *Core) set(a *alarm, at time.Time, t timer) {
	if at.IsZero() || !a.at.IsZero() && !at.Before(a.at) {
		return
	}
	a.at, t.at = at, at
	heap.Push(&c.timers, t)
}

// fireTimers wakes everybody whose time has come.
func (c *Core) fireTimers() {
	for len(c.timers) > 0 && !c.timers[0].at.After(c.now) {
		c.fire(heap.Pop(&c.timers).(timer))
	}
}

// fire wakes the owner of a timer, unless it has asked for another time since: two timers of one owner that
// both wake it would both be set again, and their number would never fall.
func (c *Core) fire(t timer) {
	switch t.kind {
	case timerSource:
		if e := c.sources[t.migration]; e != nil && e.alarm.rings(t) {
			c.stepSource(e, source.Tick{})
		}
	case timerTarget:
		if e := c.targets[t.migration]; e != nil && e.alarm.rings(t) {
			c.stepTarget(e, target.Tick{})
		}
	case timerOrchestrator:
		if e := c.orchestrators[t.migration]; e != nil && e.alarm.rings(t) {
			c.stepOrchestrator(e, orchestrator.Tick{})
		}
	case timerDelayed:
		if d := c.daemons[t.origin]; d != nil && d.alarm.rings(t) {
			c.releaseDelayed(d)
		}
	case timerClient:
		if cl := c.clients[t.client]; cl != nil && cl.alarm.rings(t) {
			c.wakeClient(cl)
		}
	case timerEnded:
		c.expireEnded()
	case timerTombstone:
		c.expireTombstone(t.origin)
	}
}

// rings reports whether a timer is the one that was asked for last, and forgets it.
func (a *alarm) rings(t timer) bool {
	if !a.at.Equal(t.at) {
		return false
	}
	a.at = time.Time{}
	return true
}
