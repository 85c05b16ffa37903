package main

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
)

// bufferExperiment compares the ordered buffer with what one would take from the shelf.
func bufferExperiment(l *lab) error {
	const n = 100_000
	payload := make([]byte, payloadSize)
	b := &buffers{l: l, n: n, want: uint64(n) * (n + 1) / 2}
	inOrder := disorder(n, 0, payload)
	// In order, where every event is stored and taken out again: what the structure itself costs.
	found, allocs := b.duel(inOrder, false, func() ordering { return newRing(1024) })
	l.add(faster("ordered buffer, in order, every event stored, against a bare ring", found[0], found[1], reach(0.5)))
	l.add(row{what: "ordered buffer, in order, allocations per event", ferry: plain(allocs[0]), ratio: allocs[0], goal: allocationFree})
	for _, c := range []struct {
		what   string
		events []crypto.CausalEvent
		goal   float64
	}{
		{"delays of up to 16", disorder(n, 16, payload), 2}, {"reversed", reversed(n, payload), 5}, {"random", shuffled(n, payload), 5},
	} {
		found, _ := b.duel(c.events, true, b.shelf()...)
		b.rows(c.what, found, reach(c.goal))
	}
	b.plot(payload)
	return b.failed
}

// buffers runs the contenders.
type buffers struct {
	l      *lab
	n      int
	want   uint64 // the sum of all sequences
	failed error
}

// shelfNames names the contenders of shelf. The first two are the trees.
var shelfNames = []string{"google/btree", "tidwall/btree", "container/heap", "a Go map", "a bare ring"}

func (b *buffers) shelf() []func() ordering {
	return []func() ordering{
		func() ordering { return newGoogleTree() },
		func() ordering { return new(tidwallTree) },
		func() ordering { return new(eventHeap) },
		func() ordering { return newGoMap() },
		func() ordering { return newRing(1 << 17) },
	}
}

// duel times the library's buffer, first, and others, all empty at the start of each run.
func (b *buffers) duel(events []crypto.CausalEvent, pass bool, others ...func() ordering) ([][]float64, []float64) {
	contenders := []func(){func() { b.check("the ordered buffer", runBuffer(target.NewBuffer(0, 0, 0), events, pass)) }}
	for i, make := range others {
		contenders = append(contenders, func() { b.check(shelfNames[i], run(make(), events, pass)) })
	}
	return duel(b.l, len(events), contenders...)
}

// check notes a contender that lost events.
func (b *buffers) check(what string, sum uint64) {
	if sum != b.want {
		b.failed = fmt.Errorf("%s put out events that sum up to %d, want %d", what, sum, b.want)
	}
}

// rows adds a row for the better tree, which has a goal, and for the others, which inform.
func (b *buffers) rows(order string, found [][]float64, g goal) {
	best := 1
	if median(found[2]) < median(found[1]) {
		best = 2
	}
	for i := 1; i < len(found); i++ {
		held := noGoal()
		if i == best {
			held = g
		}
		b.l.add(faster(fmt.Sprintf("ordered buffer, %s, against %s", order, shelfNames[i-1]), found[0], found[i], held))
	}
}

// plot draws the cost against the disorder.
func (b *buffers) plot(payload []byte) {
	d := drawing{name: "buffer", title: "Ordered buffer, 100,000 events", x: "greatest delay in events", y: "ns per event", logX: true, logY: true,
		lines: []line{{name: "ferry"}, {name: shelfNames[0]}, {name: shelfNames[1]}, {name: shelfNames[3]}}}
	shelf := b.shelf()
	for _, delay := range []int{1, 4, 16, 256, 4096, 65_536} {
		found, _ := b.duel(disorder(b.n, delay, payload), true, shelf[0], shelf[1], shelf[3])
		for i := range found {
			d.lines[i].add(float64(delay), median(found[i]))
		}
	}
	b.l.drawings = append(b.l.drawings, d)
}
