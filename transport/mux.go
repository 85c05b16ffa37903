package transport

import (
	"context"
	"io"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// A mux is one authenticated connection that carries streams. QUIC and the Hub
// each provide one; everything above it, which is all that callers can
// observe, is shared by both, and so the Hub cannot drift from the real thing.
type mux interface {
	peer() crypto.NodeID
	remote() string
	// openPair opens a bidirectional stream; the dialer calls it twice.
	openPair() (stream, error)
	acceptPair(ctx context.Context) (stream, error)
	// openOne opens a unidirectional stream and waits for the peer's leave.
	openOne(ctx context.Context) (sendStream, error)
	acceptOne(ctx context.Context) (recvStream, error)
	// shut ends the connection; every stream and call on it then fails. Only
	// the first call counts, and none if the peer was faster.
	shut(code Code, reason string)
	// done is closed when the connection has ended, for whatever reason.
	done() <-chan struct{}
	// cause translates an error of the mux or one of its streams into one of
	// this package; with nil it says why the connection has ended.
	cause(err error) error
	// cut reports whether a read has failed because the peer has reset the stream.
	cut(err error) bool
}

// A sendStream is written to by one goroutine at a time.
type sendStream interface {
	io.Writer
	// Close ends the stream after what was written.
	Close() error
	// reset ends the stream at once; the reader learns that it is cut.
	reset()
	// prioritize orders the streams of a connection: lower goes first.
	prioritize(urgency int8)
	// over is closed when the stream has ended, also by the reader's refusal.
	// It is nil if a refusal is always the end of the session.
	over() <-chan struct{}
}

// A recvStream is read by one goroutine.
type recvStream interface {
	io.Reader
	// refuse tells the writer to stop. It unblocks Read.
	refuse()
}

// A stream is both directions of one.
type stream interface {
	sendStream
	recvStream
}

// Urgencies of the channels. A connection that has more to send than it
// may sends control frames first and snapshot chunks last.
const (
	urgencyControl  = 0
	urgencySubmit   = 1
	urgencyEvents   = 2
	urgencySnapshot = 4
)

// urgencyOf returns the urgency of a unidirectional stream.
func urgencyOf(ch wire.Channel) int8 {
	if ch == wire.ChannelEvents {
		return urgencyEvents
	}
	return urgencySnapshot
}
