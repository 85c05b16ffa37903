package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func TestFramesArriveInOrderBothWays(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, bt := pair(t, m, Config{})
		const count = 2000
		for _, ch := range []wire.Channel{wire.ChannelControl, wire.ChannelSubmit, wire.ChannelEvents} {
			var sending sync.WaitGroup
			sending.Go(func() { sendNumbered(t, a, at, ch, count) })
			sending.Go(func() { sendNumbered(t, b, bt, ch, count) })
			wantNumbered(t, b, bt, ch, count)
			wantNumbered(t, a, at, ch, count)
			sending.Wait()
		}
	})
}

func sendNumbered(t *testing.T, n *node, id SessionID, ch wire.Channel, count uint64) {
	for i := range count {
		if err := n.Send(id, ch, refOf(1).Migration, progress(1, i)); err != nil {
			t.Errorf("send %d on %v: %v", i, ch, err)
			return
		}
	}
}

func wantNumbered(t *testing.T, n *node, id SessionID, ch wire.Channel, count uint64) {
	t.Helper()
	for i := range count {
		f := next(t, n.frames, fmt.Sprintf("frame %d", i))
		if got := numberIn(t, f); got != i || f.ch != ch || f.id != id {
			t.Fatalf("got frame %d of session %d on %v, want %d of %d on %v", got, f.id, f.ch, i, id, ch)
		}
	}
}

func TestLargeAndSmallFramesKeepTheirOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{QueueBytes: 64 << 20, SessionQueueBytes: 64 << 20})
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		var sent [][]byte
		for range 150 {
			frame := bulk(1, random.IntN(1<<random.IntN(18)+1))
			sent = append(sent, bytes.Clone(frame))
			if err := a.Send(at, wire.ChannelControl, wire.MigrationID{}, frame); err != nil {
				t.Fatalf("seed %d: send: %v", seed, err)
			}
		}
		for i, want := range sent {
			f := next(t, b.frames, "a frame")
			if !bytes.Equal(f.body, want[headerLen:]) {
				t.Fatalf("seed %d: frame %d is altered or out of order", seed, i)
			}
		}
	})
}

func TestUnknownSubprotocolIsDeliveredEmpty(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		strange := append([]byte{9, 1, 0, 0, 0x40, 0}, make([]byte, 1<<14)...)
		for _, frame := range [][]byte{strange, progress(1, 5)} {
			if err := a.Send(at, wire.ChannelControl, wire.MigrationID{}, frame); err != nil {
				t.Fatal(err)
			}
		}
		f := next(t, b.frames, "the unknown frame")
		if f.h.Type != 0x0901 || f.h.Length != 1<<14 || len(f.body) != 0 {
			t.Errorf("got %+v with %d bytes", f.h, len(f.body))
		}
		if got := numberIn(t, next(t, b.frames, "the frame after it")); got != 5 {
			t.Errorf("the stream lost its place: got %d", got)
		}
	})
}

func TestBodyBelongsToTheReceiver(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		first := progress(1, 1)
		want := bytes.Clone(first[headerLen:])
		if err := a.Send(at, wire.ChannelControl, wire.MigrationID{}, first); err != nil {
			t.Fatal(err)
		}
		f := next(t, b.frames, "the first frame")
		for i := range 100 {
			if err := a.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(2, uint64(i))); err != nil {
				t.Fatal(err)
			}
			next(t, b.frames, "a later frame")
		}
		if !bytes.Equal(f.body, want) {
			t.Error("a later frame changed the body of an earlier one")
		}
	})
}

func TestBlockedFrameHoldsUpItsStreamAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b := join(t, m, 1, Config{}), join(t, m, 2, Config{})
		gate := make(chan struct{})
		others := make(chan received, 64)
		b.onFrame = func(f received) {
			if f.ch == wire.ChannelEvents {
				<-gate
				return
			}
			others <- f
		}
		at, _ := dial(t, a, b)
		// Enough to fill what the stream may hold, so that the writer waits.
		for range 6 {
			if err := a.Send(at, wire.ChannelEvents, refOf(1).Migration, bulk(1, 128<<10)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			for _, ch := range []wire.Channel{wire.ChannelControl, wire.ChannelSubmit} {
				if err := a.Send(at, ch, wire.MigrationID{}, progress(1, uint64(i))); err != nil {
					t.Fatal(err)
				}
				next(t, others, "a frame on "+ch.String())
			}
		}
		if a.Queued(at, wire.ChannelEvents, refOf(1).Migration) == 0 {
			t.Error("nothing is queued behind a reader that does not read")
		}
		close(gate)
	})
}

func TestFullQueueEndsTheSession(t *testing.T) {
	for _, limit := range []Config{{QueueBytes: 256 << 10}, {SessionQueueBytes: 256 << 10}} {
		onBoth(t, func(t *testing.T, m medium) {
			a, b := join(t, m, 1, limit), join(t, m, 2, Config{})
			gate := make(chan struct{})
			open := sync.OnceFunc(func() { close(gate) })
			defer open()
			b.onFrame = func(received) { <-gate }
			at, bt := dial(t, a, b)
			err := flood(a, at)
			wantIs(t, err, ErrQueueFull)
			wantIs(t, err, wire.ErrBufferFull)
			down := next(t, a.down, "the end of the session")
			wantIs(t, down.err, ErrQueueFull)
			wantIs(t, a.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(1, 1)), ErrNoSession)
			open()
			closed := (*ClosedError)(nil)
			if down := next(t, b.down, "the peer's end"); down.id != bt || !errors.As(down.err, &closed) {
				t.Fatalf("peer saw %v", down.err)
			}
			if closed.Code != CodeTooSlow || !closed.Remote {
				t.Errorf("peer saw %+v", closed)
			}
		})
	}
}

// flood sends until it fails, and fails for good after 64 MiB.
func flood(a *node, id SessionID) error {
	for range 1024 {
		if err := a.Send(id, wire.ChannelControl, wire.MigrationID{}, bulk(1, 64<<10)); err != nil {
			return err
		}
	}
	return nil
}

func TestQueuedFallsToZero(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		for i := range 16 {
			if err := a.Send(at, wire.ChannelSubmit, wire.MigrationID{}, bulk(1, 64<<10)); err != nil {
				t.Fatal(i, err)
			}
		}
		for range 16 {
			next(t, b.frames, "a frame")
		}
		eventually(t, "the queue to empty", func() bool { return a.Queued(at, wire.ChannelSubmit, wire.MigrationID{}) == 0 })
		if got := a.Queued(at, wire.ChannelEvents, wire.MigrationID{}); got != 0 {
			t.Errorf("a stream that does not exist queues %d bytes", got)
		}
		if got := a.Queued(at+1, wire.ChannelControl, wire.MigrationID{}); got != 0 {
			t.Errorf("a session that does not exist queues %d bytes", got)
		}
	})
}

// eventually polls for something that has no event of its own.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func TestCloseEventsEndsAfterWhatIsQueued(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, bt := pair(t, m, Config{Transfers: 1})
		for round := range 3 {
			for i := range uint64(50) {
				if err := a.Send(at, wire.ChannelEvents, refOf(1).Migration, progress(1, i)); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			a.CloseEvents(at, refOf(1).Migration)
			wantNumbered(t, b, bt, wire.ChannelEvents, 50)
		}
		a.CloseEvents(at, refOf(9).Migration)
	})
}

func TestEventStreamSpeaksForOneMigration(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		wantIs(t, a.Send(at, wire.ChannelEvents, refOf(2).Migration, progress(1, 1)), ErrBadStream)
		wantIs(t, a.Send(at, wire.ChannelEvents, refOf(2).Migration, nil), ErrBadStream)
		wantIs(t, a.Send(at, wire.Channel(9), refOf(1).Migration, progress(1, 1)), ErrBadStream)
		if err := a.Send(at, wire.ChannelEvents, refOf(1).Migration, progress(1, 1)); err != nil {
			t.Fatal(err)
		}
		next(t, b.frames, "the first frame")
		if err := a.Send(at, wire.ChannelEvents, refOf(1).Migration, progress(2, 2)); err != nil {
			t.Fatal(err)
		}
		wantIs(t, next(t, b.down, "the end").err, ErrBadStream)
		next(t, a.down, "the sender's end")
		if len(b.frames) != 0 {
			t.Error("a frame of the wrong migration was delivered")
		}
	})
}

func TestDisconnectTellsBothSides(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, bt := pair(t, m, Config{})
		a.Disconnect(at, "moving\nhouse")
		closed := (*ClosedError)(nil)
		down := next(t, a.down, "our end")
		if down.id != at || !errors.As(down.err, &closed) || closed.Remote || closed.Code != CodeDisconnect {
			t.Errorf("here: %v", down.err)
		}
		down = next(t, b.down, "the peer's end")
		if down.id != bt || !errors.As(down.err, &closed) || !closed.Remote || closed.Reason != "moving?house" {
			t.Errorf("there: %v", down.err)
		}
		a.Disconnect(at, "again")
		a.Disconnect(99, "unknown")
		wantIs(t, a.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(1, 1)), ErrNoSession)
		_, err := a.OpenSnapshot(context.Background(), at, refOf(1))
		wantIs(t, err, ErrNoSession)
	})
}

func TestSessionDownWaitsForTheLastFrame(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b := join(t, m, 1, Config{}), join(t, m, 2, Config{})
		inside, gate := make(chan struct{}), make(chan struct{})
		b.onFrame = func(received) { inside <- struct{}{}; <-gate }
		at, _ := dial(t, a, b)
		if err := a.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(1, 1)); err != nil {
			t.Fatal(err)
		}
		next(t, inside, "the frame")
		a.Disconnect(at, "bye")
		next(t, a.down, "our end")
		select {
		case <-b.down:
			t.Error("the session went down during a frame")
		default:
		}
		close(gate)
		next(t, b.down, "the peer's end")
	})
}

func TestCloseEndsEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, bt := pair(t, m, Config{})
		if err := a.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		select {
		case down := <-a.down:
			wantIs(t, down.err, ErrClosed)
		default:
			t.Error("Close returned before SessionDown")
		}
		down := next(t, b.down, "the peer's end")
		closed := (*ClosedError)(nil)
		if down.id != bt || !errors.As(down.err, &closed) || closed.Code != CodeShutdown || !closed.Remote {
			t.Errorf("peer saw %v", down.err)
		}
		wantIs(t, a.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(1, 1)), ErrNoSession)
		wantIs(t, tryDial(t, a, b.id, b.Addrs()...), ErrClosed)
		if err := a.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

func TestUnknownCallerIsToldWhatToDo(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		var mu sync.Mutex
		known := false
		a := join(t, m, 1, Config{})
		b := join(t, m, 2, Config{Authorize: func(crypto.NodeID) (wire.Rights, bool) {
			mu.Lock()
			defer mu.Unlock()
			return wire.RightSubmit, known
		}})
		for range 2 {
			err := tryDial(t, a, b.id, append(b.Addrs(), "127.0.0.1:1")...)
			wantIs(t, err, ErrNotAuthorized)
			if !bytes.Contains([]byte(err.Error()), []byte("peer key authorize 'ssh-ed25519 AAAA")) {
				t.Errorf("the text does not help: %v", err)
			}
		}
		pending := b.Pending()
		if len(pending) != 1 || pending[0].Node != a.id || pending[0].Attempts != 2 || pending[0].Remote == "" {
			t.Fatalf("pending callers are %+v", pending)
		}
		mu.Lock()
		known = true
		mu.Unlock()
		ctx := context.Background()
		if _, err := a.Dial(ctx, b.id, b.Addrs()); err != nil {
			t.Fatalf("after authorization: %v", err)
		}
		if s := next(t, b.up, "the session"); s.Rights != wire.RightSubmit {
			t.Errorf("rights are %v", s.Rights)
		}
		if len(b.Pending()) != 0 {
			t.Error("an authorized caller is still pending")
		}
	})
}

func TestWrongNodeAtTheAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b := join(t, m, 1, Config{}), join(t, m, 2, Config{})
		other := keyOf(t, 3).ID()
		err := tryDial(t, a, other, b.Addrs()...)
		wrong := (*WrongNodeError)(nil)
		if !errors.As(err, &wrong) || wrong.Want != other || wrong.Got != b.id {
			t.Errorf("got %v", err)
		}
		wantIs(t, err, wire.ErrWrongPeer)
		if len(b.up)+len(a.up) != 0 {
			t.Error("a session came up")
		}
	})
}

func TestDialTriesAddressesInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, c := join(t, m, 1, Config{}), join(t, m, 2, Config{}), join(t, m, 3, Config{})
		addrs := append(append([]string{"nowhere"}, c.Addrs()...), b.Addrs()...)
		if err := tryDial(t, a, b.id, addrs...); err != nil {
			t.Fatalf("dial: %v", err)
		}
		err := tryDial(t, a, b.id, addrs[:2]...)
		wantIs(t, err, ErrUnreachable)
		wantIs(t, err, wire.ErrWrongPeer)
		wantIs(t, tryDial(t, a, b.id), ErrUnreachable)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = a.Dial(ctx, b.id, b.Addrs())
		wantIs(t, err, context.Canceled)
	})
}

func TestSessionsPerNodeAreCapped(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b := join(t, m, 1, Config{}), join(t, m, 2, Config{SessionsPerNode: 2})
		at, _ := dial(t, a, b)
		dial(t, a, b)
		wantIs(t, tryDial(t, a, b.id, b.Addrs()...), ErrRefused)
		dial(t, b, a) // what we open ourselves does not count
		a.Disconnect(at, "making room")
		next(t, b.down, "the end of one")
		dial(t, a, b)
	})
}

func TestManySessionsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		seed := rand.Uint64()
		hub := join(t, m, 1, Config{HandshakeRate: 1000})
		var running sync.WaitGroup
		for number := range byte(12) {
			peer := join(t, m, number+2, Config{})
			random := rand.New(rand.NewPCG(seed, uint64(number)))
			running.Go(func() { hammer(t, peer, hub, random) })
		}
		running.Wait()
		for range 12 {
			next(t, hub.down, "the end of a session")
		}
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
}

// hammer talks to hub over every sort of stream from several goroutines, and
// hangs up in the middle.
func hammer(t *testing.T, peer, hub *node, random *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	id, err := peer.Dial(ctx, hub.id, hub.Addrs())
	if err != nil {
		t.Errorf("dial: %v", err)
		return
	}
	stopAt := random.IntN(200)
	var talking sync.WaitGroup
	for mig := range byte(4) {
		talking.Go(func() {
			for i := range 200 {
				if i == stopAt && mig == 0 {
					peer.Disconnect(id, "enough")
				}
				ch := wire.Channel(i%3) + wire.ChannelControl
				_ = peer.Send(id, ch, refOf(mig).Migration, progress(mig, uint64(i)))
				_ = peer.Queued(id, ch, refOf(mig).Migration)
			}
			peer.CloseEvents(id, refOf(mig).Migration)
		})
		talking.Go(func() {
			w, err := peer.OpenSnapshot(ctx, id, refOf(mig))
			if err != nil {
				return
			}
			if _, err := w.Write(make([]byte, 100<<10)); err == nil {
				_ = w.Close()
			}
			w.Cancel(nil)
		})
	}
	talking.Wait()
}
