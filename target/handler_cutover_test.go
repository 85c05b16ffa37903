package target

import (
	"crypto/ed25519"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

func TestT09_Activate(t *testing.T) {
	for _, through := range []int{0, 1, 5} {
		for _, buffered := range []bool{false, true} {
			r := newRig(t, Config{})
			r.submit(2)
			r.restore()
			r.submit(through)
			r.handOverHere()
			last := uint64(2 + through + 1)
			if buffered {
				for _, ev := range r.log[2:] {
					r.buffer(ev)
				}
			} else {
				r.replay(last, r.log[2:]...)
			}
			r.phase(wire.PhaseReplay)
			r.registered(true, true)
			r.activate(last)
			r.phase(wire.PhaseCutover)
			r.registered(true, false)
			r.through(last)
			host, _ := r.h.Host(r.origin)
			if _, err := host.Submit(crypto.ProducerID{7}, 1000, nil); err != nil || host.Epoch() != 2 {
				t.Fatalf("submit at epoch %d: %v", host.Epoch(), err)
			}
			r.no(host.Passport().Verify(), "passport")
		}
	}
}

// Activate drains by itself: what was held during Restore needs no call in between.
func TestT09_ActivateDrains(t *testing.T) {
	r := newRig(t, Config{})
	ctx := r.context(1)
	r.submit(2)
	r.handOverHere()
	build := func() daemon.Daemon { // the origin is claimed by now
		for _, ev := range r.at(3, 1, 2) {
			r.buffer(ev)
		}
		return r.copy
	}
	r.no(r.h.RestoreSnapshot(ctx, r.key, build, daemon.HostConfig{}), "restore")
	r.phase(wire.PhaseRestore)
	r.activate(3)
	r.phase(wire.PhaseCutover)
	r.processed(1, 2)
}

func TestT09_Gaps(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(3)
	refused := func(through uint64, want error) {
		t.Helper()
		for range 2 {
			got, err := r.h.Activate(r.origin)
			wants(t, "activate", err, want)
			if got != through {
				t.Fatalf("through %d, want %d", got, through)
			}
		}
	}
	refused(0, wire.ErrNoHandover)
	r.phase(wire.PhaseRestore)
	r.replay(1, r.at(1, 3)...)
	refused(1, crypto.ErrGap)
	r.buffer(r.handOverHere())
	refused(1, crypto.ErrGap)
	r.phase(wire.PhaseReplay)
	r.registered(true, true)
	r.replay(4, r.at(2)...)
	r.activate(4)
}

// A failing event before the handover keeps Activate out just as long.
func TestT09_ProcessFails(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(2)
	r.handOverHere()
	fails := 3
	r.copy.process = func(ev daemon.Event) error {
		if ev.Link.Sequence == 2 && fails > 0 {
			fails--
			return errTape
		}
		return nil
	}
	_, err := r.h.ReplayEvents(r.origin, r.log)
	wants(t, "replay", err, errTape)
	for range 2 {
		through, err := r.h.Activate(r.origin)
		wants(t, "activate", err, errTape, wire.ErrStateFailed)
		if through != 1 {
			t.Fatalf("through %d", through)
		}
		r.phase(wire.PhaseReplay)
	}
	r.activate(3)
}

// badHandovers are the handovers that must not activate, by what is wrong with them.
var badHandovers = map[string]struct {
	forge func(*rig) crypto.CausalEvent
	want  []error
}{
	"another key": {altered(func(h *crypto.Handover) { h.Next = crypto.PublicKey(nodeKey) }), []error{crypto.ErrWrongKey}},
	"another node": {
		altered(func(h *crypto.Handover) { h.To = nodeC }),
		[]error{wire.ErrWrongPeer, wire.ErrNoHandover},
	},
	"another node and key": {
		altered(func(h *crypto.Handover) { h.To, h.Next = nodeC, crypto.PublicKey(nodeKey) }),
		[]error{wire.ErrWrongPeer, wire.ErrNoHandover},
	},
	"later epoch":   {altered(func(h *crypto.Handover) { h.Epoch = 3 }), []error{wire.ErrStaleEpoch}},
	"other outputs": {altered(func(h *crypto.Handover) { h.Head.Outputs[0] ^= 1 }), []error{crypto.ErrHeadMismatch}},
	"other parent":  {altered(func(h *crypto.Handover) { h.Head.Digest[0] ^= 1 }), []error{crypto.ErrParent}},
	"other history": {altered(func(h *crypto.Handover) { h.Previous[0] ^= 1 }), []error{crypto.ErrBadHandover}},
	"other signer": {
		func(r *rig) crypto.CausalEvent { return r.sign(keyOf(r.t, 5000), r.statement()) },
		[]error{crypto.ErrBadSignature},
	},
	"bent signature": {func(r *rig) crypto.CausalEvent {
		ev := r.sign(r.birth, r.statement())
		ev.Payload[len(ev.Payload)-1] ^= 1
		return ev
	}, []error{crypto.ErrBadSignature}},
	"cut short": {func(r *rig) crypto.CausalEvent {
		ev := r.sign(r.birth, r.statement())
		ev.Payload = ev.Payload[:40]
		return ev
	}, []error{crypto.ErrBadHandover}},
}

// nodeKey is a valid ed25519 public key that belongs to nobody here.
var nodeKey = ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)

// altered signs the right statement with one thing changed.
func altered(change func(*crypto.Handover)) func(*rig) crypto.CausalEvent {
	return func(r *rig) crypto.CausalEvent {
		h := r.statement()
		change(&h)
		return r.sign(r.birth, h)
	}
}

func TestT09_BadHandovers(t *testing.T) {
	for name, c := range badHandovers {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{})
			r.restore()
			r.submit(3)
			r.replay(3, r.log...)
			taken, err := r.h.BufferEvent(r.origin, c.forge(r))
			wants(t, "buffer", err, c.want...)
			if !taken {
				t.Fatal("it was not held")
			}
			for range 2 {
				through, err := r.h.Activate(r.origin)
				wants(t, "activate", err, c.want...)
				if through != 3 {
					t.Fatalf("through %d", through)
				}
				r.phase(wire.PhaseReplay)
				r.registered(true, true)
			}
			if !r.key.CanSign() {
				t.Fatal("the key was wiped")
			}
			r.submit(1) // events are still accepted, and the right handover leads on
			r.replay(4, r.log[3])
			r.replay(5, r.handOverHere())
			r.activate(5)
		})
	}
}

func TestT10_ActivateAgain(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(1)
	r.restore()
	r.submit(1)
	r.handOverHere()
	r.replay(3, r.log...)
	r.activate(3)
	r.activate(3)
	host, _ := r.reg.Host(r.origin)
	if _, err := host.Submit(crypto.ProducerID{7}, 1000, nil); err != nil {
		t.Fatal(err)
	}
	r.activate(3) // what was applied since does not count
	r.no(r.h.Complete(r.origin), "complete")
	r.activate(3)
	r.replay(3, r.log...)
	r.replay(3)
	r.phase(0)
	if _, ok := r.h.ReplayedThrough(r.origin); ok {
		t.Fatal("ReplayedThrough answers for a completed migration")
	}
	head, err := r.h.HostHeadLink(r.origin)
	if err != nil || head != host.Head() {
		t.Fatalf("head %v, %v", head, err)
	}
	if !r.h.ForgetCompleted(r.origin) {
		t.Fatal("nothing forgotten")
	}
	_, err = r.h.Activate(r.origin)
	wants(t, "activate after forgetting", err, wire.ErrDaemonNotFound)
	r.registered(true, false)
}

func TestT10_NeverSeen(t *testing.T) {
	h := New(daemon.NewRegistry(), Config{Node: nodeB})
	for _, origin := range []uint64{0, 1, 1 << 63, 1<<64 - 1} {
		_, activate := h.Activate(origin)
		_, replay := h.ReplayEvents(origin, []crypto.CausalEvent{{}})
		_, head := h.HostHeadLink(origin)
		for name, err := range map[string]error{
			"activate": activate, "replay": replay, "head": head, "complete": h.Complete(origin),
			"hold": h.Hold(origin, attempt(1), crypto.Head{}), "release": h.Release(origin, attempt(1)),
		} {
			wants(t, name, err, wire.ErrDaemonNotFound)
		}
		if _, ok := h.OrchestratorNode(origin); ok || h.IsMigrating(origin) || h.ForgetCompleted(origin) {
			t.Fatal("something is known of an origin never seen")
		}
		if _, _, ok := h.Buffered(origin); ok || h.ActiveCount() != 0 {
			t.Fatal("a record was created")
		}
		if _, ok := h.Host(origin); ok {
			t.Fatal("a host was found")
		}
		if _, _, ok := h.Held(origin); ok {
			t.Fatal("a hold was found")
		}
	}
}

func TestT11_AtCutover(t *testing.T) {
	r := newRig(t, Config{})
	r.restore()
	r.submit(2)
	r.handOverHere()
	r.replay(3, r.log...)
	r.activate(3)
	other := r.log[1]
	other.ProducerSeq++
	beyond := r.log[1]
	beyond.Link.Sequence = 4
	for _, ev := range append(r.log, other, beyond) {
		if taken, err := r.h.BufferEvent(r.origin, ev); taken || err != nil {
			t.Fatalf("buffer %d = %v, %v", ev.Link.Sequence, taken, err)
		}
		r.replay(3, ev)
		r.phase(wire.PhaseCutover)
	}
	r.through(3)
	r.processed(1, 2)
}

func TestT12_NoRecord(t *testing.T) {
	r := newRig(t, Config{})
	r.submit(1)
	none := func(when string) {
		t.Helper()
		if taken, err := r.h.BufferEvent(r.origin, r.log[0]); taken || err != nil {
			t.Fatalf("%s: buffer = %v, %v", when, taken, err)
		}
		if r.h.IsMigrating(r.origin) || r.h.ActiveCount() != 0 || r.h.BufferedBytes() != 0 {
			t.Fatalf("%s: a record was created", when)
		}
	}
	none("unknown")
	r.restore()
	r.no(r.h.Abort(r.origin), "abort")
	none("aborted")
	r.restore()
	r.replay(2, r.handOverHere())
	r.activate(2)
	r.no(r.h.Complete(r.origin), "complete")
	none("completed")
	r.h.ForgetCompleted(r.origin)
	none("forgotten")
}
