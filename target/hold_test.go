package target

import (
	"errors"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// held returns a rig whose copy is held for attempt 3 after three events.
func held(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, Config{})
	r.restore()
	r.submit(3)
	r.replay(3, r.log...)
	r.no(r.h.Hold(r.origin, attempt(3), r.source.Head()), "hold")
	return r
}

// holds checks which attempt the copy is held for; 0 is none.
func (r *rig) holds(count, through uint64) {
	r.t.Helper()
	a, final, ok := r.h.Held(r.origin)
	if ok != (count > 0) || ok && (a != attempt(count) || final.Sequence != through) {
		r.t.Fatalf("held for %v at %d, %v; want %d at %d", a, final.Sequence, ok, count, through)
	}
}

func TestHoldComparesHeads(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(3)
	early := r.source.Head()
	r.submit(1)
	r.replay(3, r.between(1, 3)...)
	wants(t, "ahead", r.h.Hold(r.origin, attempt(1), r.source.Head()), crypto.ErrGap)
	for name, bend := range map[string]func(*crypto.Head){
		"digest":  func(h *crypto.Head) { h.Digest[0] ^= 1 },
		"outputs": func(h *crypto.Head) { h.Outputs[31] ^= 1 },
		"origin":  func(h *crypto.Head) { h.Origin++ },
	} {
		head := early
		bend(&head)
		wants(t, name, r.h.Hold(r.origin, attempt(1), head), crypto.ErrHeadMismatch)
	}
	r.holds(0, 0)
	r.replay(4, r.log[3])
	wants(t, "behind", r.h.Hold(r.origin, attempt(1), early), crypto.ErrGap)
	r.no(r.h.Abort(r.origin), "abort after refused holds")
}

func TestHoldDrainsFirst(t *testing.T) {
	r := newRig(t, Config{})
	ctx := r.context(1)
	r.submit(2)
	build := func() daemon.Daemon { r.buffer(r.log[1]); r.buffer(r.log[0]); return r.copy }
	r.no(r.h.RestoreSnapshot(ctx, r.key, build, daemon.HostConfig{}), "restore")
	r.no(r.h.Hold(r.origin, attempt(1), r.source.Head()), "hold")
	r.holds(1, 2)
	r.phase(wire.PhaseReplay)
}

func TestHoldAttemptsOnlyGrow(t *testing.T) {
	r := held(t)
	head := r.source.Head()
	r.no(r.h.Hold(r.origin, attempt(3), head), "the same again")
	wants(t, "lower", r.h.Hold(r.origin, attempt(2), head), wire.ErrStaleEpoch)
	wants(t, "lower boot", r.h.Hold(r.origin, wire.Attempt{Epoch: 1, Boot: 0, Count: 9}, head), wire.ErrStaleEpoch)
	r.holds(3, 3)
	r.no(r.h.Hold(r.origin, attempt(4), head), "higher")
	r.holds(4, 3)
	other := head
	other.Digest[0] ^= 1
	wants(t, "higher with another head", r.h.Hold(r.origin, attempt(5), other), crypto.ErrHeadMismatch)
	r.holds(4, 3)
	wants(t, "release of a lower one", r.h.Release(r.origin, attempt(3)), wire.ErrStaleEpoch)
	r.holds(4, 3)
	r.no(r.h.Release(r.origin, attempt(4)), "release")
	r.holds(0, 0)
	r.no(r.h.Release(r.origin, attempt(4)), "release again")
	wants(t, "hold of what was released", r.h.Hold(r.origin, attempt(4), head), wire.ErrStaleEpoch)
	r.no(r.h.Hold(r.origin, attempt(5), head), "the next attempt")
}

// An abort may overtake the attempt it ends.
func TestReleaseBeforeHold(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.no(r.h.Release(r.origin, attempt(7)), "release")
	wants(t, "hold", r.h.Hold(r.origin, attempt(7), r.source.Head()), wire.ErrStaleEpoch)
	r.no(r.h.Release(r.origin, attempt(2)), "an older release")
	wants(t, "hold", r.h.Hold(r.origin, attempt(7), r.source.Head()), wire.ErrStaleEpoch)
	r.no(r.h.Hold(r.origin, attempt(8), r.source.Head()), "hold")
}

// A hold promises to keep the copy, not to stop: the source may have asked for it early and still serve.
func TestReplayGoesOnUnderHold(t *testing.T) {
	r := held(t)
	r.submit(2)
	r.replay(5, r.between(4, 5)...)
	r.no(r.h.Hold(r.origin, attempt(3), r.source.Head()), "the same attempt at a later head")
	r.holds(3, 5)
	r.replay(6, r.handOverHere())
	r.no(r.h.Hold(r.origin, attempt(3), mustHead(r, 5)), "a repeat after the handover")
	wants(t, "another attempt", r.h.Hold(r.origin, attempt(4), r.source.Head()), wire.ErrWrongPhase)
	wants(t, "release", r.h.Release(r.origin, attempt(9)), wire.ErrWrongPhase)
	r.activate(6)
	r.holds(0, 0)
	wants(t, "hold at Cutover", r.h.Hold(r.origin, attempt(9), r.source.Head()), wire.ErrWrongPhase)
	r.no(r.h.Complete(r.origin), "complete")
	wants(t, "hold after Complete", r.h.Hold(r.origin, attempt(9), r.source.Head()), wire.ErrWrongPhase)
	wants(t, "release after Complete", r.h.Release(r.origin, attempt(9)), wire.ErrWrongPhase)
}

// mustHead returns the head that the copy was held at.
func mustHead(r *rig, seq uint64) crypto.Head {
	r.t.Helper()
	_, final, ok := r.h.Held(r.origin)
	if !ok || final.Sequence != seq {
		r.t.Fatalf("not held at %d", seq)
	}
	return final
}

// Rule T15: a copy that was promised is kept until the outcome is known.
func TestT15_AbortUnderHold(t *testing.T) {
	r := held(t)
	for range 2 {
		wants(t, "abort", r.h.Abort(r.origin), wire.ErrWrongPhase)
	}
	r.registered(true, true)
	r.no(r.h.Release(r.origin, attempt(3)), "release")
	r.submit(1)
	r.replay(4, r.log[3]) // the copy goes on
	r.no(r.h.Abort(r.origin), "abort after release")
	r.registered(false, false)
	r.phase(0)
}

// The error of a refused operation names origin, phase and sequence.
func TestErrorFields(t *testing.T) {
	r := held(t)
	var e *Error
	err := r.h.Hold(r.origin, attempt(9), crypto.Head{Origin: r.origin, Sequence: 99})
	if !errors.As(err, &e) || e.Op != "hold" || e.Origin != r.origin || e.Sequence != 99 || e.Phase != wire.PhaseReplay {
		t.Fatalf("got %+v", e)
	}
	for _, text := range []string{"hold", "replay", "at 99"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}
