package daemon

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func TestHandOverIsTheLogsNextEntry(t *testing.T) {
	h, _ := birth(t)
	at := time.Date(2031, 5, 6, 7, 8, 9, 10, time.FixedZone("", 3600))
	h.now = func() time.Time { return at }
	submit(t, h, producer(1), 1, "x")
	snapshotBytes(t, h)
	submit(t, h, producer(1), 2, "y")
	before := h.Head()
	ev, err := h.HandOver(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	check(t, before.CheckLink(ev.Link))
	if h.Head() != before.Append(ev, nil) || h.Epoch() != 1 {
		t.Errorf("head %+v, epoch %d", h.Head(), h.Epoch())
	}
	got, err := crypto.ParseHandover(ev, testKey(t, 0).Public())
	check(t, err)
	want := crypto.Handover{
		From: node(1), To: node(2), Epoch: 2, Head: before, Next: testKey(t, 1).Public(), SnapshotSequence: 1,
		Previous: h.Passport().Genesis.Digest(), Time: at.UTC(), Signature: got.Signature,
	}
	if got != want {
		t.Errorf("handover %+v, want %+v", got, want)
	}
	check(t, h.Passport().Verify())
	again, err := h.HandOver(node(1), node(2), testKey(t, 1).Public())
	if err != nil || !equalEvents(again, ev) {
		t.Errorf("repeat: %v", err)
	}
	again.Payload[0]++
	if kept, _ := h.HandedOver(); !equalEvents(kept, ev) {
		t.Error("the caller can change the entry")
	}
}

// TestP5_FailedHandOverLeavesItFrozen: nothing that is wrong with the arguments
// commits anything.
func TestP5_FailedHandOverLeavesItFrozen(t *testing.T) {
	h := inState(t, serving)
	_, err := h.Freeze()
	check(t, err)
	head := h.Head()
	good := testKey(t, 5).Public()
	for _, c := range []struct {
		what     string
		from, to crypto.NodeID
		next     crypto.PublicKey
		want     error
	}{
		{"no key", node(2), node(3), crypto.PublicKey{}, crypto.ErrWeakKey},
		{"identity point", node(2), node(3), crypto.PublicKey{1}, crypto.ErrWeakKey},
		{"its own key", node(2), node(3), testKey(t, 1).Public(), crypto.ErrBadHandover},
		{"to itself", node(2), node(2), good, crypto.ErrBadHandover},
		{"to nobody", node(2), crypto.NodeID{}, good, crypto.ErrBadHandover},
		{"from a node that is not the holder", node(7), node(3), good, crypto.ErrBadHandover},
	} {
		_, err := h.HandOver(c.from, c.to, c.next)
		wantErr(t, c.what, err, c.want)
		if !h.Frozen() || h.Head() != head || h.Passport().Epoch() != 2 {
			t.Fatalf("%s: it changed the host", c.what)
		}
	}
	check(t, h.Thaw())
	submit(t, h, producer(1), 30, "still here")
}

func TestFullPassport(t *testing.T) {
	h, _ := birth(t)
	h.passport.Handovers = make([]crypto.Handover, crypto.MaxHandovers)
	h.epoch = crypto.MaxHandovers + 1
	_, err := h.HandOver(node(1), node(2), testKey(t, 1).Public())
	wantErr(t, "full passport", err, wire.ErrPassportFull)
	if _, ok := h.HandedOver(); ok || h.state != serving {
		t.Error("it was handed over")
	}
}

func TestWipedKeyCannotHandOver(t *testing.T) {
	h, _ := birth(t)
	h.key.Wipe()
	_, err := h.HandOver(node(1), node(2), testKey(t, 1).Public())
	wantErr(t, "wiped key", err, crypto.ErrCannotSign)
	_, err = h.SignedHead()
	wantErr(t, "wiped key", err, crypto.ErrCannotSign)
	_, ok := h.HandedOver()
	if ok {
		t.Error("it was handed over")
	}
}

// TestReplayRefuses lists what may not follow, and that the right event still
// does afterwards.
func TestReplayRefuses(t *testing.T) {
	source, _ := birth(t)
	submit(t, source, producer(1), 3, "x")
	target, d := restored(t, snapshotBytes(t, source), 1)
	ev := submit(t, source, producer(1), 4, "y").Event
	calls, head := d.calls, target.Head()
	edit := func(f func(e *Event)) Event { e := ev; f(&e); return e }
	for _, c := range []struct {
		what string
		ev   Event
		want []error
	}{
		{"other origin", edit(func(e *Event) { e.Link.Origin++ }), []error{crypto.ErrOrigin}},
		{"gap", edit(func(e *Event) { e.Link.Sequence++ }), []error{crypto.ErrGap}},
		{"before the head", edit(func(e *Event) { e.Link.Sequence = 1 }), []error{crypto.ErrGap}},
		{"far beyond", edit(func(e *Event) { e.Link.Sequence = math.MaxUint64 }), []error{crypto.ErrGap}},
		{"other parent", edit(func(e *Event) { e.Link.Parent[9]++ }), []error{crypto.ErrParent, wire.ErrDiverged}},
		{"number seen", edit(func(e *Event) { e.ProducerSeq = 3 }), []error{wire.ErrDiverged}},
		{"number left out", edit(func(e *Event) { e.ProducerSeq = 2 }), []error{wire.ErrDiverged}},
		{"long payload", edit(func(e *Event) { e.Payload = make([]byte, wire.MaxPayload+1) }), []error{wire.ErrTooLarge}},
		{"failing daemon", edit(func(e *Event) { e.Payload = []byte("fail") }), []error{wire.ErrStateFailed, errRefused}},
		{"panicking daemon", edit(func(e *Event) { e.Payload = []byte("panic") }), []error{wire.ErrStateFailed}},
		{"unknown kind", edit(func(e *Event) { e.Kind = 77 }), []error{crypto.ErrBadHandover}},
	} {
		wantErr(t, c.what, target.Replay(c.ev), c.want...)
		if target.Head() != head {
			t.Fatalf("%s: the head moved", c.what)
		}
	}
	check(t, target.Replay(ev))
	if target.Head() != source.Head() || d.calls != calls+3 {
		t.Errorf("head %+v after %d calls", target.Head(), d.calls-calls)
	}
}

// forge signs a handover that follows h, edited by f.
func forge(t *testing.T, h *Host, f func(r *crypto.Handover)) Event {
	t.Helper()
	record, err := h.draft(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	f(&record)
	ev, _, err := crypto.SignHandover(testKey(t, 0), record)
	check(t, err)
	return ev
}

func TestT09_ReplayRefusesHandovers(t *testing.T) {
	source, _ := birth(t)
	submit(t, source, producer(1), 1, "x")
	target, _ := restored(t, snapshotBytes(t, source), 1)
	target.node = node(2)
	tampered := forge(t, source, func(*crypto.Handover) {})
	tampered.Payload[len(tampered.Payload)-1]++
	for _, c := range []struct {
		what string
		ev   Event
		want error
	}{
		{"skipped epoch", forge(t, source, func(r *crypto.Handover) { r.Epoch = 3 }), wire.ErrStaleEpoch},
		{"other outputs", forge(t, source, func(r *crypto.Handover) { r.Head.Outputs[0]++ }), wire.ErrHeadMismatch},
		{"other key", forge(t, source, func(r *crypto.Handover) { r.Next = testKey(t, 8).Public() }), wire.ErrWrongKey},
		{"other node", forge(t, source, func(r *crypto.Handover) { r.To = node(3) }), wire.ErrWrongPeer},
		{"other predecessor", forge(t, source, func(r *crypto.Handover) { r.Previous[0]++ }), crypto.ErrBadHandover},
		{"tampered signature", tampered, crypto.ErrBadSignature},
	} {
		wantErr(t, c.what, target.Replay(c.ev), c.want)
		wantErr(t, c.what, target.Activate(node(2)), wire.ErrNoHandover)
		if target.Passport().Epoch() != 1 {
			t.Fatalf("%s: it is in the passport", c.what)
		}
	}
	ev, err := source.HandOver(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	check(t, target.Replay(ev))
	wantErr(t, "anything after it", target.Replay(nextEvent(target)), wire.ErrDiverged)
	for range 2 {
		check(t, target.Activate(node(2)))
	}
	if target.Head() != source.Head() || target.Epoch() != 2 {
		t.Errorf("head %+v, epoch %d", target.Head(), target.Epoch())
	}
}

// TestForcedEntry: the administrator's break-glass works where the genesis
// names one, and nowhere else.
func TestForcedEntry(t *testing.T) {
	admin := testKey(t, 40)
	for _, named := range []crypto.PublicKey{admin.Public(), {}} {
		source, err := NewHost(new(tally), testKey(t, 0), "tally", HostConfig{Administrator: named})
		check(t, err)
		submit(t, source, producer(1), 1, "x")
		target, _ := restored(t, snapshotBytes(t, source), 1)
		record, err := source.draft(node(1), node(2), testKey(t, 1).Public())
		check(t, err)
		record.Forced = true
		ev, _, err := crypto.SignHandover(admin, record)
		check(t, err)
		err = target.Replay(ev)
		if named.IsZero() {
			if err == nil {
				t.Error("forced entry without an administrator")
			}
			continue
		}
		check(t, err)
		check(t, target.Activate(node(2)))
		check(t, target.Passport().Verify())
	}
}

// TestP4_DifferentOutputsAreCaught: a daemon that is not deterministic ends
// with another head, and does not take over.
func TestP4_DifferentOutputsAreCaught(t *testing.T) {
	source, _ := birth(t)
	target, d := restored(t, snapshotBytes(t, source), 1)
	d.state = []byte("something else")
	ev := submit(t, source, producer(1), 1, "x").Event
	check(t, target.Replay(ev))
	handover, err := source.HandOver(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	wantErr(t, "handover", target.Replay(handover), wire.ErrHeadMismatch)
}

func TestActivateNeedsTheKey(t *testing.T) {
	h := inState(t, arrived)
	h.key.Wipe()
	wantErr(t, "wiped key", h.Activate(node(2)), crypto.ErrCannotSign)
	born, _ := birth(t)
	wantErr(t, "born here", born.Activate(node(1)), wire.ErrWrongPhase)
	if !h.Dark() || !errors.Is(h.Thaw(), wire.ErrNotReady) {
		t.Error("a failed activation left something else than a dark host")
	}
}
