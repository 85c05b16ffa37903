package target

import (
	"errors"
	"math"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// eventOf returns an event with that sequence and a payload of size bytes.
func eventOf(seq uint64, size int) crypto.CausalEvent {
	return crypto.CausalEvent{
		Link: crypto.CausalLink{Origin: 42, Sequence: seq}, Kind: crypto.EventInput, Payload: make([]byte, size),
	}
}

// insert offers an event and checks the verdict, the invariants, and that the error says the same.
func insert(t *testing.T, b *Buffer, ev crypto.CausalEvent, want Verdict) {
	t.Helper()
	v, err := b.Insert(&ev)
	if v != want || errors.Is(err, wire.ErrBufferFull) != (want == Full) || (err != nil) != (want == Full) {
		t.Fatalf("insert %d = %v, %v; want %v", ev.Link.Sequence, v, err, want)
	}
	if err := b.check(); err != nil {
		t.Fatalf("after insert %d: %v", ev.Link.Sequence, err)
	}
}

// drainAll takes out what is contiguous and returns the sequences.
func drainAll(t *testing.T, b *Buffer) (seqs []uint64) {
	t.Helper()
	for {
		ev := b.Next()
		if ev == nil {
			return seqs
		}
		seqs = append(seqs, ev.Link.Sequence)
		b.Advance()
		if err := b.check(); err != nil {
			t.Fatalf("after advancing to %d: %v", b.Cursor(), err)
		}
	}
}

func holds(t *testing.T, b *Buffer, events int, bytes int64) {
	t.Helper()
	if b.Len() != events || b.Bytes() != bytes {
		t.Fatalf("holds %d events, %d bytes; want %d, %d", b.Len(), b.Bytes(), events, bytes)
	}
}

func TestBufferOrders(t *testing.T) {
	b := NewBuffer(0, 10, 100)
	insert(t, b, eventOf(3, 1), Held)
	if !b.Missing() {
		t.Fatal("1 and 2 are missing")
	}
	insert(t, b, eventOf(1, 1), Held)
	if b.Missing() {
		t.Fatal("1 is held")
	}
	if got := drainAll(t, b); len(got) != 1 || got[0] != 1 {
		t.Fatalf("drained %v, want 1", got)
	}
	insert(t, b, eventOf(2, 1), Held)
	if got := drainAll(t, b); len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Fatalf("drained %v, want 2 and 3", got)
	}
	insert(t, b, eventOf(3, 1), Duplicate)
	insert(t, b, eventOf(0, 1), Duplicate)
	holds(t, b, 0, 0)
}

// Rule T7: both caps are inclusive, and neither counts the event that comes next.
func TestBufferCapsAreInclusive(t *testing.T) {
	b := NewBuffer(10, 4, 100)
	insert(t, b, eventOf(12, 40), Held)
	insert(t, b, eventOf(15, 60), Held) // exactly 100 bytes, exactly 4 beyond the next
	insert(t, b, eventOf(16, 0), Full)
	insert(t, b, eventOf(13, 1), Full)
	insert(t, b, eventOf(13, 0), Held)
	insert(t, b, eventOf(11, 1000), Held)
	holds(t, b, 4, 1100)
	insert(t, b, eventOf(11, 2000), Replaced)
	holds(t, b, 4, 2100)
	drainAll(t, b)
	holds(t, b, 1, 60)
	insert(t, b, eventOf(14, 0), Held)
	drainAll(t, b)
	holds(t, b, 0, 0)
}

func TestBufferFullErrorHasTheTotals(t *testing.T) {
	b := NewBuffer(10, 4, 100)
	insert(t, b, eventOf(12, 40), Held)
	ev := eventOf(14, 61)
	_, err := b.Insert(&ev)
	var full *FullError
	if !errors.As(err, &full) {
		t.Fatalf("error is %T, want *FullError", err)
	}
	want := FullError{Origin: 42, Sequence: 14, Size: 61, Cursor: 10, Events: 1, MaxEvents: 4, Bytes: 40, MaxBytes: 100}
	if *full != want {
		t.Fatalf("got %+v, want %+v", *full, want)
	}
}

// Rule T7: accounting stays exact when a pending sequence is overwritten, and an overwrite that does not
// fit leaves what was there.
func TestBufferOverwrite(t *testing.T) {
	b := NewBuffer(0, 10, 100)
	insert(t, b, eventOf(3, 60), Held)
	insert(t, b, eventOf(4, 30), Held)
	insert(t, b, eventOf(3, 70), Replaced)
	holds(t, b, 2, 100)
	insert(t, b, eventOf(3, 71), Full)
	holds(t, b, 2, 100)
	insert(t, b, eventOf(3, 5), Replaced)
	holds(t, b, 2, 35)
	insert(t, b, eventOf(2, 65), Held)
	insert(t, b, eventOf(1, 0), Held)
	drainAll(t, b)
	holds(t, b, 0, 0)
}

// A next event that arrived early lies in the ring; overwriting it there is exact too.
func TestBufferOverwriteOfNextInRing(t *testing.T) {
	b := NewBuffer(0, 10, 100)
	insert(t, b, eventOf(2, 50), Held)
	insert(t, b, eventOf(3, 50), Held)
	b.Advance()
	holds(t, b, 2, 100)
	insert(t, b, eventOf(4, 50), Held) // 2 no longer counts against the cap
	insert(t, b, eventOf(2, 500), Replaced)
	holds(t, b, 3, 600)
	if got := drainAll(t, b); len(got) != 3 {
		t.Fatalf("drained %v", got)
	}
	holds(t, b, 0, 0)
}

// Rule T16: at the end of the sequence space nothing wraps and nothing panics.
func TestBufferAtTheEndOfSequences(t *testing.T) {
	const end = math.MaxUint64
	b := NewBuffer(end-3, math.MaxInt, math.MaxInt64)
	insert(t, b, eventOf(end, 1), Held)
	insert(t, b, eventOf(0, 1), Duplicate)
	insert(t, b, eventOf(1, 1), Duplicate)
	insert(t, b, eventOf(end-1, 1), Held)
	insert(t, b, eventOf(end-2, 1), Held)
	if got := drainAll(t, b); len(got) != 3 || b.Cursor() != end {
		t.Fatalf("drained %v to %d", got, b.Cursor())
	}
	insert(t, b, eventOf(end, 1), Duplicate)
	insert(t, b, eventOf(0, 1), Duplicate)
	if b.Expects(0) || b.Expects(end) {
		t.Fatal("nothing comes after the last sequence")
	}
	defer func() {
		if recover() == nil {
			t.Fatal("the cursor went past the last sequence")
		}
	}()
	b.Advance()
}

func TestBufferFarAway(t *testing.T) {
	for _, cursor := range []uint64{0, 1, 63, 64, 1 << 40, math.MaxUint64 - 1} {
		b := NewBuffer(cursor, 0, 0)
		for _, seq := range []uint64{math.MaxUint64, math.MaxUint64 - 1, cursor + DefaultPendingEvents + 2, 1 << 63} {
			if seq <= cursor || seq-cursor == 1 {
				continue
			}
			insert(t, b, eventOf(seq, 1), Full)
		}
		holds(t, b, 0, 0)
	}
}

// One far event takes one page and a directory that reaches it, and both are given back with it.
func TestBufferFarEventTakesOnePage(t *testing.T) {
	l := &ledger{limit: 1 << 40}
	b := newBuffer(0, 0, 0, l)
	insert(t, b, eventOf(DefaultPendingEvents+1, 100), Held)
	directory := int64(16_384 * dirEntryCost) // 1,000,000 / 64, rounded up to a power of two
	if got, want := l.used.Load(), pageCost+directory+100; got != want {
		t.Fatalf("charged %d, want %d", got, want)
	}
	insert(t, b, eventOf(DefaultPendingEvents, 100), Held)
	if got, want := l.used.Load(), pageCost+directory+200; got != want {
		t.Fatalf("charged %d for a neighbor, want %d", got, want)
	}
	if n := b.Clear(); n != 2 || l.used.Load() != 0 {
		t.Fatalf("cleared %d, %d left", n, l.used.Load())
	}
	insert(t, b, eventOf(2, 0), Held)
	if l.used.Load() != pageCost {
		t.Fatalf("charged %d for a near event", l.used.Load())
	}
}

// The directory grows while events are held, and shrinks when the ring runs empty.
func TestBufferDirectoryGrows(t *testing.T) {
	b := NewBuffer(100, 0, 0)
	n := 0
	for ahead := uint64(1); ahead <= 1<<19; ahead *= 2 {
		insert(t, b, eventOf(101+ahead, 3), Held)
		n++
	}
	holds(t, b, n, int64(3*n))
	for b.Len() > 0 {
		drainAll(t, b)
		b.Advance() // the missing event was applied elsewhere
	}
	if err := b.check(); err != nil {
		t.Fatal(err)
	}
	if b.ring.dir != nil {
		t.Fatal("an empty ring keeps its directory")
	}
}

// The ledger that buffers share refuses early events but never the next one.
func TestBufferSharedLimit(t *testing.T) {
	l := &ledger{limit: 2*pageCost + 100}
	a, b := newBuffer(0, 0, 0, l), newBuffer(0, 0, 0, l)
	insert(t, a, eventOf(2, 60), Held)
	insert(t, b, eventOf(2, 41), Full)
	insert(t, b, eventOf(2, 40), Held)
	insert(t, b, eventOf(2, 41), Full) // replacing it needs a byte more
	insert(t, b, eventOf(2, 39), Replaced)
	insert(t, b, eventOf(1, 5000), Held)
	if got, want := l.used.Load(), int64(2*pageCost+99+eventOverhead+5000); got != want {
		t.Fatalf("used %d, want %d", got, want)
	}
	drainAll(t, b)
	a.Clear()
	if l.used.Load() != 0 {
		t.Fatalf("%d left", l.used.Load())
	}
}

func TestBufferFullErrorHasTheNodeTotals(t *testing.T) {
	l := &ledger{limit: 10}
	ev := eventOf(2, 1)
	_, err := newBuffer(0, 0, 0, l).Insert(&ev)
	var full *FullError
	if !errors.As(err, &full) || full.MaxNodeBytes != 10 || full.NodeBytes != 0 {
		t.Fatalf("got %+v", full)
	}
}

// In order, an event neither touches the ring nor allocates, whether it is inserted or only counted; nor
// does mild disorder once a page is there.
func TestBufferDoesNotAllocate(t *testing.T) {
	b := NewBuffer(0, 0, 0)
	ev := eventOf(0, 64)
	inOrder := func() {
		ev.Link.Sequence = b.Cursor() + 1
		b.Insert(&ev)
		b.Advance()
		b.Advance()
	}
	if n := testing.AllocsPerRun(1000, inOrder); n != 0 {
		t.Errorf("%v allocations in order", n)
	}
	if b.ring.dir != nil {
		t.Error("events in order touched the ring")
	}
	hopeless := func() {
		ev.Link.Sequence = math.MaxUint64
		b.insert(&ev)
		ev.Link.Sequence = 1
		b.insert(&ev)
	}
	if n := testing.AllocsPerRun(1000, hopeless); n != 0 {
		t.Errorf("%v allocations for what is dropped and refused", n)
	}
}

func TestVerdictString(t *testing.T) {
	for v, want := range map[Verdict]string{
		Held: "held", Replaced: "replaced", Duplicate: "duplicate", Full: "full", 0: "verdict 0", 9: "verdict 9",
	} {
		if v.String() != want {
			t.Errorf("%d is %q, want %q", v, v, want)
		}
	}
}

// The next event keeps its page while it is held in the ring: an event a whole directory further on must
// not be taken for its neighbor.
func TestBufferNextHoldsItsPage(t *testing.T) {
	for _, last := range []uint64{pageSlots - 1, 3*pageSlots - 1} {
		b := NewBuffer(last-2, 0, 0)
		insert(t, b, eventOf(last, 1), Held)
		b.Advance() // last is next, and the only event of its page
		for far := uint64(1); far <= 64; far *= 2 {
			insert(t, b, eventOf(last+far*smallDir*pageSlots, 1), Held)
		}
		if ev := b.Next(); ev == nil || ev.Link.Sequence != last {
			t.Fatalf("next is %v; want %d", ev, last)
		}
	}
}
