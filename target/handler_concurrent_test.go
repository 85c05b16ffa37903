package target

import (
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

func TestT16_EndOfSequences(t *testing.T) {
	for _, cfg := range []Config{{}, {MaxPendingEvents: math.MaxInt, MaxPendingBytes: math.MaxInt64}} {
		r := newRig(t, cfg)
		r.submit(1)
		r.restore()
		r.submit(2)
		for _, seq := range []uint64{math.MaxUint64, math.MaxUint64 - 1, math.MaxUint64 - 4096, 1 << 63} {
			ev := r.log[1]
			ev.Link.Sequence = seq
			taken, err := r.h.BufferEvent(r.origin, ev)
			wants(t, "buffer", err, wire.ErrBufferFull)
			through, err := r.h.ReplayEvents(r.origin, []crypto.CausalEvent{ev, r.log[0]})
			wants(t, "replay", err, wire.ErrBufferFull)
			if taken || through != 1 {
				t.Fatalf("%d: taken %v, through %d", seq, taken, through)
			}
			wants(t, "hold", r.h.Hold(r.origin, attempt(1), crypto.Head{Origin: r.origin, Sequence: seq}), crypto.ErrGap)
		}
		r.sound()
		r.replay(3, r.log...)
	}
}

// The caps around the largest sequence that a window can reach are those of any other.
func TestT16_CursorNearTheEnd(t *testing.T) {
	rec := &record{origin: 1, base: math.MaxUint64 - 2, buffer: NewBuffer(math.MaxUint64-2, 0, 0)}
	var p pass
	for _, seq := range []uint64{math.MaxUint64, math.MaxUint64 - 1, math.MaxUint64 - 2, 0, 1} {
		ev := eventOf(seq, 1)
		ev.Link.Origin = 1
		if !rec.offer(&ev, &p) {
			t.Errorf("%d was refused: %v", seq, p.err())
		}
	}
	if rec.buffer.Len() != 2 || p.err() != nil {
		t.Fatalf("holds %d events, %v", rec.buffer.Len(), p.err())
	}
}

// blocked returns a rig whose daemon is inside Process for event 1 until release is closed, and a channel
// with the result of the call.
func blocked(t *testing.T, reg *daemon.Registry, h *Handler) (r *rig, release chan struct{}, done chan error) {
	t.Helper()
	r = newRigOn(t, reg, h)
	r.restore()
	r.submit(3)
	inside := make(chan struct{})
	release, done = make(chan struct{}), make(chan error, 1)
	r.copy.process = func(ev daemon.Event) error {
		if ev.Link.Sequence == 1 {
			close(inside)
			<-release
		}
		return nil
	}
	go func() {
		_, err := h.ReplayEvents(r.origin, r.log)
		done <- err
	}()
	<-inside
	return r, release, done
}

// T18 with a single shard: every origin shares it, and still nobody waits.
func TestT18_SlowProcess(t *testing.T) {
	for _, shards := range []int{1, 64} {
		reg, h := newHandler(Config{Shards: shards})
		slow, release, done := blocked(t, reg, h)
		for range 20 {
			r := atCutover(t, reg, h)
			r.no(h.Complete(r.origin), "complete")
			h.Tick(time.Unix(1, 0))
			if !h.ForgetCompleted(r.origin) {
				t.Fatal("not completed")
			}
			r = newRigOn(t, reg, h)
			r.restore()
			r.no(h.Abort(r.origin), "abort")
		}
		// What only asks does not even wait for its own daemon.
		slow.phase(wire.PhaseRestore)
		slow.through(0)
		if node, ok := h.OrchestratorNode(slow.origin); node != nodeO || !ok || !h.IsMigrating(slow.origin) {
			t.Fatal("the slow one is not known")
		}
		if h.ActiveCount() != 1 {
			t.Fatalf("%d active", h.ActiveCount())
		}
		slow.no(h.RestoreSnapshot(slow.context(1), slow.key, slow.build, daemon.HostConfig{}), "a repeat")
		close(release)
		slow.no(<-done, "replay")
		slow.processed(1, 2, 3)
	}
}

func TestT18_SlowRestore(t *testing.T) {
	reg, h := newHandler(Config{Shards: 1})
	slow := newRigOn(t, reg, h)
	reading, finish := make(chan struct{}), make(chan struct{})
	slow.copy.restore = func(io.Reader) error { close(reading); <-finish; return nil }
	ctx, done := slow.context(1), make(chan error, 1)
	go func() { done <- h.RestoreSnapshot(ctx, slow.key, slow.build, daemon.HostConfig{}) }()
	<-reading
	for range 20 {
		r := atCutover(t, reg, h)
		r.no(h.Complete(r.origin), "complete")
	}
	slow.phase(wire.PhaseTransfer)
	slow.submit(1)
	slow.buffer(slow.log[0])
	close(finish)
	slow.no(<-done, "restore")
	slow.replay(1)
}

// No callback runs under a shard lock: a daemon may use the handler for other origins of its own shard.
func TestT18_CallbacksMayCallTheHandler(t *testing.T) {
	reg, h := newHandler(Config{Shards: 1})
	r, other := newRigOn(t, reg, h), newRigOn(t, reg, h)
	other.submit(2)
	r.submit(1)
	r.copy.restore = func(io.Reader) error {
		other.restore()
		r.buffer(r.log[0]) // its own origin, too, while it is being restored
		return nil
	}
	r.copy.process = func(daemon.Event) error {
		other.submit(1)
		other.replay(uint64(len(other.log)), other.log...)
		r.phase(wire.PhaseRestore)
		return nil
	}
	r.restore()
	r.submit(1)
	r.replay(2, r.log...)
}

// Many migrations at once, each fed by several goroutines out of order, through their whole life.
func TestHandlerManyAtOnce(t *testing.T) {
	const origins, events, feeders = 24, 120, 3
	reg, h := newHandler(Config{Shards: 4})
	rigs := make([]*rig, origins)
	for i := range rigs {
		r := newRigOn(t, reg, h)
		r.restore()
		r.submit(events)
		r.handOverHere()
		rigs[i] = r
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for i, r := range rigs {
		for f := range feeders {
			wg.Go(func() { feed(r, rand.New(rand.NewPCG(seed, uint64(i*feeders+f)))) })
		}
		wg.Go(func() {
			for range 50 {
				if p, ok := h.Phase(r.origin); ok && p > wire.PhaseCutover {
					t.Errorf("an active migration is in phase %v", p)
				}
				h.ReplayedThrough(r.origin)
				h.Buffered(r.origin)
				h.Tick(time.Unix(int64(i), 0))
			}
		})
	}
	wg.Wait()
	for _, r := range rigs {
		r.sound()
		r.activate(events + 1)
		r.processed(sequences(1, events)...)
		r.no(h.Complete(r.origin), "complete")
	}
	if h.ActiveCount() != 0 || h.BufferedBytes() != 0 {
		t.Fatalf("%d active, %d bytes", h.ActiveCount(), h.BufferedBytes())
	}
}

// feed offers the whole log in random order, by one or by several.
func feed(r *rig, rng *rand.Rand) {
	order := rng.Perm(len(r.log))
	for len(order) > 0 {
		n := min(1+rng.IntN(8), len(order))
		batch := make([]crypto.CausalEvent, n)
		for i := range batch {
			batch[i] = r.log[order[i]]
		}
		order = order[n:]
		var err error
		if n == 1 {
			_, err = r.h.BufferEvent(r.origin, batch[0])
		} else {
			_, err = r.h.ReplayEvents(r.origin, batch)
		}
		if err != nil {
			r.t.Error(err)
			return
		}
	}
}

// Restore, Abort and events of one origin, all at once: no call may find a half-made record.
func TestHandlerRestoreRacesAbort(t *testing.T) {
	reg, h := newHandler(Config{})
	r := newRigOn(t, reg, h)
	r.submit(1)
	contexts := make([]RestoreContext, 60)
	for i := range contexts {
		contexts[i] = r.context(byte(i))
	}
	r.submit(4)
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, ctx := range contexts {
			_ = h.RestoreSnapshot(ctx, r.key, func() daemon.Daemon { return new(tape) }, daemon.HostConfig{})
		}
	})
	for range 2 {
		wg.Go(func() {
			for i := range 300 {
				if _, err := h.BufferEvent(r.origin, r.log[i%len(r.log)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			if err := h.Abort(r.origin); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	r.no(h.Abort(r.origin), "abort")
	if h.ActiveCount() != 0 || reg.Len() != 0 || h.BufferedBytes() != 0 {
		t.Fatalf("%d active, %d registered, %d bytes", h.ActiveCount(), reg.Len(), h.BufferedBytes())
	}
}

// Claims that find no room, and aborts of them, leave the count of active migrations exact.
func TestHandlerClaimsAtTheLimit(t *testing.T) {
	reg, h := newHandler(Config{MaxActive: 1})
	first, second := newRigOn(t, reg, h), newRigOn(t, reg, h)
	first.restore()
	ctx := second.context(1)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 500 {
			if err := h.RestoreSnapshot(ctx, second.key, second.build, daemon.HostConfig{}); err == nil {
				t.Error("restored beyond the limit")
			}
		}
	})
	wg.Go(func() {
		for range 5000 {
			if err := h.Abort(second.origin); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	if h.ActiveCount() != 1 || h.IsMigrating(second.origin) {
		t.Fatalf("%d active", h.ActiveCount())
	}
}
