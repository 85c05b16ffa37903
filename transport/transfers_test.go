package transport

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

func TestEventStreamsBeyondTheLimitWait(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, bt := pair(t, m, Config{})
		const migrations, limit = 150, 64
		for mig := range byte(migrations) {
			if err := a.Send(at, wire.ChannelEvents, refOf(mig).Migration, progress(mig, uint64(mig))); err != nil {
				t.Fatal(err)
			}
		}
		var seen []uint64
		collect := func(n int) {
			for range n {
				seen = append(seen, numberIn(t, next(t, b.frames, "a frame")))
			}
		}
		collect(limit)
		// Control is not held up by the streams that wait.
		sendNumbered(t, a, at, wire.ChannelControl, 1)
		wantNumbered(t, b, bt, wire.ChannelControl, 1)
		if a.Queued(at, wire.ChannelEvents, refOf(0).Migration)+a.Queued(at, wire.ChannelEvents, refOf(migrations-1).Migration) == 0 &&
			len(seen) == migrations {
			t.Error("more streams ran at once than the limit allows")
		}
		for mig := range byte(migrations) {
			a.CloseEvents(at, refOf(mig).Migration)
		}
		collect(migrations - limit)
		slices.Sort(seen)
		for i, got := range seen {
			if got != uint64(i) {
				t.Fatalf("migration %d is missing", i)
			}
		}
	})
}

func TestSnapshotsBeyondTheLimitWait(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{Transfers: 2})
		first, r := openSnapshot(t, a, b, at, refOf(1))
		openSnapshot(t, a, b, at, refOf(2))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := a.OpenSnapshot(ctx, at, refOf(3))
		wantIs(t, err, context.DeadlineExceeded)
		opened := make(chan error, 1)
		go func() {
			w, err := a.OpenSnapshot(context.Background(), at, refOf(4))
			if err == nil {
				err = w.Close()
			}
			opened <- err
		}()
		// Snapshots that wait do not keep event streams from opening.
		sendNumbered(t, a, at, wire.ChannelEvents, 1)
		wantNumbered(t, b, 1, wire.ChannelEvents, 1)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if err := next(t, opened, "the stream that waited"); err != nil {
			t.Errorf("the stream that waited: %v", err)
		}
		if got := next(t, b.snapshots, "the third snapshot"); got.ref != refOf(4) {
			t.Errorf("got %v", got.ref)
		} else {
			_ = got.r.Close()
		}
	})
}

func TestWaitingSnapshotLearnsThatTheSessionEnded(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{Transfers: 1})
		openSnapshot(t, a, b, at, refOf(1))
		opened := make(chan error, 1)
		go func() {
			_, err := a.OpenSnapshot(context.Background(), at, refOf(2))
			opened <- err
		}()
		a.Disconnect(at, "bye")
		wantIs(t, next(t, opened, "the stream that waited"), ErrNoSession)
	})
}

// TestStalledStreamsLeaveRoom fills every event stream of a session with more
// than its reader takes, and sees that control still moves.
func TestStalledStreamsLeaveRoom(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b := join(t, m, 1, Config{}), join(t, m, 2, Config{})
		gate := make(chan struct{})
		control := make(chan received, 16)
		b.onFrame = func(f received) {
			if f.ch == wire.ChannelEvents {
				<-gate
				return
			}
			control <- f
		}
		at, _ := dial(t, a, b)
		for mig := range byte(64) {
			for range 2 {
				if err := a.Send(at, wire.ChannelEvents, refOf(mig).Migration, bulk(mig, 96<<10)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range uint64(10) {
			if err := a.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(1, i)); err != nil {
				t.Fatal(err)
			}
			next(t, control, "a control frame")
		}
		close(gate)
	})
}
