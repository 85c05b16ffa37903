package source

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// check panics if an invariant of the backlog does not hold.
func (b *backlog) check() {
	bytes, sentBytes, flight := 0, 0, 0
	for i := range b.len() {
		e := &b.entries[b.start+i]
		if e.Event.Link.Sequence != b.acked+uint64(i)+1 {
			panic(fmt.Sprintf("entry %d has sequence %d, acked %d", i, e.Event.Link.Sequence, b.acked))
		}
		bytes += cost(e)
		if i < b.sent {
			sentBytes += len(e.Event.Payload)
		}
		if i >= b.arrived && i < b.sent {
			flight += wireCost(e)
		}
	}
	if bytes != b.bytes || sentBytes != b.sentBytes || flight != b.flight || b.arrived > b.sent || b.sent > b.len() {
		panic(fmt.Sprintf("bytes %d is %d, sent bytes %d is %d, flight %d is %d, arrived %d, sent %d of %d",
			b.bytes, bytes, b.sentBytes, sentBytes, b.flight, flight, b.arrived, b.sent, b.len()))
	}
}

// twin is a backlog that keeps everything for ever and remembers what it does by sequence alone.
type twin struct {
	log         []Entry // log[i] has sequence base+i+1
	base        uint64
	acked, sent uint64 // sequences
}

func (w *twin) at(seq uint64) *Entry { return &w.log[seq-w.base-1] }

// TestBacklogTwin compares the backlog with its twin over random pushes, batches, reports and rewinds.
func TestBacklogTwin(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		base := rng.Uint64N(100)
		b, w := &backlog{acked: base}, &twin{base: base, acked: base, sent: base}
		for range 400 {
			if err := twinStep(rng, b, w); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			b.check()
			if b.acked != w.acked || b.last() != w.base+uint64(len(w.log)) || b.acked+uint64(b.sent) != max(w.sent, w.acked) {
				t.Fatalf("seed %d: acked %d, last %d, sent %d; the twin %d, %d, %d", seed, b.acked, b.last(), b.sent, w.acked, w.base+uint64(len(w.log)), w.sent)
			}
		}
	}
}

func twinStep(rng *rand.Rand, b *backlog, w *twin) error {
	last := w.base + uint64(len(w.log))
	switch rng.IntN(8) {
	case 0, 1, 2:
		e := Entry{Event: crypto.CausalEvent{Link: crypto.CausalLink{Sequence: last + 1}, Payload: make([]byte, rng.IntN(3000))}}
		e.Head = crypto.Head{Sequence: last + 1, Digest: crypto.Digest{1, byte(last)}}
		b.push(e)
		w.log = append(w.log, e)
	case 3, 4:
		return twinBatch(rng, b, w)
	case 5:
		b.rewind()
		w.sent = w.acked
	case 6:
		b.arrive(rng.Uint64N(last + 3)) // anything may be claimed
	case 7:
		through := rng.Uint64N(last + 3)
		news := through > w.acked && through <= last
		if b.agrees(crypto.Head{Sequence: through}) && through > w.acked {
			return fmt.Errorf("the zero head is taken for ours at %d", through)
		}
		if news && !b.agrees(w.at(through).Head) {
			return fmt.Errorf("our own head at %d is refused", through)
		}
		if b.ack(through) != news {
			return fmt.Errorf("ack %d: news %v", through, !news)
		}
		if news {
			w.acked, w.sent = through, max(w.sent, through)
		}
	}
	return nil
}

// twinBatch takes one batch and checks that it is next, within the credits, and not needlessly short.
func twinBatch(rng *rand.Rand, b *backlog, w *twin) error {
	events, bytes := rng.Uint64N(20), rng.Uint64N(20_000)
	batch := b.nextBatch(events, bytes)
	from := max(w.sent, w.acked)
	for i, ev := range batch {
		if want := from + uint64(i) + 1; ev.Link.Sequence != want {
			return fmt.Errorf("event %d is sent, want %d", ev.Link.Sequence, want)
		}
	}
	w.sent = from + uint64(len(batch))
	held, room := 0, uint64(0)
	for seq := w.acked + 1; seq <= w.sent; seq++ {
		held++
		room += uint64(len(w.at(seq).Event.Payload))
	}
	// The event right behind what is applied needs no room.
	if len(batch) > 0 && held > 1 && (uint64(held) > events || room > bytes) {
		return fmt.Errorf("%d events of %d bytes are out, the credits are %d and %d", held, room, events, bytes)
	}
	if len(batch) == 0 && w.sent == w.acked && w.acked < w.base+uint64(len(w.log)) && b.flight <= shipWindow {
		return fmt.Errorf("nothing is sent although nothing is out")
	}
	return nil
}

// TestBacklogFrame: a batch always fits into a frame.
func TestBacklogFrame(t *testing.T) {
	b := &backlog{}
	for seq := range uint64(100) {
		b.push(Entry{Event: crypto.CausalEvent{Kind: crypto.EventInput, Link: crypto.CausalLink{Sequence: seq + 1}, Payload: make([]byte, crypto.MaxPayload-int(seq)*3000%crypto.MaxPayload)}})
	}
	for {
		batch := b.nextBatch(1000, 1<<40)
		if len(batch) == 0 {
			b.arrive(b.acked + uint64(b.sent))
			if batch = b.nextBatch(1000, 1<<40); len(batch) == 0 {
				break
			}
		}
		frame := wire.AppendFrame(nil, &wire.BufferedEvents{Events: batch})
		if body := len(frame) - 6; body > wire.TypeBufferedEvents.MaxBody() {
			t.Fatalf("a frame of %d bytes", body)
		}
	}
	if b.sent != 100 {
		t.Errorf("%d of 100 events were sent", b.sent)
	}
}

// TestBacklogReleases: what the target has applied is not kept.
func TestBacklogReleases(t *testing.T) {
	b := &backlog{}
	for seq := range uint64(1000) {
		b.push(Entry{Event: crypto.CausalEvent{Link: crypto.CausalLink{Sequence: seq + 1}, Payload: make([]byte, 10)}})
		if seq%10 == 9 {
			b.ack(seq + 1)
			b.check()
		}
	}
	if cap(b.entries) > 64 || b.bytes != 0 {
		t.Errorf("room for %d entries and %d bytes are kept for none", cap(b.entries), b.bytes)
	}
}

// TestBacklogKeepsNoFrame: an entry costs what it counts. Its payload lies in the frame that brought it, between others that may
// have been applied long ago; the backlog must not keep those, nor the frame (P6).
func TestBacklogKeepsNoFrame(t *testing.T) {
	b := &backlog{}
	frame := pushFromFrame(b)
	runtime.GC()
	if frame.Value() != nil {
		t.Errorf("the frame is still there, for a payload of %d bytes that counts as %d", len(b.entries[0].Event.Payload), b.bytes)
	}
	if p := b.nextBatch(1, 1)[0].Payload; len(p) != 1 || p[0] != 7 {
		t.Errorf("the payload is %v", p)
	}
}

// pushFromFrame pushes an event whose payload is the last byte of a frame, and returns the frame. It is a function of its own so that
// nothing on the test's stack keeps that.
func pushFromFrame(b *backlog) weak.Pointer[byte] {
	frame := make([]byte, 1<<16)
	last := frame[len(frame)-1:]
	last[0] = 7
	b.push(Entry{Event: crypto.CausalEvent{Link: crypto.CausalLink{Sequence: 1}, Payload: last}})
	return weak.Make(&frame[0])
}

// BenchmarkBacklog sequences events, sends them and has them applied, a frame at a time; the figures are per event.
func BenchmarkBacklog(b *testing.B) {
	for _, size := range []int{16, 256, 4 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			b.ReportAllocs()
			payload, log := make([]byte, size), &backlog{}
			for i := 0; i < b.N; i++ {
				log.push(Entry{Event: crypto.CausalEvent{Link: crypto.CausalLink{Sequence: log.last() + 1}, Payload: payload}})
				if log.len() == wire.MaxBatch {
					log.nextBatch(1<<20, 1<<30)
					log.ack(log.last())
				}
			}
		})
	}
}

// TestConvergence judges tables of reports.
func TestConvergence(t *testing.T) {
	type report struct{ lag, rate uint64 }
	for _, c := range []struct {
		name    string
		reports []report
		lag     uint64
		ready   bool
	}{
		{"no report", nil, 0, false},
		{"nothing behind", []report{{0, 0}}, 0, true},
		{"one batch behind, rate unknown", []report{{64, 0}}, 64, true},
		{"more behind, rate unknown", []report{{65, 0}, {65, 0}, {65, 0}}, 65, false},
		{"a slow target, one batch behind", []report{{64, 100}}, 64, false},
		{"far behind but falling", []report{{300, 10_000}, {250, 10_000}, {200, 10_000}}, 200, false},
		{"as good as it gets, within the budget", []report{{200, 10_000}, {200, 10_000}, {200, 10_000}}, 200, true},
		{"as good as it gets, beyond the budget", []report{{2000, 10_000}, {2000, 10_000}, {2000, 10_000}}, 2000, false},
		{"the last rate known counts", []report{{70, 100}, {70, 0}, {70, 0}}, 70, false},
	} {
		var v convergence
		for _, r := range c.reports {
			v.observe(r.lag, r.rate)
		}
		if got := v.ready(c.lag, DefaultMaxBlackout); got != c.ready {
			t.Errorf("%s: ready %v", c.name, got)
		}
	}
}

// TestPressureRises: nothing until half of the limit is used up, then every step of the throttle, up to its
// ceiling at the limit.
func TestPressureRises(t *testing.T) {
	const half = MaxBacklogBytes / 2
	seen := make(map[time.Duration]bool)
	var last time.Duration
	for bytes := 0; bytes <= MaxBacklogBytes; bytes += half / 64 {
		b := backlog{bytes: bytes}
		got := b.pressure()
		if bytes <= half && got != 0 {
			t.Errorf("%d bytes: producers wait %v, want nothing below half of the limit", bytes, got)
		}
		if got < last {
			t.Errorf("%d bytes: the wait fell from %v to %v", bytes, last, got)
		}
		last = got
		seen[got] = true
	}
	if ceiling := throttleSteps[len(throttleSteps)-1]; last != ceiling || len(seen) != len(throttleSteps) {
		t.Errorf("at the limit producers wait %v after %d steps, want %v after %d", last, len(seen), ceiling, len(throttleSteps))
	}
}

// While the target restores, events leave in full frames, or when they have waited for gatherFor; when it has
// restored, whatever waits leaves at once.
func TestS2_EventsGatherWhileTheTargetRestores(t *testing.T) {
	r := began(t)
	r.step(Snapshotted{Head: r.genes})
	r.get(&wire.Progress{Ref: r.ref(), Head: r.genes})
	left := func(o Output) (n int) {
		for _, b := range sent[*wire.BufferedEvents](o) {
			n += len(b.Events)
		}
		return n
	}
	if n := left(r.step(Applied{Entries: r.sequence(wire.MaxBatch-1, 1)})); n != 0 {
		t.Errorf("%d events leave before a frame is full", n)
	}
	if n := left(r.step(Applied{Entries: r.sequence(2, 1)})); n != wire.MaxBatch {
		t.Errorf("%d events leave when a frame is full", n)
	}
	r.step(Applied{Entries: r.sequence(3, 1)})
	r.now = r.now.Add(gatherFor)
	if n := left(r.step(Tick{})); n != 4 {
		t.Errorf("%d events leave after the wait", n)
	}
	r.step(Applied{Entries: r.sequence(4, 1)})
	if n := left(r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.genes})); n != 4 {
		t.Errorf("%d events leave when the target has restored", n)
	}
}
