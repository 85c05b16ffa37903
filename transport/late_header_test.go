package transport

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/wire"
)

// TestLateHeaderCostsItsStreamAlone: a stream opens all those that were to be opened before it, and the header of one of them can wait
// behind other traffic for as long as that takes. Such a stream is refused, so that nobody holds its place, and the session goes on.
func TestLateHeaderCostsItsStreamAlone(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{HandshakeTimeout: time.Second, Transfers: 1})
	conn, control, _ := rawHello(t, b, stranger(t, b))
	late, err1 := conn.OpenUniStream()
	prompt, err2 := conn.OpenUniStream()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	events := AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelEvents, Ref: refOf(1)})
	_, _ = prompt.Write(append(events, progress(1, 1)...))
	next(t, b.frames, "a frame of the stream that has begun")
	next(t, late.Context().Done(), "the end of the one that has not")
	refused := (*quic.StreamError)(nil)
	if cause := context.Cause(late.Context()); !errors.As(cause, &refused) || !refused.Remote {
		t.Fatalf("it ended with %v", cause)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	other, err := conn.OpenUniStreamSync(ctx)
	if err != nil {
		t.Fatalf("another one in its place: %v", err)
	}
	_, _ = other.Write(AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelSnapshot, Ref: refOf(2)}))
	if err := next(t, b.snapshots, "a stream in its place").r.Close(); err != nil {
		t.Error(err)
	}
	_, _ = control.Write(progress(1, 9))
	if got := numberIn(t, next(t, b.frames, "a frame of the session")); got != 9 || len(b.down) > 0 {
		t.Errorf("frame %d, and the session has ended: %v", got, len(b.down) > 0)
	}
}

// TestRefusedEventsEndTheSession: frames on a stream that the reader has refused are lost. Whoever has sent them learns it at once,
// by the end of the session, and not when there is more to send (package transport: whole and in order, or the session ends).
func TestRefusedEventsEndTheSession(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{})
	conn, control, _ := rawHello(t, b, stranger(t, b))
	_, _ = control.Write(progress(1, 1))
	id := next(t, b.frames, "a frame, which says what the session is called").id
	if err := b.Send(id, wire.ChannelEvents, refOf(1).Migration, progress(1, 2)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events, err := conn.AcceptUniStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	events.CancelRead(1)
	wantIs(t, next(t, b.down, "the end of the session").err, wire.ErrBadFrame)
}
