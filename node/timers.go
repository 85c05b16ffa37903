package node

import (
	"container/heap"
	"slices"
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
	timerEnded // the oldest ended migration expires
	timerTombstone
)

// timer is one wish to be woken. A timer is never moved or cancelled: one that its owner has replaced by an
// earlier one, or has outlived, is dropped when its time comes, or when there are too many of them. The owner remembers
// the earliest it has asked for, so that the heap holds a handful of entries per owner at the most.
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

// minTimers is how many timers are kept without a look at who still waits for them.
const minTimers = 1_024

// set asks to be woken at a time, unless the owner is woken earlier anyway; it then asks again.
func (c *Core) set(a *alarm, at time.Time, t timer) {
	if at.IsZero() || !a.at.IsZero() && !at.Before(a.at) {
		return
	}
	a.at, t.at = at, at
	heap.Push(&c.timers, t)
	if len(c.timers) > max(minTimers, 2*c.awaited) {
		c.dropTimers()
	}
}

// dropTimers drops those that nobody waits for any more (promise P6). The heap grows to twice as many before the next look.
func (c *Core) dropTimers() {
	c.timers = slices.DeleteFunc(c.timers, func(t timer) bool {
		a := c.alarmOf(t)
		return a == nil || !a.at.Equal(t.at)
	})
	heap.Init(&c.timers)
	c.awaited = len(c.timers)
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
	if a := c.alarmOf(t); a == nil || !a.rings(t) {
		return
	}
	switch t.kind {
	case timerSource:
		c.stepSource(c.sources[t.migration], source.Tick{})
	case timerTarget:
		c.stepTarget(c.targets[t.migration], target.Tick{})
	case timerOrchestrator:
		c.stepOrchestrator(c.orchestrators[t.migration], orchestrator.Tick{})
	case timerDelayed:
		c.releaseDelayed(c.daemons[t.origin])
	case timerClient:
		c.wakeClient(c.clients[t.client])
	case timerEnded:
		c.expireEnded()
	case timerTombstone:
		c.expireTombstone(t.origin)
	}
}

// alarmOf is the alarm of a timer's owner, nil if that is gone.
func (c *Core) alarmOf(t timer) *alarm {
	switch t.kind {
	case timerSource:
		if e := c.sources[t.migration]; e != nil {
			return &e.alarm
		}
	case timerTarget:
		if e := c.targets[t.migration]; e != nil {
			return &e.alarm
		}
	case timerOrchestrator:
		if e := c.orchestrators[t.migration]; e != nil {
			return &e.alarm
		}
	case timerDelayed:
		if d := c.daemons[t.origin]; d != nil {
			return &d.alarm
		}
	case timerClient:
		if cl := c.clients[t.client]; cl != nil {
			return &cl.alarm
		}
	case timerEnded:
		return &c.endedAlarm
	case timerTombstone:
		if s := c.tombstones[t.origin]; s != nil {
			return &s.alarm
		}
	}
	return nil
}

// rings reports whether a timer is the one that was asked for last, and forgets it.
func (a *alarm) rings(t timer) bool {
	if !a.at.Equal(t.at) {
		return false
	}
	a.at = time.Time{}
	return true
}
