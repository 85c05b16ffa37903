package main

import (
	"container/heap"
	"math/rand/v2"
	"slices"

	"github.com/google/btree"
	tidwall "github.com/tidwall/btree"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
)

// ordering is a structure that events enter in any order and leave in strict sequence. Every one of them
// lets an event that is next pass by without storing it, except where the row says that it is stored.
type ordering interface {
	insert(ev *crypto.CausalEvent) // copies it
	// next forgets the event it returned before and returns the one with that sequence, nil if it is not there.
	next(seq uint64) *crypto.CausalEvent
}

// run sends all events through an ordering and adds up the sequences that came out, so that no work can be
// left out.
func run(o ordering, events []crypto.CausalEvent, pass bool) (sum uint64) {
	next := uint64(1)
	for i := range events {
		if pass && events[i].Link.Sequence == next {
			sum += next
			next++
		} else {
			o.insert(&events[i])
		}
		for ev := o.next(next); ev != nil; ev = o.next(next) {
			sum += ev.Link.Sequence
			next++
		}
	}
	return sum
}

// runBuffer does the same with the library's buffer, as the handler uses it: an event is read where it lies.
func runBuffer(b *target.Buffer, events []crypto.CausalEvent, pass bool) (sum uint64) {
	for i := range events {
		if pass && b.Expects(events[i].Link.Sequence) {
			sum += events[i].Link.Sequence
			b.Advance()
		} else if _, err := b.Insert(&events[i]); err != nil {
			return 0 // the sum will tell
		}
		for ev := b.Next(); ev != nil; ev = b.Next() {
			sum += ev.Link.Sequence
			b.Advance()
		}
	}
	return sum
}

// disorder returns the sequences 1 to n, each delayed by up to so many places: 0 is in order.
func disorder(n, delay int, payload []byte) []crypto.CausalEvent {
	rng := rand.New(rand.NewPCG(1, 1))
	type place struct{ seq, at int }
	places := make([]place, n)
	for i := range places {
		places[i] = place{i + 1, i + rng.IntN(delay+1)}
	}
	slices.SortStableFunc(places, func(a, b place) int { return a.at - b.at })
	events := make([]crypto.CausalEvent, n)
	for i, p := range places {
		events[i] = eventOf(uint64(p.seq), payload)
	}
	return events
}

// reversed turns the order around.
func reversed(n int, payload []byte) []crypto.CausalEvent {
	events := disorder(n, 0, payload)
	slices.Reverse(events)
	return events
}

// shuffled is any order.
func shuffled(n int, payload []byte) []crypto.CausalEvent {
	events := disorder(n, 0, payload)
	rand.New(rand.NewPCG(2, 2)).Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// ring is the bare ring: as many slots as can be needed, and nothing else.
type ring struct {
	slots []crypto.CausalEvent
	mask  uint64
	out   *crypto.CausalEvent // what next returned
}

func newRing(slots int) *ring {
	return &ring{slots: make([]crypto.CausalEvent, slots), mask: uint64(slots - 1)}
}

func (r *ring) insert(ev *crypto.CausalEvent) { r.slots[ev.Link.Sequence&r.mask] = *ev }

func (r *ring) next(seq uint64) *crypto.CausalEvent {
	if r.out != nil {
		r.out.Link.Sequence, r.out.Payload, r.out = 0, nil, nil
	}
	if slot := &r.slots[seq&r.mask]; slot.Link.Sequence == seq {
		r.out = slot
	}
	return r.out
}

// googleNodes are nodes for every googleTree to use again, as the pages of all buffers are: more than the
// largest tree here has.
var googleNodes = btree.NewFreeListG[crypto.CausalEvent](1 << 14)

// googleTree is google/btree.
type googleTree struct {
	tree *btree.BTreeG[crypto.CausalEvent]
	out  crypto.CausalEvent
}

func newGoogleTree() *googleTree {
	less := func(a, b crypto.CausalEvent) bool { return a.Link.Sequence < b.Link.Sequence }
	return &googleTree{tree: btree.NewWithFreeListG(32, less, googleNodes)}
}

func (t *googleTree) insert(ev *crypto.CausalEvent) { t.tree.ReplaceOrInsert(*ev) }

func (t *googleTree) next(seq uint64) *crypto.CausalEvent {
	if least, ok := t.tree.Min(); !ok || least.Link.Sequence != seq {
		return nil
	}
	t.out, _ = t.tree.DeleteMin()
	return &t.out
}

// tidwallTree is tidwall/btree's map, its fastest form.
type tidwallTree struct {
	tree tidwall.Map[uint64, crypto.CausalEvent]
	out  crypto.CausalEvent
}

func (t *tidwallTree) insert(ev *crypto.CausalEvent) { t.tree.Set(ev.Link.Sequence, *ev) }

func (t *tidwallTree) next(seq uint64) *crypto.CausalEvent {
	if least, _, ok := t.tree.Min(); !ok || least != seq {
		return nil
	}
	_, t.out, _ = t.tree.PopMin()
	return &t.out
}

// eventHeap is container/heap.
type eventHeap []crypto.CausalEvent

func (h eventHeap) Len() int           { return len(h) }
func (h eventHeap) Less(i, j int) bool { return h[i].Link.Sequence < h[j].Link.Sequence }
func (h eventHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)        { *h = append(*h, x.(crypto.CausalEvent)) }

// Pop implements heap.Interface.
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	ev := (*h)[last]
	*h = (*h)[:last]
	return ev
}

func (h *eventHeap) insert(ev *crypto.CausalEvent) { heap.Push(h, *ev) }

func (h *eventHeap) next(seq uint64) *crypto.CausalEvent {
	if len(*h) == 0 || (*h)[0].Link.Sequence != seq {
		return nil
	}
	ev := heap.Pop(h).(crypto.CausalEvent)
	return &ev
}

// goMap is a map by sequence.
type goMap struct {
	events map[uint64]crypto.CausalEvent
	out    crypto.CausalEvent
}

func newGoMap() *goMap { return &goMap{events: make(map[uint64]crypto.CausalEvent)} }

func (m *goMap) insert(ev *crypto.CausalEvent) { m.events[ev.Link.Sequence] = *ev }

func (m *goMap) next(seq uint64) *crypto.CausalEvent {
	ev, ok := m.events[seq]
	if !ok {
		return nil
	}
	delete(m.events, seq)
	m.out = ev
	return &m.out
}
