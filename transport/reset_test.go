package transport

import (
	"context"
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// TestSnapshotGivenUpAtOnce: a reset drops what is still on its way, and that can be the header of a snapshot
// that was given up as soon as it was opened. It ends this stream, and no other one of the session.
func TestSnapshotGivenUpAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		for i := range uint64(50) {
			w, err := a.OpenSnapshot(context.Background(), at, refOf(1))
			if err != nil {
				t.Fatal(err)
			}
			w.Cancel(context.Canceled)
			if err := a.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(1, i)); err != nil {
				t.Fatal(err)
			}
			next(t, b.frames, "a frame of the session")
		}
		if len(a.down)+len(b.down) > 0 {
			t.Error("the session has ended")
		}
	})
}

// TestResetBeforeTheHeader: the same with a header that comes in part or not at all, from the wire's side.
func TestResetBeforeTheHeader(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{})
	conn, control, _ := rawHello(t, b, stranger(t, b))
	for _, sent := range []int{0, 1, 5} {
		st, err := conn.OpenUniStream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Write(AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelSnapshot, Ref: refOf(1)})[:sent]); err != nil {
			t.Fatal(err)
		}
		st.CancelWrite(7)
	}
	if _, err := control.Write(progress(1, 9)); err != nil {
		t.Fatal(err)
	}
	if got := numberIn(t, next(t, b.frames, "a frame of the session")); got != 9 || len(b.down) > 0 {
		t.Errorf("frame %d, and the session has ended: %v", got, len(b.down) > 0)
	}
}
