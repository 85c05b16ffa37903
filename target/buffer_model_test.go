package target

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// twin is a Buffer as one would write it without caring for speed: a sorted slice, counted anew each time.
type twin struct {
	cursor    uint64
	maxEvents uint64
	maxBytes  int64
	held      []crypto.CausalEvent // sorted by sequence, without duplicates
}

// find returns where the sequence is or belongs.
func (w *twin) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(w.held, seq, func(ev crypto.CausalEvent, seq uint64) int {
		return cmp.Compare(ev.Link.Sequence, seq)
	})
}

// beyond counts the payload bytes held beyond the next event, leaving one sequence out.
func (w *twin) beyond(without uint64) (bytes int64) {
	for _, ev := range w.held {
		if seq := ev.Link.Sequence; seq-w.cursor != 1 && seq != without {
			bytes += int64(len(ev.Payload))
		}
	}
	return bytes
}

func (w *twin) insert(ev crypto.CausalEvent) Verdict {
	seq := ev.Link.Sequence
	if seq <= w.cursor {
		return Duplicate
	}
	i, found := w.find(seq)
	if ahead := seq - w.cursor - 1; ahead > 0 {
		if ahead > w.maxEvents || w.beyond(seq)+int64(len(ev.Payload)) > w.maxBytes {
			return Full
		}
	}
	if found {
		w.held[i] = ev
		return Replaced
	}
	w.held = slices.Insert(w.held, i, ev)
	return Held
}

func (w *twin) next() (crypto.CausalEvent, bool) {
	if len(w.held) > 0 && w.held[0].Link.Sequence-w.cursor == 1 {
		return w.held[0], true
	}
	return crypto.CausalEvent{}, false
}

func (w *twin) advance() {
	if _, ok := w.next(); ok {
		w.held = w.held[1:]
	}
	w.cursor++
}

func (w *twin) bytes() (n int64) {
	for _, ev := range w.held {
		n += int64(len(ev.Payload))
	}
	return n
}

// TestBufferModel drives Buffer and twin with the same random operations and compares all they say.
func TestBufferModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		cursor := []uint64{0, 5, 1 << 33, math.MaxUint64 - 700}[rng.IntN(4)]
		maxEvents, maxBytes := 1+rng.IntN(1500), 1+rng.Int64N(4000)
		b := NewBuffer(cursor, maxEvents, maxBytes)
		w := &twin{cursor: cursor, maxEvents: uint64(maxEvents), maxBytes: maxBytes}
		for range 400 {
			compareStep(t, rng, b, w)
		}
	}
}

// compareStep performs one operation on both.
func compareStep(t *testing.T, rng *rand.Rand, b *Buffer, w *twin) {
	t.Helper()
	switch op := rng.IntN(10); {
	case op < 7:
		ev := eventOf(near(rng, w.cursor, w.maxEvents), rng.IntN(40))
		got, _ := b.Insert(&ev)
		if want := w.insert(ev); got != want {
			t.Fatalf("insert %d at %d = %v, want %v", ev.Link.Sequence, w.cursor, got, want)
		}
	case op < 9 && w.cursor < math.MaxUint64:
		b.Advance()
		w.advance()
	case rng.IntN(20) == 0:
		if got := b.Clear(); got != len(w.held) {
			t.Fatalf("cleared %d, want %d", got, len(w.held))
		}
		w.held = nil
	}
	compareState(t, b, w)
}

// near picks a sequence that is interesting at the cursor.
func near(rng *rand.Rand, cursor, window uint64) uint64 {
	switch rng.IntN(8) {
	case 0:
		return cursor - rng.Uint64N(3) // may wrap: far ahead or at the end
	case 1:
		return cursor + 1 + window + rng.Uint64N(3)
	case 2:
		return rng.Uint64()
	case 3, 4:
		return cursor + 1 + rng.Uint64N(3)
	}
	return cursor + rng.Uint64N(window+2)
}

func compareState(t *testing.T, b *Buffer, w *twin) {
	t.Helper()
	if err := b.check(); err != nil {
		t.Fatal(err)
	}
	got := b.Next()
	want, wantOK := w.next()
	if (got != nil) != wantOK || wantOK && (got.Link != want.Link || len(got.Payload) != len(want.Payload)) {
		t.Fatalf("next = %v; want %d, %v", got, want.Link.Sequence, wantOK)
	}
	if b.Cursor() != w.cursor || b.Len() != len(w.held) || b.Bytes() != w.bytes() || b.Missing() != (!wantOK && len(w.held) > 0) {
		t.Fatalf("cursor %d, %d events, %d bytes; want %d, %d, %d", b.Cursor(), b.Len(), b.Bytes(), w.cursor, len(w.held), w.bytes())
	}
}
