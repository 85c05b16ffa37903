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

// TestT09_EveryRefusalIsOneOfTheFive: whatever is wrong with a handover, Activate answers with an error
// that T9 lists, also where a more exact one exists.
func TestT09_EveryRefusalIsOneOfTheFive(t *testing.T) {
	flipped := func(r *rig) crypto.CausalEvent {
		ev := r.sign(r.birth, r.statement())
		ev.Payload = bytes.Clone(ev.Payload)
		ev.Payload[len(ev.Payload)-1] ^= 1
		return ev
	}
	garbage := func(r *rig) crypto.CausalEvent {
		ev := r.sign(r.birth, r.statement())
		ev.Payload = []byte("not a handover")
		return ev
	}
	for name, c := range map[string]struct {
		forge func(*rig) crypto.CausalEvent
		want  []error
	}{
		"signature": {flipped, []error{wire.ErrWrongKey, wire.ErrNoHandover, crypto.ErrBadSignature}},
		"garbage":   {garbage, []error{wire.ErrNoHandover, crypto.ErrBadHandover}},
		"parent": {altered(func(h *crypto.Handover) { h.Head.Digest[0] ^= 1 }),
			[]error{wire.ErrHeadMismatch, crypto.ErrParent}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{}).restore()
			r.submit(2)
			r.replay(2, r.log...)
			_, err := r.h.BufferEvent(r.origin, c.forge(r))
			wants(t, "buffer", err, c.want...)
			_, err = r.h.Activate(r.origin)
			wants(t, "activate", err, c.want...)
			r.phase(wire.PhaseReplay)
		})
	}
}

// TestT09_FormerHolder: a copy that stayed behind hands the daemon over once more, with the key of an epoch
// that has ended.
func TestT09_FormerHolder(t *testing.T) {
	r := newRig(t, Config{}).restore()
	behind, err := daemon.NewHost(new(tape), r.birth, "tape", daemon.HostConfig{})
	r.no(err, "the copy")
	r.replay(1, r.handOverHere())
	r.activate(1)
	holder, _ := r.reg.Host(r.origin)

	next := keyOf(t, 1<<20)
	h := New(daemon.NewRegistry(), Config{Node: nodeC})
	snap, err := holder.Snapshot()
	r.no(err, "snapshot")
	ctx := RestoreContext{Origin: r.origin, Snapshot: snap, Source: nodeB}
	r.no(h.RestoreSnapshot(ctx, next, func() daemon.Daemon { return new(tape) }, daemon.HostConfig{}), "restore")

	_, err = behind.Submit(crypto.ProducerID{7}, 1, nil)
	r.no(err, "submit")
	stale, err := behind.HandOver(nodeA, nodeC, next.Public())
	r.no(err, "handover")
	_, err = h.BufferEvent(r.origin, stale)
	wants(t, "buffer", err, wire.ErrStaleEpoch, crypto.ErrParent)
	_, err = h.Activate(r.origin)
	wants(t, "activate", err, wire.ErrStaleEpoch)

	ev, err := holder.HandOver(nodeB, nodeC, next.Public())
	r.no(err, "the holder's")
	_, err = h.BufferEvent(r.origin, ev)
	r.no(err, "buffer")
	through, err := h.Activate(r.origin)
	if through != 2 || err != nil {
		t.Fatalf("activate = %d, %v", through, err)
	}
}

// TestT17_ExpiresWithTheFirstTickThatFindsItOver, however shortly before it the last one came.
func TestT17_ExpiresWithTheFirstTickThatFindsItOver(t *testing.T) {
	reg, h := newHandler(Config{})
	epoch := time.Unix(1_000_000, 0)
	h.Tick(epoch)
	a := atCutover(t, reg, h)
	a.no(h.Complete(a.origin), "complete")
	h.Tick(epoch.Add(DefaultCompletedTTL - 1))
	a.activate(2)
	h.Tick(epoch.Add(DefaultCompletedTTL))
	_, err := h.Activate(a.origin)
	wants(t, "expired", err, wire.ErrDaemonNotFound)
}

type closing struct {
	tape
	closed bool
}

func (d *closing) Close() error { d.closed = true; return nil }

// TestT15_AbortDuringRestoreClosesTheDaemon whose state was read for nothing.
func TestT15_AbortDuringRestoreClosesTheDaemon(t *testing.T) {
	r := newRig(t, Config{})
	d := new(closing)
	d.restore = func(io.Reader) error { return r.h.Abort(r.origin) }
	err := r.h.RestoreSnapshot(r.context(1), r.key, func() daemon.Daemon { return d }, daemon.HostConfig{})
	wants(t, "restore", err, wire.ErrCancelled)
	if !d.closed {
		t.Error("not closed")
	}
	r.registered(false, false)
}

// TestT02_ExpectedOrchestratorBindsEveryBuilder: who may conduct the migration does not depend on who makes
// the daemon.
func TestT02_ExpectedOrchestratorBindsEveryBuilder(t *testing.T) {
	r := newRig(t, Config{})
	orchestrator := nodeO
	r.no(r.h.Factories().Expect(r.origin, daemon.Expectation{New: r.build, Orchestrator: &orchestrator}), "expect")
	stranger := r.context(1)
	stranger.Orchestrator = nodeC
	wants(t, "a stranger's migration", r.h.RestoreSnapshot(stranger, r.key, r.build, daemon.HostConfig{}), wire.ErrWrongPeer)
	r.registered(false, false)
	r.no(r.h.RestoreSnapshot(r.context(2), r.key, r.build, daemon.HostConfig{}), "the expected migration")
}
