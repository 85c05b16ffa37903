package daemon

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// inState returns a host with key 1 in that state. It came from node 1 to
// node 2 unless it is serving as born.
func inState(t *testing.T, s state) *Host {
	t.Helper()
	born, _ := birth(t)
	submit(t, born, producer(1), 1, "x")
	h, _ := restored(t, snapshotBytes(t, born), 1)
	if s == dark {
		return h
	}
	ev, err := born.HandOver(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	check(t, h.Replay(ev))
	if s == arrived {
		return h
	}
	check(t, h.Activate(node(2)))
	if s == frozen {
		_, err := h.Freeze()
		check(t, err)
	}
	if s == moved || s == retired {
		_, err := h.HandOver(node(2), node(3), testKey(t, 2).Public())
		check(t, err)
	}
	if s == retired {
		h.Retire()
	}
	if s == ended {
		check(t, h.End())
	}
	return h
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestP3_StateTable is the table of the package documentation, cell by cell. An
// empty list of errors is success.
func TestP3_StateTable(t *testing.T) {
	all := []state{serving, frozen, moved, retired, dark, arrived, ended}
	no := []error{wire.ErrNotReady}
	gone := []error{wire.ErrMoved}
	phase := []error{wire.ErrWrongPhase}
	ice := []error{wire.ErrFrozen, wire.ErrNotReady}
	over := []error{wire.ErrMoved, wire.ErrWrongPhase}
	lost := []error{wire.ErrDaemonNotFound}
	answering := [][]error{{}, ice, gone, gone, no, no, lost}
	owning := [][]error{{}, {}, gone, gone, no, no, lost}
	for _, row := range []struct {
		name string
		call func(h *Host) error
		want [][]error // by state, in the order of all
	}{
		{"Submit", func(h *Host) error { _, err := h.Submit(producer(1), 9, nil); return err }, answering},
		{"Submit of a duplicate", func(h *Host) error { _, err := h.Submit(producer(1), 1, nil); return err }, answering},
		{"SubmitBatch", func(h *Host) error { _, err := h.SubmitBatch(producer(1), 0, nil, nil); return err }, answering},
		{"OpenProducer", func(h *Host) error { _, _, err := h.OpenProducer(producer(1)); return err }, answering},
		{"Inspect", func(h *Host) error { _, err := h.Inspect(nil); return err }, answering},
		{"Snapshot", func(h *Host) error { _, err := h.Snapshot(); return err }, owning},
		{"SignedHead", func(h *Host) error { _, err := h.SignedHead(); return err }, owning},
		{"Freeze", func(h *Host) error { _, err := h.Freeze(); return err }, owning},
		{"Thaw", (*Host).Thaw, [][]error{{}, {}, over, over, no, no, {wire.ErrDaemonNotFound, wire.ErrWrongPhase}}},
		{"HandOver", handOverTo(3, 2), [][]error{{}, {}, {}, gone, no, no, lost}},
		{"HandOver to another node", handOverTo(4, 2), [][]error{{}, {}, over, gone, no, no, lost}},
		{"HandOver to another key", handOverTo(3, 3), [][]error{{}, {}, over, gone, no, no, lost}},
		{"Replay", func(h *Host) error { return h.Replay(nextEvent(h)) },
			[][]error{phase, phase, phase, phase, {}, {wire.ErrDiverged}, phase}},
		{"Activate", func(h *Host) error { return h.Activate(node(2)) },
			[][]error{{}, {}, gone, gone, {wire.ErrNoHandover}, {}, lost}},
		{"Activate elsewhere", func(h *Host) error { return h.Activate(node(9)) },
			[][]error{{wire.ErrWrongPeer}, {wire.ErrWrongPeer}, gone, gone, {wire.ErrNoHandover}, {wire.ErrWrongPeer}, lost}},
		{"Retire", func(h *Host) error { h.Retire(); return nil }, [][]error{{}, {}, {}, {}, {}, {}, {}}},
		{"End", (*Host).End, [][]error{{}, phase, phase, phase, {}, phase, {}}},
	} {
		for i, s := range all {
			h := inState(t, s)
			before, head := h.state, h.Head()
			err := row.call(h)
			wantErr(t, fmt.Sprintf("%s while %v", row.name, s), err, row.want[i]...)
			if err != nil && (h.state != before || h.Head() != head) {
				t.Errorf("%s while %v failed and changed the host: %v", row.name, s, h.state)
			}
		}
	}
}

func handOverTo(to byte, key uint64) func(h *Host) error {
	return func(h *Host) error {
		var seed [32]byte
		seed[7], seed[31] = byte(key+1), 7
		next, err := crypto.KeypairFromSeed(seed)
		if err != nil {
			return err
		}
		_, err = h.HandOver(node(2), node(to), next.Public())
		return err
	}
}

// nextEvent returns an input event that follows the head.
func nextEvent(h *Host) Event {
	link, _ := h.Head().Next()
	return Event{Link: link, Kind: crypto.EventInput, Producer: producer(1), ProducerSeq: 50, Payload: []byte("y")}
}

func TestDarkAndFrozenAreShown(t *testing.T) {
	for _, s := range []state{serving, frozen, moved, retired, dark, arrived, ended} {
		h := inState(t, s)
		if h.Dark() != (s == dark || s == arrived) || h.Frozen() != (s == frozen) {
			t.Errorf("%v shows dark %v, frozen %v", s, h.Dark(), h.Frozen())
		}
		if _, ok := h.HandedOver(); ok != (s == moved || s == retired) {
			t.Errorf("%v: handed over %v", s, ok)
		}
		want := uint64(2)
		if s == dark || s == arrived {
			want = 1
		}
		if h.Epoch() != want {
			t.Errorf("%v: epoch %d, want %d", s, h.Epoch(), want)
		}
	}
}

func TestFreezeAndThaw(t *testing.T) {
	h, _ := birth(t)
	submit(t, h, producer(1), 1, "x")
	for range 2 {
		if head, err := h.Freeze(); err != nil || head != h.Head() {
			t.Fatalf("freeze: %v, %v", head, err)
		}
	}
	snapshotBytes(t, h)
	for range 2 {
		check(t, h.Thaw())
	}
	if r := submit(t, h, producer(1), 2, "y"); r.Event.Link.Sequence != 2 {
		t.Errorf("after the thaw the log goes on at %d", r.Event.Link.Sequence)
	}
}

// TestRetiredStillTells: what identifies the daemon and proves the move stays;
// the secret does not.
func TestRetiredStillTells(t *testing.T) {
	h := inState(t, moved)
	before, _ := h.HandedOver()
	head, epoch, passport := h.Head(), h.Epoch(), h.Passport()
	h.Retire()
	h.Retire()
	after, ok := h.HandedOver()
	if !ok || !equalEvents(before, after) || h.Head() != head || h.Epoch() != epoch {
		t.Errorf("retired host tells something else: %+v", after)
	}
	if h.Passport().Epoch() != passport.Epoch() || h.Kind() != "tally" || h.Name() != "the first" || h.EntityID() != passport.Entity {
		t.Error("retired host forgot who it was")
	}
	if h.key.CanSign() || h.d != nil || h.producers != nil || h.StopAndCopy() {
		t.Error("retired host kept key, daemon or table")
	}
}

func TestIllegalTransitionPanics(t *testing.T) {
	h := inState(t, moved)
	defer func() {
		if recover() == nil {
			t.Error("moved to serving was let through")
		}
	}()
	h.setState(serving)
}

func TestNewHostRefuses(t *testing.T) {
	key, long := testKey(t, 0), string(make([]byte, 65))
	wiped := testKey(t, 1)
	wiped.Wipe()
	weak := crypto.PublicKey{1}
	for _, c := range []struct {
		what string
		d    Daemon
		key  *crypto.EntityKeypair
		kind string
		cfg  HostConfig
		want error
	}{
		{"no daemon", nil, key, "tally", HostConfig{}, ErrConfig},
		{"no key", new(tally), nil, "tally", HostConfig{}, ErrConfig},
		{"public key only", new(tally), crypto.PublicOnly(key.Public()), "tally", HostConfig{}, crypto.ErrCannotSign},
		{"wiped key", new(tally), wiped, "tally", HostConfig{}, crypto.ErrCannotSign},
		{"long kind", new(tally), key, long, HostConfig{}, ErrConfig},
		{"control character", new(tally), key, "a\x1b[2J", HostConfig{}, ErrConfig},
		{"broken UTF-8", new(tally), key, "\xff", HostConfig{}, ErrConfig},
		{"long name", new(tally), key, "tally", HostConfig{Name: long}, ErrConfig},
		{"weak administrator", new(tally), key, "tally", HostConfig{Administrator: weak}, crypto.ErrWeakKey},
	} {
		h, err := NewHost(c.d, c.key, c.kind, c.cfg)
		wantErr(t, c.what, err, c.want)
		if h != nil {
			t.Errorf("%s: a host all the same", c.what)
		}
	}
}

func TestInspect(t *testing.T) {
	h, _ := birth(t)
	submit(t, h, producer(1), 1, "four")
	if answer, err := h.Inspect([]byte("length")); err != nil || string(answer) != "4" {
		t.Errorf("inspect: %q, %v", answer, err)
	}
	_, err := h.Inspect([]byte("fail"))
	wantErr(t, "failing question", err, errRefused)
	if _, err := h.Inspect([]byte("panic")); err == nil {
		t.Error("a panic was no error")
	}
	m, err := NewHost(mute{}, testKey(t, 3), "mute", HostConfig{})
	check(t, err)
	_, err = m.Inspect(nil)
	wantErr(t, "no Inspector", err, ErrNotInspectable)
	if !m.StopAndCopy() || h.StopAndCopy() {
		t.Error("the mark of daemons that are not deterministic is not seen")
	}
}

func TestSign(t *testing.T) {
	statement := []byte("statement")
	for _, s := range []state{dark, arrived, serving, frozen} {
		h := inState(t, s)
		sig, err := h.Sign(crypto.DomainReplayComplete, statement)
		if err != nil || !testKey(t, 1).Public().Verify(crypto.DomainReplayComplete, statement, sig) {
			t.Errorf("%v: %v", s, err)
		}
		for _, d := range []crypto.Domain{crypto.DomainGenesis, crypto.DomainHandover, crypto.DomainForced, crypto.DomainHead, crypto.DomainFreeze, crypto.DomainAccept} {
			_, err := h.Sign(d, statement)
			wantErr(t, fmt.Sprintf("%v while %v", d, s), err, crypto.ErrCannotSign)
		}
	}
	_, err := inState(t, dark).Sign(crypto.Domain(200), statement)
	wantErr(t, "anything else while dark", err, wire.ErrNotReady)
	_, err = inState(t, moved).Sign(crypto.DomainReplayComplete, statement)
	wantErr(t, "handed over", err, wire.ErrMoved)
}

func TestSignedHeadVerifies(t *testing.T) {
	h := inState(t, serving)
	submit(t, h, producer(1), 9, "x")
	signed, err := h.SignedHead()
	check(t, err)
	if signed.Head != h.Head() || signed.Epoch != 2 {
		t.Errorf("signed %+v", signed)
	}
	check(t, signed.Verify(h.Passport()))
	if err := signed.VerifyKey(testKey(t, 0).Public()); !errors.Is(err, crypto.ErrBadSignature) {
		t.Errorf("the former holder's key: %v", err)
	}
}
