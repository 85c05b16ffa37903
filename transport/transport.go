package transport

import (
	"context"
	"io"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// SessionID names one session of one Network. Numbers start at 1, grow, and
// are never reused while the process lives.
type SessionID uint64

// Session describes a live connection to an authenticated peer. It is a value:
// what it says was true when the session came up and does not change.
type Session struct {
	ID      SessionID
	Peer    crypto.NodeID // proven in this session's own handshake
	Rights  wire.Rights   // what the peer may do here; none if it was dialed and is not listed
	Inbound bool          // the peer dialed
	Remote  string        // the peer's address, for people
}

// Receiver is told what arrives. Its methods are called from the goroutines of
// the network: calls for one stream come in order, calls for different streams
// overlap. None of them may call Network.Close, which waits for them.
type Receiver interface {
	// SessionUp comes before anything else of that session.
	SessionUp(s Session)
	// SessionDown comes exactly once per SessionUp, after the last call of
	// Frame and Snapshot has returned. err is never nil and says who ended the
	// session and why.
	SessionDown(id SessionID, err error)
	// Frame delivers one frame. The body belongs to the receiver. Blocking
	// here is backpressure on that stream alone; it also delays SessionDown.
	Frame(id SessionID, ch wire.Channel, h wire.Header, body []byte)
	// Snapshot delivers an incoming snapshot stream with the framing taken
	// off. It must not block: the receiver hands r to a goroutine of its own
	// and closes it whatever happens. Reads yield the data in order; io.EOF
	// comes only after the last chunk, an error matching io.ErrUnexpectedEOF
	// if the stream was cut, one matching wire.ErrBadSnapshot if the framing
	// is wrong. r outlives the session only to report that error.
	Snapshot(id SessionID, ref wire.Ref, r SnapshotReader)
}

// Network is one node's attachment to its peers. All methods are safe for
// concurrent use, and all but Dial, OpenSnapshot and Close return at once.
type Network interface {
	// Dial opens a session to peer at the first address that answers with
	// that identity. SessionUp has been delivered when it returns. The error
	// matches ErrUnreachable, ErrTimeout, ErrRefused or ErrNotAuthorized, or
	// is a *WrongNodeError; where every address failed it holds one each.
	Dial(ctx context.Context, peer crypto.NodeID, addrs []string) (SessionID, error)
	// Send queues one whole frame, header included, and takes ownership of
	// it. mig is read for wire.ChannelEvents only; the first frame of a migration
	// opens its stream and must start with the migration's Ref. Send never
	// blocks: a full queue returns ErrQueueFull and ends the session, because
	// a peer that is too slow to read must not hold our memory.
	Send(id SessionID, ch wire.Channel, mig wire.MigrationID, frame []byte) error
	// CloseEvents ends the event stream of a migration after what is queued.
	// A later Send for the same migration opens a new stream.
	CloseEvents(id SessionID, mig wire.MigrationID)
	// OpenSnapshot opens a snapshot stream, waiting while as many as the peer
	// admits are running. When ctx ends before Close, the stream is reset.
	OpenSnapshot(ctx context.Context, id SessionID, ref wire.Ref) (SnapshotWriter, error)
	// Addrs returns the addresses a peer may dial, best first.
	Addrs() []string
	// Pending returns the most recent callers that were turned away because
	// nobody has authorized them, newest first.
	Pending() []Pending
	// Close ends every session and waits until no goroutine of the network
	// is left, hence until every call into the Receiver has returned.
	Close() error
}

// SnapshotWriter frames what is written to it into SnapshotReady frames. It is
// used by one goroutine, except that Cancel may be called at any time.
type SnapshotWriter interface {
	// Write blocks while the peer does not read. Bytes may be held back to
	// fill a chunk until Close.
	io.Writer
	// Start says that the first byte to be written is the one at offset, in bytes of the snapshot. It is called
	// before the first Write, or not at all for 0.
	Start(offset uint64)
	// Close sends the last chunk and ends the stream. The peer may still be
	// reading when it returns.
	Close() error
	// Cancel resets the stream: the reader is told that it was cut. It does
	// nothing after Close.
	Cancel(err error)
}

// SnapshotReader is an incoming snapshot stream without its framing. Read is for one goroutine; Close may come from
// another and ends a Read that waits.
type SnapshotReader interface {
	io.ReadCloser
	// Start says at which offset the first byte must be, in bytes of the snapshot: a stream that begins elsewhere matches
	// wire.ErrBadSnapshot. It is called before the first Read, or not at all for 0.
	Start(offset uint64)
}

// Pending is an unknown caller, kept so that an operator can approve it.
type Pending struct {
	Node     crypto.NodeID
	Remote   string    // the address of its last attempt
	First    time.Time // first attempt since the entry was made
	Last     time.Time // latest attempt
	Attempts int       // attempts since First
}
