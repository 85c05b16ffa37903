package target

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

func TestT01_ForeignSnapshot(t *testing.T) {
	a, b := newRig(t, Config{}), newRig(t, Config{})
	for name, ctx := range map[string]RestoreContext{
		"another entity": {Origin: a.origin, Snapshot: b.snapshot()},
		"no origin":      {Snapshot: b.snapshot()},
		"no snapshot":    {Origin: a.origin},
	} {
		built := false
		err := a.h.RestoreSnapshot(ctx, a.key, func() daemon.Daemon { built = true; return a.copy }, daemon.HostConfig{})
		if err == nil || built {
			t.Errorf("%s: error %v, built %v", name, err, built)
		}
		if ctx.Snapshot != nil {
			wants(t, name, err, crypto.ErrOrigin)
		} else {
			wants(t, name, err, wire.ErrBadSnapshot)
		}
		if a.reg.Len() != 0 || a.h.ActiveCount() != 0 || a.h.IsMigrating(ctx.Origin) {
			t.Errorf("%s: something is registered", name)
		}
	}
	a.restore() // the right one afterwards
}

func TestT02_AlreadyMigrating(t *testing.T) {
	for _, replayed := range []int{0, 3} {
		r := newRig(t, Config{})
		r.submit(2)
		r.restore()
		r.submit(3)
		r.replay(uint64(2+replayed), r.between(3, 2+replayed)...)
		first, phase := r.copy, wire.PhaseRestore
		if replayed > 0 {
			phase = wire.PhaseReplay
		}
		r.copy = new(tape)
		err := r.h.RestoreSnapshot(r.context(2), r.key, r.build, daemon.HostConfig{})
		wants(t, "another migration with a newer snapshot", err, wire.ErrAlreadyMigrating)
		r.no(r.h.RestoreSnapshot(r.context(1), r.key, r.build, daemon.HostConfig{}), "a repeat")
		if r.copy.state != nil || r.h.ActiveCount() != 1 {
			t.Fatal("restored twice")
		}
		r.phase(phase)
		r.through(uint64(2 + replayed))
		r.copy = first
		r.replay(5, r.between(3, 5)...)
		r.processed(3, 4, 5)
	}
}

// A repeat is known by its id also after completion, but never hides that the daemon comes back.
func TestT02_RepeatAfterCompletion(t *testing.T) {
	for _, id := range []byte{0, 1} {
		r := newRig(t, Config{})
		r.submit(2)
		ctx := r.context(id)
		r.no(r.h.RestoreSnapshot(ctx, r.key, r.build, daemon.HostConfig{}), "restore")
		r.replay(3, r.handOverHere())
		r.activate(3)
		r.no(r.h.Complete(r.origin), "complete")
		r.copy = new(tape)
		r.no(r.h.RestoreSnapshot(ctx, r.key, r.build, daemon.HostConfig{}), "a late repeat")
		if r.copy.state != nil || r.h.ActiveCount() != 0 {
			t.Fatal("a repeat of a completed migration was restored")
		}
		r.registered(true, false)

		back := travel(t, r)
		ctx.Snapshot = back.snapshot()
		back.no(back.h.RestoreSnapshot(ctx, back.key, back.build, daemon.HostConfig{}), "the daemon comes back under the same id")
		back.phase(wire.PhaseRestore)
	}
}

// travel lets the completed daemon of r move on from node B to node A, and returns a rig for its next move
// to the same handler.
func travel(t *testing.T, r *rig) *rig {
	t.Helper()
	host, err := r.reg.Unregister(r.origin)
	r.no(err, "unregister")
	snapshot, err := host.Snapshot()
	r.no(err, "snapshot")
	away, err := daemon.Restore(snapshot, new(tape), keyOf(t, 1000), daemon.HostConfig{})
	r.no(err, "restore elsewhere")
	ev, err := host.HandOver(nodeB, nodeA, keyOf(t, 1000).Public())
	r.no(err, "hand over")
	r.no(away.Replay(ev), "replay elsewhere")
	r.no(away.Activate(nodeA), "activate elsewhere")
	r.log = append(r.log, ev)
	return &rig{
		t: t, source: away, log: r.log, origin: r.origin, key: keyOf(t, 1001), reg: r.reg, h: r.h, copy: new(tape),
	}
}

func TestT03_ClaimsBeforeReading(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(2)
	ctx := r.context(1)
	r.submit(4)
	reading, finish := make(chan struct{}), make(chan struct{})
	r.copy.restore = func(io.Reader) error { close(reading); <-finish; return nil }
	result := make(chan error, 1)
	go func() { result <- r.h.RestoreSnapshot(ctx, r.key, r.build, daemon.HostConfig{}) }()
	<-reading

	r.phase(wire.PhaseTransfer)
	r.registered(false, false)
	r.through(2)
	r.buffer(r.log[4])
	r.buffer(r.log[2])
	r.buffer(r.log[1]) // in the snapshot already
	r.replay(2, r.log[3])
	r.through(2)
	_, err := r.h.HostHeadLink(r.origin)
	wants(t, "head", err, wire.ErrNotReady, wire.ErrWrongPhase)
	_, err = r.h.Activate(r.origin)
	wants(t, "activate", err, wire.ErrNotReady)
	wants(t, "complete", r.h.Complete(r.origin), wire.ErrWrongPhase)
	wants(t, "hold", r.h.Hold(r.origin, attempt(1), crypto.Head{}), wire.ErrWrongPhase)
	wants(t, "another", r.h.RestoreSnapshot(r.context(2), r.key, r.build, daemon.HostConfig{}), wire.ErrAlreadyMigrating)
	r.no(r.h.RestoreSnapshot(r.context(1), r.key, r.build, daemon.HostConfig{}), "a repeat")
	if events, _, ok := r.h.Buffered(r.origin); events != 3 || !ok {
		t.Fatalf("holds %d events, want 3", events)
	}
	r.processed()

	close(finish)
	r.no(<-result, "restore")
	r.phase(wire.PhaseRestore)
	r.through(2)
	r.registered(true, true)
	r.processed()
	r.replay(5)
	r.phase(wire.PhaseReplay)
	r.processed(3, 4, 5)
	r.sound()
}

func TestT03_DarkTakesNoSubmissions(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(1)
	r.restore()
	host, ok := r.reg.Host(r.origin)
	if !ok {
		t.Fatal("not registered")
	}
	_, err := host.Submit(crypto.ProducerID{1}, 1, nil)
	wants(t, "submit", err, wire.ErrNotReady)
	r.phase(wire.PhaseRestore)
	r.submit(1)
	r.buffer(r.log[1])
	r.phase(wire.PhaseReplay)
	_, err = host.Submit(crypto.ProducerID{1}, 1, nil)
	wants(t, "submit during replay", err, wire.ErrNotReady)
}

func TestT04_FailureLeavesNothing(t *testing.T) {
	torn := func(io.Reader) error { return errTape }
	for name, broken := range map[string]func() daemon.Daemon{
		"factory panics": func() daemon.Daemon { panic(errTape) },
		"factory is nil": func() daemon.Daemon { return nil },
		"restore fails":  func() daemon.Daemon { return &tape{restore: torn} },
		"restore panics": func() daemon.Daemon { return &tape{restore: func(io.Reader) error { panic("torn") }} },
	} {
		for _, expected := range []bool{false, true} {
			r := newRig(t, Config{})
			r.submit(3)
			build := broken
			if expected {
				r.no(r.h.Factories().Expect(r.origin, daemon.Expectation{New: func() daemon.Daemon { return build() }}), "expect")
			}
			err := r.h.RestoreSnapshot(r.context(1), r.key, given(build, expected), daemon.HostConfig{})
			wants(t, name, err, wire.ErrStateFailed)
			if name == "restore fails" {
				wants(t, name, err, errTape)
			}
			r.phase(0)
			r.registered(false, false)
			if r.h.ActiveCount() != 0 || !r.key.CanSign() {
				t.Fatalf("%s: %d active, key signs %v", name, r.h.ActiveCount(), r.key.CanSign())
			}
			build = r.build
			r.no(r.h.RestoreSnapshot(r.context(1), r.key, given(build, expected), daemon.HostConfig{}), "retry")
			r.phase(wire.PhaseRestore)
		}
	}
}

// given returns the factory, or none if the handler's factories know it.
func given(build func() daemon.Daemon, expected bool) func() daemon.Daemon {
	if expected {
		return nil
	}
	return build
}

// What was held under a claim goes with it.
func TestT04_FailureDropsTheBuffer(t *testing.T) {
	r := newRig(t, Config{})
	ctx := r.context(1)
	r.submit(3)
	r.copy.restore = func(io.Reader) error {
		r.buffer(r.log[2])
		r.buffer(r.log[0])
		return errTape
	}
	wants(t, "restore", r.h.RestoreSnapshot(ctx, r.key, r.build, daemon.HostConfig{}), wire.ErrStateFailed)
	if ok, err := r.h.BufferEvent(r.origin, r.log[1]); ok || err != nil {
		t.Fatalf("buffered %v, %v without a migration", ok, err)
	}
	r.sound()
	r.copy.restore = nil
	r.no(r.h.RestoreSnapshot(ctx, r.key, r.build, daemon.HostConfig{}), "retry")
	r.replay(0)
	r.replay(3, r.log...)
	r.processed(1, 2, 3)
}

// A damaged stream never becomes a daemon, and a good one does afterwards.
func TestT04_DamagedStream(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(5)
	var b bytes.Buffer
	_, err := r.snapshot().WriteTo(&b)
	r.no(err, "write")
	for _, cut := range []int{1, 40, b.Len()} {
		bad := bytes.Clone(b.Bytes())
		bad[len(bad)-cut] ^= 1
		s, err := daemon.ReadSnapshot(bytes.NewReader(bad))
		if err != nil {
			continue
		}
		err = r.h.RestoreSnapshot(RestoreContext{Origin: r.origin, Snapshot: s}, r.key, r.build, daemon.HostConfig{})
		wants(t, "damaged", err, wire.ErrBadSnapshot, wire.ErrStateFailed)
		r.registered(false, false)
	}
	s, err := daemon.ReadSnapshot(&b)
	r.no(err, "read")
	r.copy = new(tape)
	r.no(r.h.RestoreSnapshot(RestoreContext{Origin: r.origin, Snapshot: s}, r.key, r.build, daemon.HostConfig{}), "good")
	r.registered(true, true)
}

func TestRestoreUsesFactories(t *testing.T) {
	r := newRig(t, Config{})
	restore := func(ctx RestoreContext) error {
		return r.h.RestoreSnapshot(ctx, r.key, nil, daemon.HostConfig{})
	}
	wants(t, "no factory", restore(r.context(1)), wire.ErrFactoryNotFound)
	f := r.h.Factories()
	byKind := new(tape)
	r.no(f.RegisterKind("tape", func() daemon.Daemon { return byKind }), "register kind")
	orchestrator := nodeO
	r.no(f.Expect(r.origin, daemon.Expectation{New: r.build, Orchestrator: &orchestrator}), "expect")
	stranger := r.context(1)
	stranger.Orchestrator = nodeC
	wants(t, "stranger", restore(stranger), wire.ErrWrongPeer)
	r.phase(0)

	r.submit(1)
	r.no(restore(r.context(1)), "the expected")
	if byKind.state != nil || r.copy.state == nil {
		t.Fatal("the kind won over the expectation")
	}
	r.no(r.h.Abort(r.origin), "abort")
	f.Remove(r.origin)
	r.no(restore(stranger), "by kind, whoever orchestrates")
	if byKind.state == nil {
		t.Fatal("not built by kind")
	}
}

// A handler that is given no factories has none yet, like one that New makes: they can be added, and nothing panics.
func TestRestoreWithoutFactories(t *testing.T) {
	reg := daemon.NewRegistry()
	r := newRigOn(t, reg, NewWithFactories(reg, nil, Config{Node: nodeB}))
	wants(t, "no factory", r.h.RestoreSnapshot(r.context(1), r.key, nil, daemon.HostConfig{}), wire.ErrFactoryNotFound)
	r.no(r.h.Factories().RegisterKind("tape", r.build), "register kind")
	r.no(r.h.RestoreSnapshot(r.context(1), r.key, nil, daemon.HostConfig{}), "by kind")
	r.replay(1, r.handOverHere())
	r.activate(1)
	r.no(r.h.Complete(r.origin), "complete")
}

// The expectation's clock wins over the caller's, which is used when there is none.
func TestRestoreClock(t *testing.T) {
	ours, theirs := time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()
	for want, e := range map[time.Time]daemon.HostConfig{
		ours:   {Now: func() time.Time { return ours }},
		theirs: {},
	} {
		r := newRig(t, Config{})
		r.no(r.h.Factories().Expect(r.origin, daemon.Expectation{New: r.build, Config: e}), "expect")
		cfg := daemon.HostConfig{Now: func() time.Time { return theirs }}
		r.no(r.h.RestoreSnapshot(r.context(1), r.key, nil, cfg), "restore")
		r.replay(1, r.handOverHere())
		r.activate(1)
		host, _ := r.reg.Host(r.origin)
		_, err := host.HandOver(nodeB, nodeC, keyOf(t, 999).Public())
		r.no(err, "hand over")
		handovers := host.Passport().Handovers
		if got := handovers[len(handovers)-1].Time; !got.Equal(want) {
			t.Errorf("handed over at %v, want %v", got, want)
		}
	}
}

// A daemon that runs here already is not replaced, dark or not.
func TestRestoreOriginTaken(t *testing.T) {
	r := newRig(t, Config{})
	r.no(r.reg.Register(r.source), "register")
	err := r.h.RestoreSnapshot(r.context(1), r.key, r.build, daemon.HostConfig{})
	wants(t, "taken", err, daemon.ErrOriginTaken)
	if host, _ := r.reg.Host(r.origin); host != r.source || r.h.ActiveCount() != 0 {
		t.Fatal("the first daemon was replaced")
	}
}

func TestRestoreNeedsSigningKey(t *testing.T) {
	r := newRig(t, Config{})
	for name, key := range map[string]*crypto.EntityKeypair{"none": nil, "public only": crypto.PublicOnly(r.key.Public())} {
		if err := r.h.RestoreSnapshot(r.context(1), key, r.build, daemon.HostConfig{}); err == nil {
			t.Errorf("%s: restored", name)
		}
		r.phase(0)
	}
}

// An Abort while Restore runs discards its result, and the origin is free at once.
func TestRestoreAborted(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(1)
	ctx := r.context(1)
	reading, finish := make(chan struct{}), make(chan struct{})
	slow := &tape{restore: func(io.Reader) error { close(reading); <-finish; return nil }}
	result := make(chan error, 1)
	go func() {
		result <- r.h.RestoreSnapshot(ctx, r.key, func() daemon.Daemon { return slow }, daemon.HostConfig{})
	}()
	<-reading
	r.no(r.h.Abort(r.origin), "abort")
	r.phase(0)
	r.no(r.h.RestoreSnapshot(r.context(2), r.key, r.build, daemon.HostConfig{}), "the next migration")
	close(finish)
	wants(t, "the aborted one", <-result, wire.ErrCancelled)
	r.submit(1)
	r.replay(2, r.log[1])
	r.processed(2)
	if r.h.ActiveCount() != 1 || r.reg.Len() != 1 {
		t.Fatalf("%d active, %d registered", r.h.ActiveCount(), r.reg.Len())
	}
}

func TestRestoreMaxActive(t *testing.T) {
	reg := daemon.NewRegistry()
	h := New(reg, Config{Node: nodeB, MaxActive: 2})
	a, b, c := newRigOn(t, reg, h), newRigOn(t, reg, h), newRigOn(t, reg, h)
	a.restore()
	b.restore()
	wants(t, "a third", h.RestoreSnapshot(c.context(1), c.key, c.build, daemon.HostConfig{}), wire.ErrNotReady, wire.ErrLimit)
	wants(t, "another of a", h.RestoreSnapshot(a.context(2), a.key, a.build, daemon.HostConfig{}), wire.ErrAlreadyMigrating)
	if h.ActiveCount() != 2 || h.IsMigrating(c.origin) {
		t.Fatalf("%d active", h.ActiveCount())
	}
	a.no(h.Abort(a.origin), "abort")
	c.restore()
}
