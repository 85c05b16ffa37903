package relay

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// lane is one direction: it decides what happens to a packet and keeps it until it is due. It has no clock
// and no socket; time is an argument. It is for one goroutine at a time.
type lane struct {
	rng   *rand.Rand
	rules Rules
	max   int // bytes that may be queued

	queue packets
	bytes int
	count uint64    // of copies that were ever queued, which breaks ties
	free  time.Time // when the line has sent what it was given before
	last  time.Time // when the newest packet that keeps the order is due
	stats Stats
}

// packet is one copy on its way.
type packet struct {
	due  time.Time
	nth  uint64
	data []byte
	send func([]byte)
}

// newLane draws its decisions from a generator of its own.
func newLane(seed, stream uint64, max int) *lane {
	return &lane{rng: rand.New(rand.NewPCG(seed, stream)), max: max}
}

// fate is what is drawn for one packet.
type fate struct {
	lost, twice, late bool
	jitter            time.Duration
}

// draw takes four values, whatever the rules are.
func (l *lane) draw() fate {
	loss, dup, late, jitter := l.rng.Float64(), l.rng.Float64(), l.rng.Float64(), l.rng.Float64()
	return fate{
		lost: loss < l.rules.Loss, twice: dup < l.rules.Duplicate, late: late < l.rules.Reorder,
		jitter: time.Duration(jitter * float64(l.rules.Jitter)),
	}
}

// take accepts a packet or drops it. The data is the lane's from here on; send gets it back when it is due.
func (l *lane) take(now time.Time, data []byte, send func([]byte)) {
	f := l.draw()
	copies := 1
	if f.twice {
		copies = 2
	}
	switch {
	case l.rules.Cut:
		l.stats.Cut++
		return
	case f.lost:
		l.stats.Lost++
		return
	case l.bytes+copies*len(data) > l.max:
		l.stats.Overflow++
		return
	}
	l.stats.Queued++
	if f.twice {
		l.stats.Duplicated++
	}
	due := l.due(now, len(data), f)
	for range copies {
		l.count++
		l.bytes += len(data)
		heap.Push(&l.queue, packet{due: due, nth: l.count, data: data, send: send})
	}
}

// due is when a packet reaches the other side. The line sends one packet after the other, which is what the
// rate means, and then each takes its time. A packet that is late leaves last alone: those behind it do not
// wait for it.
func (l *lane) due(now time.Time, size int, f fate) time.Time {
	at := now
	if l.rules.Rate > 0 {
		if l.free.After(at) {
			at = l.free
		}
		at = at.Add(time.Duration(float64(size) / float64(l.rules.Rate) * float64(time.Second)))
		l.free = at
	}
	at = at.Add(l.rules.Delay + f.jitter)
	if f.late {
		l.stats.Reordered++
		if l.rules.ReorderBy == 0 {
			return at.Add(DefaultReorderBy)
		}
		return at.Add(l.rules.ReorderBy)
	}
	if at.Before(l.last) {
		at = l.last
	}
	l.last = at
	return at
}

// next returns when the first packet is due; false if there is none.
func (l *lane) next() (time.Time, bool) {
	if len(l.queue) == 0 {
		return time.Time{}, false
	}
	return l.queue[0].due, true
}

// pop returns the first packet that is due; false if there is none.
func (l *lane) pop(now time.Time) (packet, bool) {
	if len(l.queue) == 0 || l.queue[0].due.After(now) {
		return packet{}, false
	}
	p := heap.Pop(&l.queue).(packet)
	l.bytes -= len(p.data)
	l.stats.Sent++
	l.stats.Bytes += uint64(len(p.data))
	return p, true
}

// set changes the rules for what comes. A cut also drops what is on its way; a delay that has become
// shorter lets new packets wait for the old ones, as the order has it.
func (l *lane) set(r Rules) {
	l.rules = r
	if r.Cut {
		l.stats.CutQueued += uint64(len(l.queue))
		l.queue, l.bytes = nil, 0
		l.last = time.Time{}
	}
	if r.Rate == 0 {
		l.free = time.Time{}
	}
}

// packets is a heap by due time, and by order of arrival where that is equal.
type packets []packet

func (q packets) Len() int { return len(q) }

func (q packets) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].nth < q[j].nth
	}
	return q[i].due.Before(q[j].due)
}

func (q packets) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *packets) Push(x any)   { *q = append(*q, x.(packet)) }

func (q *packets) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = packet{}
	*q = (*q)[:last]
	return p
}
