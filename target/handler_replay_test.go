package target

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

func TestT05_AnyOrder(t *testing.T) {
	for _, order := range [][]uint64{
		{1, 2, 3}, {3, 1, 2}, {3, 2, 1}, {2, 3, 1}, {5, 4, 3, 2, 1}, {1, 3, 5, 2, 4}, {2, 2, 1, 1, 3, 3},
	} {
		for _, one := range []bool{false, true} {
			r := newRig(t, Config{})
			r.restore()
			r.submit(5)
			last := slices.Max(order)
			if !one {
				r.replay(last, r.at(order...)...)
			}
			for _, seq := range order {
				r.buffer(r.log[seq-1])
				r.sound()
			}
			r.through(last)
			r.processed(sequences(1, last)...)
		}
	}
}

func TestT05_GapsAreNoErrors(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(2)
	r.restore()
	r.submit(8)
	r.phase(wire.PhaseRestore)
	r.replay(2, r.at(5, 10)...)
	r.buffer(r.log[6])
	r.phase(wire.PhaseRestore)
	r.buffer(r.log[2])
	r.phase(wire.PhaseReplay)
	r.through(3)
	r.replay(5, r.at(4)...)
	r.replay(5)
	r.replay(7, r.at(6)...)
	r.replay(8, r.at(8)...)
	r.buffer(r.log[8])
	r.through(10)
	r.processed(sequences(3, 10)...)
	if events, bytes, _ := r.h.Buffered(r.origin); events != 0 || bytes != 0 {
		t.Fatalf("%d events, %d bytes held after the drain", events, bytes)
	}
	head, err := r.h.HostHeadLink(r.origin)
	if want := r.source.Head(); err != nil || head != want {
		t.Fatalf("head %v, %v; want %v", head, err, want)
	}
}

func TestT05_Shuffled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t, Config{})
	r.restore()
	r.submit(2000)
	events := slices.Concat(r.log, r.log[:500])
	rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for chunk := range slices.Chunk(events, 37) {
		if _, err := r.h.ReplayEvents(r.origin, chunk); err != nil {
			t.Fatal(err)
		}
		r.sound()
	}
	r.processed(sequences(1, 2000)...)
}

// The slice of events may be reused as soon as the call returns.
func TestReplayKeepsNoSlice(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(3)
	batch := r.at(3, 2)
	r.replay(0, batch...)
	clear(batch)
	r.replay(3, r.at(1)...)
}

func TestT06_Duplicates(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(3)
	r.restore()
	r.submit(5)
	r.replay(8, r.between(1, 8)...)
	r.replay(8, r.log...)
	for _, ev := range r.log {
		r.buffer(ev)
	}
	r.buffer(crypto.CausalEvent{Link: crypto.CausalLink{Origin: r.origin}}) // the genesis has no event
	r.processed(sequences(4, 8)...)
}

func TestT06_DifferentDuplicates(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(3)
	r.restore()
	r.submit(5)
	r.replay(8, r.between(4, 8)...)
	for seq := uint64(1); seq <= 8; seq++ {
		for name, alter := range alterations {
			ev := r.log[seq-1]
			alter(&ev)
			through, err := r.h.ReplayEvents(r.origin, []crypto.CausalEvent{ev})
			taken, bufErr := r.h.BufferEvent(r.origin, ev)
			if through != 8 || seq <= 3 && (err != nil || bufErr != nil || !taken) {
				t.Fatalf("%d with another %s: %d, %v; %v, %v; older than the snapshot", seq, name, through, err, taken, bufErr)
			}
			if seq <= 3 {
				continue
			}
			wants(t, name, err, crypto.ErrDiverged)
			wants(t, name, bufErr, crypto.ErrDiverged)
			var d *DivergedError
			if taken || !errors.As(err, &d) || d.Sequence != seq || d.Got != ev.Digest() || d.Applied != r.log[seq-1].Digest() {
				t.Fatalf("%d with another %s: %v, %+v", seq, name, taken, d)
			}
		}
	}
	r.processed(sequences(4, 8)...)
	r.replay(8, r.log...)
}

// alterations change each field of an event that is not its place.
var alterations = map[string]func(*crypto.CausalEvent){
	"payload":         func(ev *crypto.CausalEvent) { ev.Payload = append(slices.Clone(ev.Payload), '!') },
	"parent":          func(ev *crypto.CausalEvent) { ev.Link.Parent[31] ^= 1 },
	"producer":        func(ev *crypto.CausalEvent) { ev.Producer[0] ^= 1 },
	"producer number": func(ev *crypto.CausalEvent) { ev.ProducerSeq++ },
	"kind":            func(ev *crypto.CausalEvent) { ev.Kind = crypto.EventHandover },
}

// Exactly the last 4,096 applied events are remembered.
func TestT06_Remembers4096(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(10)
	r.restore()
	r.submit(remembered + 300)
	last := uint64(len(r.log))
	r.replay(last, r.log...)
	for _, c := range []struct {
		seq  uint64
		want bool
	}{
		{10, false}, {11, false}, {last - remembered, false},
		{last - remembered + 1, true}, {last - remembered + 2, true}, {last - 1, true}, {last, true},
	} {
		ev := r.log[c.seq-1]
		ev.ProducerSeq++
		_, err := r.h.ReplayEvents(r.origin, []crypto.CausalEvent{ev})
		if errors.Is(err, crypto.ErrDiverged) != c.want {
			t.Errorf("another event %d of %d: %v, want diverged %v", c.seq, last, err, c.want)
		}
	}
	r.replay(last, r.log...)
}

// A duplicate that differs does not keep the rest of its batch out.
func TestT06_BatchGoesOn(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(4)
	r.replay(2, r.at(1, 2)...)
	other := r.log[0]
	other.ProducerSeq++
	through, err := r.h.ReplayEvents(r.origin, []crypto.CausalEvent{r.log[3], other, r.log[2]})
	wants(t, "batch", err, crypto.ErrDiverged)
	if through != 4 {
		t.Fatalf("through %d, want 4", through)
	}
}

func TestT08_ProcessFails(t *testing.T) {
	for _, panics := range []bool{false, true} {
		r := newRig(t, Config{})
		r.restore()
		r.submit(6)
		calls := map[uint64]int{}
		r.copy.process = func(ev daemon.Event) error {
			calls[ev.Link.Sequence]++
			if ev.Link.Sequence != 3 || calls[3] > 2 {
				return nil
			}
			if panics {
				panic("torn")
			}
			return errTape
		}
		through, err := r.h.ReplayEvents(r.origin, r.at(1, 2, 3, 4, 6))
		wants(t, "replay", err, wire.ErrStateFailed)
		if !panics {
			wants(t, "replay", err, errTape)
		}
		var e *Error
		if through != 2 || !errors.As(err, &e) || e.Sequence != 3 || e.Origin != r.origin || e.Phase != wire.PhaseReplay {
			t.Fatalf("through %d, %+v", through, e)
		}
		if events, _, _ := r.h.Buffered(r.origin); events != 3 {
			t.Fatalf("holds %d events, want 3, 4 and 6", events)
		}
		taken, err := r.h.BufferEvent(r.origin, r.log[4]) // tries 3 again, fails again
		wants(t, "buffer", err, wire.ErrStateFailed)
		if !taken {
			t.Fatal("the event was not taken")
		}
		r.through(2)
		r.replay(6)
		r.processed(sequences(1, 6)...)
		for seq, n := range calls {
			if want := map[bool]int{true: 3, false: 1}[seq == 3]; n != want {
				t.Errorf("event %d was processed %d times, want %d", seq, n, want)
			}
		}
	}
}

// Each of the calls that drain resumes at the failed event.
func TestT08_EveryCallResumes(t *testing.T) {
	for name, resume := range map[string]func(*rig) error{
		"ReplayEvents": func(r *rig) error { _, err := r.h.ReplayEvents(r.origin, nil); return err },
		"the same":     func(r *rig) error { _, err := r.h.ReplayEvents(r.origin, r.at(2, 3)); return err },
		"BufferEvent":  func(r *rig) error { _, err := r.h.BufferEvent(r.origin, r.log[0]); return err },
		"Hold":         func(r *rig) error { return r.h.Hold(r.origin, attempt(1), r.source.Head()) },
		"Activate": func(r *rig) error {
			if _, err := r.h.Activate(r.origin); !errors.Is(err, wire.ErrNoHandover) {
				return err
			}
			return nil
		},
	} {
		r := newRig(t, Config{})
		r.restore()
		r.submit(3)
		fails := 1
		r.copy.process = func(ev daemon.Event) error {
			if ev.Link.Sequence == 2 && fails > 0 {
				fails--
				return errTape
			}
			return nil
		}
		_, err := r.h.ReplayEvents(r.origin, r.log)
		wants(t, name, err, errTape)
		r.no(resume(r), name)
		r.through(3)
		r.processed(1, 2, 3)
	}
}

// An event that cannot follow does not keep out the right one, which replaces it.
func TestT08_RightEventReplacesWrongOne(t *testing.T) {
	for name, alter := range alterations {
		for _, sameBatch := range []bool{false, true} {
			r := newRig(t, Config{})
			r.restore()
			r.submit(4)
			wrong := r.log[1]
			alter(&wrong)
			if name == "payload" || name == "producer" || name == "producer number" {
				wrong.Link.Parent[0] ^= 1 // the chain cannot tell before the next event
			}
			batch := []crypto.CausalEvent{r.log[0], wrong, r.log[2]}
			if sameBatch {
				batch = append(batch, r.log[1])
			}
			through, err := r.h.ReplayEvents(r.origin, batch)
			if through != 1 || err == nil {
				t.Fatalf("%s: %d, %v", name, through, err)
			}
			if sameBatch {
				r.replay(3)
			} else {
				r.replay(3, r.log[1])
			}
			r.replay(4, r.log[3])
			r.processed(1, 2, 3, 4)
			r.sound()
		}
	}
}

// C1 seen through the handler: another origin is refused, another parent is typed and reported.
func TestReplayRefusesAliens(t *testing.T) {
	r, other := newRig(t, Config{}), newRig(t, Config{})
	r.restore()
	r.submit(2)
	other.submit(1)
	taken, err := r.h.BufferEvent(r.origin, other.log[0])
	wants(t, "another origin", err, crypto.ErrOrigin)
	large := r.log[0]
	large.Payload = make([]byte, crypto.MaxPayload+1)
	takenLarge, err := r.h.BufferEvent(r.origin, large)
	wants(t, "too large", err, wire.ErrTooLarge)
	if events, _, _ := r.h.Buffered(r.origin); taken || takenLarge || events != 0 {
		t.Fatal("it was held")
	}
	_, err = r.h.ReplayEvents(r.origin, []crypto.CausalEvent{{Link: crypto.CausalLink{Origin: r.origin, Sequence: 1}, Kind: crypto.EventInput}})
	wants(t, "another parent", err, crypto.ErrParent, crypto.ErrDiverged)
	r.replay(2, r.log...)
}

func TestReplayDoesNotAllocate(t *testing.T) {
	const runs, batch = 100, 64
	h, origin, events := chainOf(t, 2*(runs+1)*batch+remembered, 128)
	if _, err := h.ReplayEvents(origin, events[:remembered]); err != nil {
		t.Fatal(err)
	}
	events = events[remembered:]
	for name, replay := range map[string]func(batch []crypto.CausalEvent) error{
		"as a batch": func(batch []crypto.CausalEvent) error {
			_, err := h.ReplayEvents(origin, batch)
			return err
		},
		"one by one": func(batch []crypto.CausalEvent) (err error) {
			for i := 0; i < len(batch) && err == nil; i++ {
				_, err = h.BufferEvent(origin, batch[i])
			}
			return err
		},
	} {
		n := testing.AllocsPerRun(runs, func() {
			if err := replay(events[:batch]); err != nil {
				t.Fatal(err)
			}
			events = events[batch:]
		})
		if n != 0 {
			t.Errorf("%s: %v allocations for %d events", name, n, batch)
		}
	}
}
