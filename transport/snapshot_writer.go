package transport

import (
	"context"
	"sync"

	"github.com/ferrymesh/ferry/wire"
)

// chunkLen is the data of a full SnapshotReady frame of ours, in bytes.
const chunkLen = 32 << 10

// snapshotWriter cuts what is written into SnapshotReady frames. It holds two
// pooled buffers while it is open and allocates nothing per chunk.
type snapshotWriter struct {
	s   *session
	out sendStream

	// Used by the writing goroutine only.
	msg   wire.SnapshotReady // reused: its Data aliases held or the caller's slice
	held  *[]byte            // bytes of a chunk that is not full yet
	n     int                // how many
	frame *[]byte            // the encoded frame

	mu     sync.Mutex
	stop   func() bool // ends the watch over the context that opened the stream
	closed bool        // Close or Cancel has run
	err    error       // why writing is over, once it is
}

// openSnapshot opens the stream and returns its writer.
func (s *session) openSnapshot(ctx context.Context, ref wire.Ref) (*snapshotWriter, error) {
	opening, cancel := s.whileUp(ctx)
	defer cancel()
	out, err := s.open(opening, s.snapshots, StreamHeader{Channel: wire.ChannelSnapshot, Ref: ref})
	// Both contexts end the wait; which of them did decides what is said.
	switch {
	case err == nil:
	case s.ctx.Err() != nil:
		return nil, ErrNoSession
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	default:
		return nil, s.mux.cause(err)
	}
	w := &snapshotWriter{
		s: s, out: out,
		msg:   wire.SnapshotReady{Ref: ref},
		held:  s.net.buffers.get(bufferLen),
		frame: s.net.buffers.get(bufferLen),
	}
	// Under the lock, because the function may run before stop is set.
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop = context.AfterFunc(ctx, func() { w.Cancel(context.Cause(ctx)) })
	return w, nil
}

// Start implements SnapshotWriter.
func (w *snapshotWriter) Start(offset uint64) { w.msg.Offset = offset }

// Write implements io.Writer.
func (w *snapshotWriter) Write(p []byte) (int, error) {
	if err := w.failure(); err != nil {
		return 0, err
	}
	written := len(p)
	for w.n+len(p) >= chunkLen {
		var chunk []byte
		chunk, p = w.chunk(p)
		if err := w.send(chunk, false); err != nil {
			return written - len(p), err
		}
	}
	w.n += copy((*w.held)[w.n:], p)
	return written, nil
}

// chunk takes the next full chunk off the held bytes and p. It is p's own
// memory if nothing is held, so that large writes are copied once, not twice.
func (w *snapshotWriter) chunk(p []byte) (chunk, rest []byte) {
	if w.n == 0 {
		return p[:chunkLen], p[chunkLen:]
	}
	taken := copy((*w.held)[w.n:chunkLen], p)
	w.n = 0
	return (*w.held)[:chunkLen], p[taken:]
}

// send writes one frame.
func (w *snapshotWriter) send(data []byte, last bool) error {
	w.msg.Data, w.msg.Last = data, last
	frame := wire.AppendFrame((*w.frame)[:0], &w.msg)
	w.msg.Data = nil // it may be the caller's
	w.msg.Offset += uint64(len(data))
	if _, err := w.out.Write(frame); err != nil {
		return w.fail(err)
	}
	return nil
}

// Close implements SnapshotWriter.
func (w *snapshotWriter) Close() error {
	err := w.failure()
	if err == nil {
		err = w.send((*w.held)[:w.n], true)
	}
	// A Cancel may have come in between; then its reason is the result.
	if !w.over() {
		return w.failure()
	}
	if err == nil {
		err = w.out.Close()
	} else {
		w.out.reset()
	}
	w.s.net.buffers.put(w.held)
	w.s.net.buffers.put(w.frame)
	return err
}

// Cancel implements SnapshotWriter. It leaves the buffers to the collector,
// because a Write may be using them.
func (w *snapshotWriter) Cancel(err error) {
	if !w.over() {
		return
	}
	w.mu.Lock()
	if w.err == nil {
		w.err = cutBy(err)
	}
	w.mu.Unlock()
	w.out.reset()
}

// over marks the stream as ended and gives its slot back. It reports false if
// that has happened before.
func (w *snapshotWriter) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.closed = true
	w.stop()
	<-w.s.snapshots
	return true
}

// fail records why writing is over; the first reason stands.
func (w *snapshotWriter) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = cutBy(w.s.mux.cause(err))
	}
	return w.err
}

// failure returns why writing is over, if it is.
func (w *snapshotWriter) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed && w.err == nil {
		return errWriterClosed
	}
	return w.err
}
