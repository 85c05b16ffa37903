package node_test

import (
	"container/heap"
	"errors"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// job is something that happens at a time; jobs of one time happen in the order they were made.
type job struct {
	at    time.Time
	order int
	run   func()
}

type jobs []job

func (j jobs) Len() int      { return len(j) }
func (j jobs) Swap(a, b int) { j[a], j[b] = j[b], j[a] }
func (j jobs) Less(a, b int) bool {
	if j[a].at.Equal(j[b].at) {
		return j[a].order < j[b].order
	}
	return j[a].at.Before(j[b].at)
}
func (j *jobs) Push(x any) { *j = append(*j, x.(job)) }
func (j *jobs) Pop() any {
	old := *j
	last := old[len(old)-1]
	*j = old[:len(old)-1]
	return last
}

func (w *world) after(d time.Duration, run func()) { w.at(w.now.Add(d), run) }

func (w *world) at(t time.Time, run func()) {
	w.made++
	heap.Push(&w.jobs, job{t, w.made, run})
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// between draws a duration.
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

// link is what lies between two nodes: a session that each end has noticed or not, and a cable.
type link struct {
	ends    [2]int
	cut     bool
	up      [2]bool
	session int
	dialing bool
	last    [2]map[wire.Channel]time.Time // arrival of the newest message, per direction and stream
}

// faults are the ways of one run's network. Everything is lossless and in order per stream, as QUIC is,
// unless a run is chosen to be worse than that.
type faults struct {
	drop, double, shuffle float64
	cutEvery              time.Duration // 0 never
	late                  float64       // a message of a dead session that arrives after all
	slowest               time.Duration
}

func (w *world) linkOf(a, b int) *link {
	for _, l := range w.links {
		if l.ends == [2]int{a, b} || l.ends == [2]int{b, a} {
			return l
		}
	}
	panic("model: no such link")
}

func (l *link) side(node int) int {
	if l.ends[0] == node {
		return 0
	}
	return 1
}

// transmit carries one message. Without a session it is lost, and a session is asked for.
func (w *world) transmit(from, to int, msg wire.Message) {
	if from == to {
		w.after(0, func() { w.deliver(from, to, msg) })
		return
	}
	l := w.linkOf(from, to)
	side := l.side(from)
	if !l.up[side] {
		w.dial(l, side)
		return
	}
	for range w.copies() {
		w.carry(l, side, to, msg)
	}
}

func (w *world) copies() int {
	switch {
	case w.chance(w.faults.drop):
		return 0
	case w.chance(w.faults.double):
		return 2
	}
	return 1
}

func (w *world) carry(l *link, side, to int, msg wire.Message) {
	session := l.session
	arrive := w.now.Add(w.between(100*time.Microsecond, w.faults.slowest))
	channel := msg.Type().Channel()
	if !w.chance(w.faults.shuffle) {
		if last := l.last[side][channel]; arrive.Before(last) {
			arrive = last
		}
		l.last[side][channel] = arrive
	}
	from := l.ends[side]
	w.at(arrive, func() {
		alive := l.session == session && l.up[l.side(to)]
		switch {
		case alive:
			w.deliver(from, to, msg)
		case w.chance(w.faults.late):
			w.after(w.between(0, time.Second), func() { w.lateDelivery(l, from, to, msg) })
		}
	})
}

// lateDelivery is what an older session still brings while a newer one is up.
func (w *world) lateDelivery(l *link, from, to int, msg wire.Message) {
	if l.up[l.side(to)] {
		w.deliver(from, to, msg)
	}
}

func (w *world) dial(l *link, side int) {
	if l.dialing {
		return
	}
	l.dialing = true
	w.after(w.between(time.Millisecond, 100*time.Millisecond), func() {
		l.dialing = false
		switch {
		case l.up[0] || l.up[1]:
			w.dial(l, side) // the other end has yet to notice that the old session is gone
		case l.cut:
			w.peerDown(l.ends[side], l.ends[1-side], false, errors.New("no route"))
		default:
			w.connect(l)
		}
	})
}

func (w *world) connect(l *link) {
	l.session++
	l.up = [2]bool{true, true}
	l.last = [2]map[wire.Channel]time.Time{{}, {}}
	// The accepting end greets first, so that the dialing end's first message finds it ready.
	w.peerUp(l.ends[0], l.ends[1])
	w.peerUp(l.ends[1], l.ends[0])
}

// lose ends the session; each end notices in its own time.
func (w *world) lose(l *link) {
	if !l.up[0] || !l.up[1] {
		return
	}
	session := l.session
	l.session++ // what is under way is lost
	w.breakCopies(l)
	for side := range l.ends {
		w.after(w.between(0, 200*time.Millisecond), func() {
			if l.up[side] && l.session == session+1 {
				l.up[side] = false
				w.peerDown(l.ends[side], l.ends[1-side], true, errors.New("lost"))
				w.dial(l, side)
			}
		})
	}
}

// cutLater pulls a cable now and then, for a while.
func (w *world) cutLater() {
	if w.faults.cutEvery == 0 {
		return
	}
	w.after(w.between(0, w.faults.cutEvery), func() {
		if w.calm {
			return
		}
		w.pull(w.links[w.rng.IntN(len(w.links))])
		w.cutLater()
	})
}

// pull takes a cable out for a while.
func (w *world) pull(l *link) {
	if w.calm || l.cut {
		return
	}
	l.cut = true
	w.lose(l)
	longest := 2 * time.Second
	if w.chance(0.5) {
		longest = 50 * time.Millisecond
	}
	w.after(w.between(0, longest), func() { l.cut = false })
}
