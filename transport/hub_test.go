package transport

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// hubMedium returns a Hub and the medium it makes.
func hubMedium() (*Hub, medium) {
	hub := NewHub()
	return hub, medium{"hub", func(t testing.TB, cfg Config, r Receiver) Network {
		t.Helper()
		n, err := hub.Listen(cfg, r)
		return started(t, n, err)
	}}
}

func TestHubCutAndHeal(t *testing.T) {
	hub, m := hubMedium()
	a, b, c := join(t, m, 1, Config{}), join(t, m, 2, Config{}), join(t, m, 3, Config{})
	ab, _ := dial(t, a, b)
	ac, _ := dial(t, a, c)
	dial(t, b, a)
	hub.Cut(b.id, a.id)
	for range 2 {
		wantIs(t, next(t, a.down, "an end at a").err, ErrTimeout)
		wantIs(t, next(t, b.down, "an end at b").err, ErrTimeout)
	}
	wantIs(t, a.Send(ab, wire.ChannelControl, wire.MigrationID{}, progress(1, 1)), ErrNoSession)
	wantIs(t, tryDial(t, a, b.id, b.Addrs()...), ErrUnreachable)
	wantIs(t, tryDial(t, b, a.id, a.Addrs()...), ErrUnreachable)
	sendNumbered(t, a, ac, wire.ChannelControl, 1)
	wantNumbered(t, c, 1, wire.ChannelControl, 1)
	hub.Heal(a.id, b.id)
	dial(t, a, b)
}

func TestHubHookSeesEveryFrame(t *testing.T) {
	hub, m := hubMedium()
	a, b, at, bt := pair(t, m, Config{})
	var seen [wire.ChannelSnapshot + 1]atomic.Int64
	hub.Hook(a.id, b.id, func(ch wire.Channel, h wire.Header, body []byte) error {
		if len(body) != h.Length {
			t.Errorf("a body of %d bytes under a header of %d", len(body), h.Length)
		}
		seen[ch].Add(1)
		return nil
	})
	sendNumbered(t, a, at, wire.ChannelControl, 3)
	wantNumbered(t, b, bt, wire.ChannelControl, 3)
	sendNumbered(t, a, at, wire.ChannelEvents, 2)
	wantNumbered(t, b, bt, wire.ChannelEvents, 2)
	sendNumbered(t, b, bt, wire.ChannelSubmit, 4) // the other direction
	wantNumbered(t, a, at, wire.ChannelSubmit, 4)
	w, r := openSnapshot(t, a, b, at, refOf(1))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	for ch, want := range map[wire.Channel]int64{wire.ChannelControl: 3, wire.ChannelSubmit: 0, wire.ChannelEvents: 2, wire.ChannelSnapshot: 1} {
		if got := seen[ch].Load(); got != want {
			t.Errorf("%v: the hook saw %d frames, want %d", ch, got, want)
		}
	}
}

func TestHubHookBreaksTheSession(t *testing.T) {
	hub, m := hubMedium()
	a, b, at, _ := pair(t, m, Config{})
	fault := errors.New("cable pulled")
	hub.Hook(a.id, b.id, func(wire.Channel, wire.Header, []byte) error { return fault })
	sendNumbered(t, a, at, wire.ChannelControl, 1)
	down := next(t, b.down, "the end at b")
	wantIs(t, down.err, fault)
	wantIs(t, down.err, ErrTimeout)
	next(t, a.down, "the end at a")
	if len(b.frames) != 0 {
		t.Error("the frame was delivered")
	}
	hub.Hook(a.id, b.id, nil)
	at, bt := dial(t, a, b)
	sendNumbered(t, a, at, wire.ChannelControl, 1)
	wantNumbered(t, b, bt, wire.ChannelControl, 1)
	hub.Hook(a.id, b.id, func(wire.Channel, wire.Header, []byte) error { return fault })
	_, r := openSnapshotAndSend(t, a, b, at)
	_, err := io.ReadAll(r)
	wantIs(t, err, io.ErrUnexpectedEOF)
	wantIs(t, next(t, b.down, "the end at b").err, fault)
}

// openSnapshotAndSend opens a stream whose only chunk is on its way.
func openSnapshotAndSend(t *testing.T, a, b *node, at SessionID) (SnapshotWriter, io.ReadCloser) {
	t.Helper()
	w, r := openSnapshot(t, a, b, at, refOf(1))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w, r
}

func TestHubAddresses(t *testing.T) {
	hub, m := hubMedium()
	a := join(t, m, 1, Config{Listen: "here"})
	if addrs := a.Addrs(); len(addrs) != 1 || addrs[0] != "here" {
		t.Errorf("addresses are %v", addrs)
	}
	if _, err := hub.Listen(Config{Key: keyOf(t, 2), Listen: "here"}, newRecorder(t)); err == nil {
		t.Error("a taken address was given out again")
	}
	if _, err := hub.Listen(Config{}, newRecorder(t)); err == nil {
		t.Error("a node without a key was attached")
	}
	b := join(t, m, 2, Config{})
	dial(t, b, a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wantIs(t, tryDial(t, b, a.id, "here"), ErrUnreachable)
	dial(t, b, join(t, m, 3, Config{Listen: "here"}))
}
