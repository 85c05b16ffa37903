package transport

import (
	"bufio"
	"errors"
	"io"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/wire"
)

const (
	// readerLen is the read buffer of a control or submit stream, which lives
	// as long as the session; frames there are small.
	readerLen = 4 << 10
	// eventsReaderLen is the read buffer of an event stream.
	eventsReaderLen = 16 << 10
	// headerLen is the length of a frame header.
	headerLen = 6
	// firstBody is the most that is allocated for a body before any of it has
	// arrived. Beyond it the peer must have sent half of what we hold.
	firstBody = 32 << 10
)

// An inbox is the receiving side of one stream that carries frames for the
// Receiver. Owned by one goroutine.
type inbox struct {
	s    *session
	head StreamHeader
	r    *bufio.Reader
}

func newInbox(s *session, head StreamHeader, src recvStream) *inbox {
	size := readerLen
	if head.Channel == wire.ChannelEvents {
		size = eventsReaderLen
	}
	return &inbox{s: s, head: head, r: bufio.NewReaderSize(src, size)}
}

// run delivers frames until the stream ends. It returns nil only if the stream
// was finished between two frames.
func (in *inbox) run() error {
	for {
		h, body, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := in.check(h, body); err != nil {
			return err
		}
		in.s.net.receiver.Frame(in.s.info.ID, in.head.Channel, h, body)
	}
}

// next reads one frame. Its body is a fresh slice, because it is given away;
// that of an unknown subprotocol is dropped here and comes out empty.
func (in *inbox) next() (wire.Header, []byte, error) {
	// Peek looks at the header in place: no buffer of its own, no copy.
	b, err := in.r.Peek(headerLen)
	if err != nil {
		return wire.Header{}, nil, midFrame(err, len(b))
	}
	h, err := wire.ParseHeader(b)
	if err != nil {
		return h, nil, err
	}
	if _, err := in.r.Discard(headerLen); err != nil {
		return h, nil, err
	}
	if !h.Subprotocol().Known() {
		_, err := in.r.Discard(h.Length)
		return h, nil, midFrame(err, 1)
	}
	body, err := in.body(h.Length)
	return h, body, err
}

// body reads n bytes. While it waits for them, the peer's account is charged
// with all of them: a peer cannot make us hold many half-sent frames.
func (in *inbox) body(n int) ([]byte, error) {
	// A frame that is here already cannot be half-sent; most small ones are.
	if n > in.r.Buffered() {
		if !in.s.guest.charge(n) {
			return nil, errAssembly
		}
		defer in.s.guest.charge(-n)
	}
	// Frames up to firstBody, which is nearly all, take one allocation of the
	// exact size.
	body := make([]byte, min(n, firstBody))
	read := 0
	for {
		got, err := io.ReadFull(in.r, body[read:])
		read += got
		if err != nil {
			return nil, midFrame(err, 1)
		}
		if read == n {
			return body, nil
		}
		// Doubling: what is allocated is at most twice what has arrived.
		body = append(body, make([]byte, min(n-read, read))...)
	}
}

// check holds a migration frame on an event stream to the stream's own Ref: a
// stream speaks for one migration.
func (in *inbox) check(h wire.Header, body []byte) error {
	if in.head.Channel == wire.ChannelEvents && h.Subprotocol() == wire.SubMigration {
		c := codec.NewCursor(body)
		if ref := wire.DecodeRef(&c); c.Err() != nil || ref != in.head.Ref {
			return errForeignRef
		}
	}
	return in.s.net.inspect(in.s.info.Peer, in.head.Channel, h, body)
}

// midFrame turns the end of the stream into what it is once part of a frame has
// been read.
func midFrame(err error, read int) error {
	if read > 0 && errors.Is(err, io.EOF) {
		return errHalfFrame
	}
	return err
}
