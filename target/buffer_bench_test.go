package target

import (
	"math/rand/v2"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

const benchEvents = 100_000

// arrivals are the orders in which n events may arrive, by kind of disorder.
var arrivals = []struct {
	name  string
	order func(n int) []uint64
}{
	{"in_order", inOrder},
	{"mild", mildDisorder},
	{"reversed_blocks_256", func(n int) []uint64 { return reversedBlocks(n, 256) }},
	{"full_reverse", func(n int) []uint64 { return reversedBlocks(n, n) }},
	{"random", func(n int) []uint64 { return shuffled(n, rand.New(rand.NewPCG(1, 1))) }},
}

func inOrder(n int) []uint64 {
	seqs := make([]uint64, n)
	for i := range seqs {
		seqs[i] = uint64(i) + 1
	}
	return seqs
}

// mildDisorder delays every event by up to 16 places, like a network with several paths.
func mildDisorder(n int) []uint64 {
	rng := rand.New(rand.NewPCG(2, 2))
	seqs := inOrder(n)
	for i := range seqs {
		j := min(i+rng.IntN(17), n-1)
		seqs[i], seqs[j] = seqs[j], seqs[i]
	}
	return seqs
}

func reversedBlocks(n, size int) []uint64 {
	seqs := inOrder(n)
	for i := range seqs {
		block := i / size * size
		end := min(block+size, n)
		seqs[i] = uint64(end - (i - block))
	}
	return seqs
}

func shuffled(n int, rng *rand.Rand) []uint64 {
	seqs := inOrder(n)
	rng.Shuffle(n, func(i, j int) { seqs[i], seqs[j] = seqs[j], seqs[i] })
	return seqs
}

// BenchmarkBuffer inserts and drains 100,000 events; the figures are per event.
func BenchmarkBuffer(b *testing.B) {
	for _, a := range arrivals {
		b.Run(a.name, func(b *testing.B) {
			seqs := a.order(benchEvents)
			b.ReportAllocs()
			buf := NewBuffer(0, 0, 0)
			ev := crypto.CausalEvent{Kind: crypto.EventInput}
			var base, drained uint64
			for i := 0; i < b.N; i++ {
				k := i % benchEvents
				if k == 0 {
					base = uint64(i)
				}
				ev.Link.Sequence = base + seqs[k]
				buf.insert(&ev)
				for buf.next != nil {
					drained += buf.next.Link.Sequence - buf.Cursor()
					buf.Advance()
				}
			}
			if rest := uint64(b.N % benchEvents); drained < uint64(b.N)-rest {
				b.Fatalf("drained %d of %d", drained, b.N)
			}
		})
	}
}

// BenchmarkBufferDirect is how the handler uses events in order: it asks, applies, and moves on.
func BenchmarkBufferDirect(b *testing.B) {
	b.ReportAllocs()
	buf := NewBuffer(0, 0, 0)
	for i := 0; i < b.N; i++ {
		if !buf.Expects(uint64(i) + 1) {
			b.Fatal("out of order")
		}
		buf.Advance()
	}
}

// BenchmarkBufferHostile offers what must be refused or dropped, and far events that are held.
func BenchmarkBufferHostile(b *testing.B) {
	offer := func(name string, seq func(i int) uint64) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := NewBuffer(1<<40, 0, 0)
			ev := crypto.CausalEvent{Kind: crypto.EventInput}
			for i := 0; i < b.N; i++ {
				ev.Link.Sequence = seq(i)
				buf.insert(&ev)
			}
		})
	}
	offer("stale", func(i int) uint64 { return uint64(i) & (1<<40 - 1) })
	offer("beyond", func(i int) uint64 { return ^uint64(i) })
	offer("far_sparse", func(i int) uint64 { return 1<<40 + 2 + uint64(i*pageSlots)%DefaultPendingEvents })
	offer("pending_again", func(i int) uint64 { return 1<<40 + 2 + uint64(i)%1024 })
}
