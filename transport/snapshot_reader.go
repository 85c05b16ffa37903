package transport

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/ferrymesh/ferry/wire"
)

// errWriterClosed is returned for writes after Close.
var errWriterClosed = errors.New("transport: snapshot stream is closed")

// cutBy says that a snapshot stream was cut and why. It matches ErrCut,
// io.ErrUnexpectedEOF and the reason.
func cutBy(reason error) error {
	if reason == nil || errors.Is(reason, io.EOF) {
		return fmt.Errorf("%w: %w", ErrCut, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("%w: %w (%w)", ErrCut, reason, io.ErrUnexpectedEOF)
}

// badSnapshot says what is wrong with the framing of a snapshot stream.
func badSnapshot(what string) error {
	return fmt.Errorf("%w: %s", wire.ErrBadSnapshot, what)
}

// snapshotReader takes the framing off a snapshot stream. One pooled buffer
// holds the frame at hand. Read is for one goroutine; Close may come from
// another.
type snapshotReader struct {
	s   *session
	ref wire.Ref
	src recvStream

	// Used by the reading goroutine only.
	header [headerLen]byte
	frame  *[]byte // the body at hand; nil between frames without data and at the end
	data   []byte  // what of it has not been read
	offset uint64  // of the next frame
	last   bool    // the last frame has been received
	err    error   // sticky

	closed atomic.Bool
}

func newSnapshotReader(s *session, ref wire.Ref, src recvStream) *snapshotReader {
	return &snapshotReader{s: s, ref: ref, src: src}
}

// Start implements SnapshotReader.
func (r *snapshotReader) Start(offset uint64) { r.offset = offset }

// Read implements io.Reader.
func (r *snapshotReader) Read(p []byte) (int, error) {
	for len(r.data) == 0 && r.err == nil {
		r.err = r.next()
	}
	if r.err != nil {
		r.giveBack()
		return 0, r.err
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// Close ends the stream; the writer is told to stop if it has not finished.
func (r *snapshotReader) Close() error {
	r.closed.Store(true)
	r.src.refuse()
	return nil
}

// next reads one frame, or finds the end of the stream after the last one.
func (r *snapshotReader) next() error {
	if r.last {
		return r.finish()
	}
	// The three reads go straight to the stream: a buffer in between would copy
	// every byte once more.
	if _, err := io.ReadFull(r.src, r.header[:]); err != nil {
		return r.cut(err)
	}
	h, err := wire.ParseHeader(r.header[:])
	if err != nil {
		return r.bad("a frame header is malformed")
	}
	if h.Type != wire.TypeSnapshotReady {
		return r.bad("a frame of type " + h.Type.String())
	}
	body, err := r.body(h.Length)
	if err != nil {
		return r.cut(err)
	}
	return r.accept(h, body)
}

// body reads n bytes into the buffer, which grows only as they arrive.
func (r *snapshotReader) body(n int) ([]byte, error) {
	// Taken with the first frame and kept for all of them.
	if r.frame == nil {
		r.frame = r.s.net.buffers.get(min(n, bufferLen))
	}
	buf, read := *r.frame, 0
	for {
		got, err := io.ReadFull(r.src, buf[read:min(n, len(buf))])
		read += got
		if err != nil || read == n {
			*r.frame = buf
			return buf[:read], err
		}
		buf = slices.Grow(buf, min(n-read, read))
		buf = buf[:cap(buf)]
	}
}

// accept checks one frame and makes its data available.
func (r *snapshotReader) accept(h wire.Header, body []byte) error {
	m, err := wire.Decode(h, body)
	if err != nil {
		return r.bad("a frame is malformed")
	}
	// The type was checked before the body was read. Order matters: a chunk of
	// another migration is called that, whatever its offset.
	chunk := m.(*wire.SnapshotReady)
	switch {
	case chunk.Ref != r.ref:
		return r.bad("a chunk of another migration")
	case chunk.Offset != r.offset:
		return r.bad(fmt.Sprintf("a chunk at offset %d instead of %d", chunk.Offset, r.offset))
	case len(chunk.Data) == 0 && !chunk.Last:
		// It would let a peer keep the reader busy without ever advancing.
		return r.bad("an empty chunk before the last")
	}
	if err := r.s.net.inspect(r.s.info.Peer, wire.ChannelSnapshot, h, body); err != nil {
		r.s.broken(err)
		return r.cut(err)
	}
	r.data, r.last = chunk.Data, chunk.Last
	r.offset += uint64(len(chunk.Data))
	return nil
}

// finish expects nothing more after the last frame.
func (r *snapshotReader) finish() error {
	_, err := io.ReadFull(r.src, r.header[:1])
	switch {
	case err == nil:
		return r.bad("bytes after the last chunk")
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return r.cut(err)
}

// bad refuses the rest of a stream whose framing is wrong.
func (r *snapshotReader) bad(what string) error {
	r.src.refuse()
	return badSnapshot(what)
}

// cut explains a failed read.
func (r *snapshotReader) cut(err error) error {
	// Our own Close is not a fault of the stream.
	if r.closed.Load() {
		return io.ErrClosedPipe
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return cutBy(r.s.mux.cause(err))
	}
	return cutBy(nil)
}

// giveBack returns the buffer once nothing refers to it any more.
func (r *snapshotReader) giveBack() {
	if r.frame != nil {
		r.s.net.buffers.put(r.frame)
		r.frame, r.data = nil, nil
	}
}
