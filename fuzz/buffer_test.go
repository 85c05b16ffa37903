package fuzz

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// FuzzBuffer runs a script of inserts and advances, three bytes each, on a target.Buffer and on a sorted
// slice. Laws: both give the same verdict for every event and hold the same events; a verdict of Full comes
// with an error and no other does; nothing panics, wherever in the sequence space the cursor starts.
func FuzzBuffer(f *testing.F) {
	f.Add(uint64(0), uint16(10), uint16(100), []byte{0, 3, 1, 0, 1, 1, 0, 2, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0})
	f.Add(uint64(math.MaxUint64-3), uint16(0), uint16(0), []byte{0, 3, 1, 0, 2, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0})
	f.Add(uint64(62), uint16(4000), uint16(9), []byte{0, 2, 1, 1, 0, 0, 3, 8, 1, 3, 16, 1, 1, 0, 0})
	f.Add(uint64(1<<40), uint16(500), uint16(50), []byte{4, 0, 9, 4, 255, 9, 2, 1, 40, 2, 1, 50, 2, 1, 51, 5, 0, 0})
	f.Fuzz(func(t *testing.T, cursor uint64, maxEvents, maxBytes uint16, script []byte) {
		b := target.NewBuffer(cursor, int(maxEvents), int64(maxBytes))
		w := &sortedSlice{
			cursor: cursor, maxEvents: cmp.Or(uint64(maxEvents), target.DefaultPendingEvents),
			maxBytes: cmp.Or(int64(maxBytes), target.DefaultPendingBytes),
		}
		for len(script) >= 3 {
			w.step(t, b, script[0], script[1], script[2])
			w.compare(t, b)
			script = script[3:]
		}
	})
}

// sortedSlice does what a target.Buffer does, slowly.
type sortedSlice struct {
	cursor    uint64
	maxEvents uint64
	maxBytes  int64
	held      []crypto.CausalEvent
}

// step performs one operation on both.
func (w *sortedSlice) step(t *testing.T, b *target.Buffer, op, where, size byte) {
	switch op % 6 {
	case 1:
		if w.cursor < math.MaxUint64 {
			b.Advance()
			w.advance()
		}
		return
	case 5:
		if n := b.Clear(); n != len(w.held) {
			t.Fatalf("cleared %d, want %d", n, len(w.held))
		}
		w.held = nil
		return
	}
	ev := crypto.CausalEvent{Kind: crypto.EventInput, Payload: make([]byte, size)}
	ev.Link.Sequence = w.place(op%6, uint64(where))
	got, err := b.Insert(&ev)
	want := w.insert(ev)
	if got != want || (err != nil) != (want == target.Full) || err != nil && !errors.Is(err, wire.ErrBufferFull) {
		t.Fatalf("insert %d at %d = %v, %v; want %v", ev.Link.Sequence, w.cursor, got, err, want)
	}
}

// place picks a sequence: near the cursor, in other pages, at the edge of the window, or anywhere.
func (w *sortedSlice) place(op byte, where uint64) uint64 {
	switch op {
	case 0:
		return w.cursor + where%8
	case 2:
		return w.cursor + where
	case 3:
		return w.cursor + 64*where
	}
	return w.cursor + w.maxEvents + where - 128
}

func (w *sortedSlice) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(w.held, seq, func(ev crypto.CausalEvent, seq uint64) int {
		return cmp.Compare(ev.Link.Sequence, seq)
	})
}

func (w *sortedSlice) insert(ev crypto.CausalEvent) target.Verdict {
	seq := ev.Link.Sequence
	if seq <= w.cursor {
		return target.Duplicate
	}
	i, found := w.find(seq)
	if seq-w.cursor > 1 && !w.fits(ev) {
		return target.Full
	}
	if found {
		w.held[i] = ev
		return target.Replaced
	}
	w.held = slices.Insert(w.held, i, ev)
	return target.Held
}

// fits counts what is held beyond the next event, as if ev were among it.
func (w *sortedSlice) fits(ev crypto.CausalEvent) bool {
	bytes := int64(len(ev.Payload))
	for _, held := range w.held {
		if seq := held.Link.Sequence; seq-w.cursor > 1 && seq != ev.Link.Sequence {
			bytes += int64(len(held.Payload))
		}
	}
	return ev.Link.Sequence-w.cursor-1 <= w.maxEvents && bytes <= w.maxBytes
}

func (w *sortedSlice) advance() {
	w.cursor++
	if len(w.held) > 0 && w.held[0].Link.Sequence == w.cursor {
		w.held = w.held[1:]
	}
}

func (w *sortedSlice) compare(t *testing.T, b *target.Buffer) {
	var bytes int64
	for _, ev := range w.held {
		bytes += int64(len(ev.Payload))
	}
	next := len(w.held) > 0 && w.held[0].Link.Sequence-w.cursor == 1
	ev := b.Next()
	if (ev != nil) != next || next && (ev.Link != w.held[0].Link || len(ev.Payload) != len(w.held[0].Payload)) {
		t.Fatalf("next is %v; want one: %v", ev, next)
	}
	if b.Cursor() != w.cursor || b.Len() != len(w.held) || b.Bytes() != bytes || b.Missing() != (!next && len(w.held) > 0) {
		t.Fatalf("cursor %d, %d events, %d bytes; want %d, %d, %d", b.Cursor(), b.Len(), b.Bytes(), w.cursor, len(w.held), bytes)
	}
}
