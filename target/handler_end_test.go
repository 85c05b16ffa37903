package target

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// atCutover returns a rig whose daemon has been activated at sequence 2.
func atCutover(t testing.TB, reg *daemon.Registry, h *Handler) *rig {
	t.Helper()
	r := newRigOn(t, reg, h)
	r.submit(1)
	r.restore()
	r.replay(2, r.handOverHere())
	r.activate(2)
	return r
}

func newHandler(cfg Config) (*daemon.Registry, *Handler) {
	reg := daemon.NewRegistry()
	cfg.Node = nodeB
	return reg, New(reg, cfg)
}

func TestT13_CompleteNeedsCutover(t *testing.T) {
	r := newRig(t, Config{})
	refused := func() {
		t.Helper()
		wants(t, "complete", r.h.Complete(r.origin), wire.ErrWrongPhase)
		if !r.h.IsMigrating(r.origin) {
			t.Fatal("the migration is gone")
		}
	}
	r.restore()
	refused()
	r.submit(3)
	r.replay(1, r.at(1, 3)...)
	refused()
	r.replay(3, r.at(2)...)
	r.no(r.h.Hold(r.origin, attempt(1), r.source.Head()), "hold")
	refused()
	r.replay(4, r.handOverHere())
	refused()
	r.activate(4)
	r.no(r.h.Complete(r.origin), "complete")
	r.no(r.h.Complete(r.origin), "complete again")
	r.processed(1, 2, 3)
}

func TestT13_Complete(t *testing.T) {
	r := newRig(t, Config{})
	r.no(r.h.Factories().Expect(r.origin, daemon.Expectation{New: r.build}), "expect")
	r.no(r.h.Factories().RegisterKind("tape", r.build), "register kind")
	r.no(r.h.RestoreSnapshot(r.context(1), r.key, nil, daemon.HostConfig{}), "restore")
	r.replay(1, r.handOverHere())
	r.activate(1)
	if _, ok := r.h.Factories().Expected(r.origin); !ok {
		t.Fatal("the expectation was removed before Complete")
	}
	r.no(r.h.Complete(r.origin), "complete")
	if _, ok := r.h.Factories().Expected(r.origin); ok {
		t.Fatal("the expectation is still there")
	}
	if kinds := r.h.Factories().Kinds(); len(kinds) != 1 {
		t.Fatalf("kinds %v", kinds)
	}
	r.registered(true, false)
	r.phase(0)
	if r.h.ActiveCount() != 0 || r.h.IsMigrating(r.origin) {
		t.Fatal("still active")
	}
	if node, ok := r.h.OrchestratorNode(r.origin); node != nodeO || !ok {
		t.Fatalf("orchestrated by %v, %v", node, ok)
	}
}

// Whoever activates while another completes finds one record or the other, never neither.
func TestT13_NoInstantWithoutRecord(t *testing.T) {
	reg, h := newHandler(Config{})
	for range 200 {
		r := atCutover(t, reg, h)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 3 {
			wg.Go(func() {
				<-start
				for range 20 {
					if through, err := h.Activate(r.origin); through != 2 || err != nil {
						t.Errorf("activate = %d, %v", through, err)
						return
					}
					if _, ok := h.OrchestratorNode(r.origin); !ok {
						t.Error("no orchestrator")
						return
					}
				}
			})
		}
		wg.Go(func() {
			<-start
			if err := h.Complete(r.origin); err != nil {
				t.Error(err)
			}
		})
		close(start)
		wg.Wait()
	}
}

// Phase answers for active migrations only. It finds the record, and before it has read the phase the record may be completed:
// Complete is no phase of an active migration.
func TestT10_PhaseWhileCompleting(t *testing.T) {
	reg, h := newHandler(Config{})
	for range 500 {
		r := atCutover(t, reg, h)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 2 {
			wg.Go(func() {
				<-start
				for p, ok := h.Phase(r.origin); ok; p, ok = h.Phase(r.origin) {
					if p != wire.PhaseCutover {
						t.Errorf("an active migration is in phase %v", p)
						return
					}
				}
			})
		}
		close(start)
		r.no(h.Complete(r.origin), "complete")
		wg.Wait()
	}
	r := atCutover(t, reg, h)
	rec, _ := h.find(r.origin) // what a caller has found who comes no further before the end
	r.no(h.Complete(r.origin), "complete")
	if p, ok := rec.running(); p != 0 || ok {
		t.Errorf("of a record that is completed meanwhile: %v, %v", p, ok)
	}
}

func TestT14_ComesBack(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(2)
	r.restore()
	r.replay(3, r.handOverHere())
	r.activate(3)
	r.no(r.h.Complete(r.origin), "complete")
	for round := range 3 {
		old, _ := r.h.OrchestratorNode(r.origin)
		r = travel(t, r)
		at := uint64(len(r.log))
		ctx := r.context(byte(2 + round))
		ctx.Orchestrator = crypto.NodeID{50, byte(round)}
		r.no(r.h.RestoreSnapshot(ctx, r.key, r.build, daemon.HostConfig{}), "restore")
		if node, _ := r.h.OrchestratorNode(r.origin); node != ctx.Orchestrator || node == old {
			t.Fatalf("orchestrated by %v", node)
		}
		wants(t, "complete", r.h.Complete(r.origin), wire.ErrWrongPhase)
		_, err := r.h.Activate(r.origin)
		wants(t, "activate", err, wire.ErrNoHandover)
		r.through(at)
		r.replay(at+1, r.handOverHere())
		r.activate(at + 1)
		r.no(r.h.Complete(r.origin), "complete")
		r.activate(at + 1)
		host, _ := r.reg.Host(r.origin)
		r.no(host.Passport().Verify(), "passport")
		if got, want := host.Epoch(), uint64(4+2*round); got != want {
			t.Fatalf("epoch %d, want %d", got, want)
		}
	}
}

// An aborted return leaves the completed migration of the first visit as it was.
func TestT14_AbortedReturn(t *testing.T) {
	reg, h := newHandler(Config{})
	r := atCutover(t, reg, h)
	r.no(h.Complete(r.origin), "complete")
	r = travel(t, r)
	r.no(h.RestoreSnapshot(r.context(2), r.key, r.build, daemon.HostConfig{}), "restore")
	_, err := h.Activate(r.origin)
	wants(t, "activate", err, wire.ErrNoHandover)
	r.no(h.Abort(r.origin), "abort")
	r.activate(2)
	_, err = h.HostHeadLink(r.origin)
	wants(t, "head of a daemon that has moved on", err, wire.ErrDaemonNotFound)
	r.no(h.Abort(r.origin), "abort again")
	_, err = h.Activate(r.origin)
	wants(t, "activate", err, wire.ErrDaemonNotFound)
}

func TestT15_Abort(t *testing.T) {
	for name, until := range map[string]func(*rig){
		"restored":  func(*rig) {},
		"replaying": func(r *rig) { r.submit(2); r.replay(2, r.log...) },
		"holding":   func(r *rig) { r.submit(5); r.replay(1, r.at(1, 3, 5)...) },
		"released": func(r *rig) {
			r.no(r.h.Hold(r.origin, attempt(1), r.source.Head()), "hold")
			r.no(r.h.Release(r.origin, attempt(1)), "release")
		},
	} {
		r := newRig(t, Config{})
		r.no(r.h.Factories().Expect(r.origin, daemon.Expectation{New: r.build}), "expect")
		r.restore()
		until(r)
		r.no(r.h.Abort(r.origin), name)
		r.no(r.h.Abort(r.origin), name+", again")
		r.registered(false, false)
		r.phase(0)
		r.sound()
		if _, ok := r.h.Factories().Expected(r.origin); !ok {
			t.Errorf("%s: the expectation is gone", name)
		}
		_, err := r.h.Activate(r.origin)
		wants(t, name, err, wire.ErrDaemonNotFound)
		r.copy = new(tape)
		r.no(r.h.RestoreSnapshot(r.context(2), r.key, r.build, daemon.HostConfig{}), "a later migration")
	}
}

func TestT15_AbortOfTheOnlyCopy(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.replay(1, r.handOverHere())
	wants(t, "abort after the handover", r.h.Abort(r.origin), wire.ErrWrongPhase)
	r.registered(true, true)
	r.activate(1)
	wants(t, "abort at Cutover", r.h.Abort(r.origin), wire.ErrWrongPhase)
	r.registered(true, false)
	r.no(r.h.Complete(r.origin), "complete")
	r.no(r.h.Abort(r.origin), "abort after Complete")
	r.registered(true, false)
	_, err := r.h.Activate(r.origin)
	wants(t, "activate", err, wire.ErrDaemonNotFound)
	host, _ := r.reg.Host(r.origin)
	if _, err := host.Submit(crypto.ProducerID{7}, 1000, nil); err != nil {
		t.Fatalf("the daemon no longer serves: %v", err)
	}
}

// A handover that does not hold does not protect the copy.
func TestT15_AbortAfterBadHandover(t *testing.T) {
	for name, c := range badHandovers {
		r := newRig(t, Config{})
		r.restore()
		_, err := r.h.BufferEvent(r.origin, c.forge(r))
		wants(t, name, err, c.want...)
		r.no(r.h.Abort(r.origin), name)
		r.sound()
	}
}

func TestT15_EventAfterHandover(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(1)
	r.handOverHere()
	next := r.log[0]
	next.Link.Sequence, next.Link.Parent = 3, r.log[1].Digest()
	far := next
	far.Link.Sequence = 1<<64 - 1
	r.replay(2, r.log...)
	for _, ev := range []crypto.CausalEvent{next, far} {
		taken, err := r.h.BufferEvent(r.origin, ev)
		wants(t, "buffer", err, crypto.ErrDiverged)
		_, replayErr := r.h.ReplayEvents(r.origin, []crypto.CausalEvent{ev})
		wants(t, "replay", replayErr, crypto.ErrDiverged)
		var d *DivergedError
		if taken || !errors.As(err, &d) || d.Handover != 2 || d.Sequence != ev.Link.Sequence {
			t.Fatalf("taken %v, %+v", taken, d)
		}
	}
	r.sound()
	r.replay(2, r.log...) // repeats of the handover are as welcome as any
	r.activate(2)
}

// What was held for a place after the handover is dropped and reported once, and does not block activation.
func TestT15_EventsHeldBeyondHandover(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(1)
	r.handOverHere()
	for _, seq := range []uint64{3, 4, 9} {
		ev := r.log[0]
		ev.Link.Sequence = seq
		r.buffer(ev)
	}
	through, err := r.h.ReplayEvents(r.origin, r.log)
	wants(t, "replay", err, crypto.ErrDiverged)
	var d *DivergedError
	if through != 2 || !errors.As(err, &d) || d.Dropped != 3 || d.Handover != 2 {
		t.Fatalf("through %d, %+v", through, d)
	}
	r.activate(2)
	r.no(r.h.Complete(r.origin), "complete")
	r.sound()
}

// Complete racing Abort: whatever wins, a completed record implies a registered daemon.
func TestT15_CompleteRacesAbort(t *testing.T) {
	reg, h := newHandler(Config{})
	for range 300 {
		r := atCutover(t, reg, h)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := h.Abort(r.origin); err != nil && !errors.Is(err, wire.ErrWrongPhase) {
					t.Error(err)
				}
				if _, err := h.Activate(r.origin); err == nil {
					if _, ok := reg.Host(r.origin); !ok {
						t.Error("completed, but not registered")
					}
				}
			})
		}
		wg.Go(func() {
			if err := h.Complete(r.origin); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		r.registered(true, false)
	}
}

func TestT17_CompletedExpire(t *testing.T) {
	epoch := time.Unix(1_000_000, 0)
	for _, ttl := range []time.Duration{0, time.Minute} {
		reg, h := newHandler(Config{CompletedTTL: ttl})
		if ttl == 0 {
			ttl = DefaultCompletedTTL
		}
		a, b := atCutover(t, reg, h), atCutover(t, reg, h)
		a.no(h.Complete(a.origin), "complete before any tick")
		h.Tick(epoch)
		h.Tick(epoch.Add(ttl / 2))
		h.Tick(epoch.Add(-ttl)) // backwards: ignored
		b.no(h.Complete(b.origin), "complete")
		h.Tick(epoch.Add(ttl - 1))
		a.activate(2)
		b.activate(2)
		h.Tick(epoch.Add(ttl + ttl/32))
		_, err := h.Activate(a.origin)
		wants(t, "expired", err, wire.ErrDaemonNotFound)
		b.activate(2)
		h.Tick(epoch.Add(ttl + ttl/2))
		_, err = h.Activate(b.origin)
		wants(t, "expired", err, wire.ErrDaemonNotFound)
		a.registered(true, false)
		b.registered(true, false)
	}
}

func TestT17_TickSparesActives(t *testing.T) {
	reg, h := newHandler(Config{})
	r := atCutover(t, reg, h)
	h.Tick(time.Unix(1, 0))
	h.Tick(time.Unix(1e9, 0))
	r.phase(wire.PhaseCutover)
	r.activate(2)
}

func TestT17_ForgetCompleted(t *testing.T) {
	reg, h := newHandler(Config{})
	r := atCutover(t, reg, h)
	if h.ForgetCompleted(r.origin) {
		t.Fatal("forgot an active migration")
	}
	r.no(h.Complete(r.origin), "complete")
	if !h.ForgetCompleted(r.origin) || h.ForgetCompleted(r.origin) {
		t.Fatal("forgetting did not work once")
	}
	wants(t, "complete", h.Complete(r.origin), wire.ErrDaemonNotFound)
	if _, ok := h.OrchestratorNode(r.origin); ok {
		t.Fatal("the orchestrator is still known")
	}
	r.registered(true, false)
}
