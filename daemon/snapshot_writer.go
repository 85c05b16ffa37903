package daemon

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/wire"
)

// trailerSize is the length of what follows the last chunk: the end mark, the
// total and the digest.
const trailerSize = 1 + 8 + sha256.Size

// WriteTo streams the snapshot to w and returns how many bytes w took. At most
// one chunk is in memory. It may be called any number of times and writes
// identical bytes each time, while the host goes on; except that a snapshot
// that was read can be passed on only once, for its state is gone then
// (ErrConsumed). An error of w is returned wrapped, and so is one of the
// daemon's view, or its panic, together with wire.ErrStateFailed; what w has
// got by then will not restore.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) {
	if err := s.begin(); err != nil {
		return 0, fmt.Errorf("daemon: write snapshot: %w", err)
	}
	defer s.end()
	out := newSink(w)
	s.header.write(out)
	state := &chunker{out: out, proceed: s.open}
	if err := s.writeState(state); err != nil && out.err == nil {
		// Without this the trailer would vouch for half a state.
		out.err = err
	}
	state.end()
	out.trailer()
	if out.err != nil {
		return out.taken.n, fmt.Errorf("daemon: write snapshot: %w", out.err)
	}
	return out.taken.n, nil
}

// writeState runs the view, which is the daemon's code unless it was read.
func (s *Snapshot) writeState(w *chunker) (err error) {
	if w.out.err != nil {
		return w.out.err
	}
	if s.state != nil {
		_, err = s.state.WriteTo(w)
		return err
	}
	return writeView(s.view, w)
}

// writeView runs the daemon's code. What it returns because w has failed is not
// its own failure: then nobody reads it, since w's error came first.
func writeView(view io.WriterTo, w io.Writer) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %w", wire.ErrStateFailed, err)
		}
	}()
	defer recovered("WriteTo", &err)
	_, err = view.WriteTo(w)
	return err
}

// sink writes a snapshot: it buffers small pieces, counts, and hashes
// everything. Its error sticks, and nothing is written after it.
type sink struct {
	taken *counter
	w     *bufio.Writer
	sum   hash.Hash      // of all bytes
	check *xxhash.Digest // of the header
	n     uint64         // bytes given to w
	err   error
}

// newSink returns a sink that has written nothing yet.
func newSink(w io.Writer) *sink {
	taken := &counter{w: w}
	return &sink{taken: taken, w: bufio.NewWriter(taken), sum: sha256.New(), check: xxhash.New()}
}

// Write implements io.Writer for the passport.
func (s *sink) Write(p []byte) (int, error) {
	s.write(p)
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// write adds p to the header.
func (s *sink) write(p []byte) {
	_, _ = s.check.Write(p)
	s.add(p)
}

// add adds p without the header's checksum.
func (s *sink) add(p []byte) {
	if s.err != nil {
		return
	}
	_, _ = s.sum.Write(p)
	s.n += uint64(len(p))
	_, s.err = s.w.Write(p)
}

// trailer ends the stream and flushes it, unless it has failed.
func (s *sink) trailer() {
	s.add([]byte{0})
	s.add(codec.AppendUint64(nil, s.n))
	s.add(s.sum.Sum(nil))
	if s.err == nil {
		s.err = s.w.Flush()
	}
}

// counter counts the bytes that a writer really took.
type counter struct {
	w io.Writer
	n int64
}

// Write passes p on.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// chunker cuts what a view writes into chunks of exactly wire.MaxChunk bytes,
// and a last one of what is left. Where the view cuts its own writes makes no
// difference, so one state has one encoding.
type chunker struct {
	out     *sink
	proceed func() error // asked before each chunk
	partial []byte       // less than a chunk
	ended   bool
}

// Write takes bytes of the state. Whole chunks are not copied.
func (c *chunker) Write(p []byte) (int, error) {
	if c.ended {
		return 0, ErrClosed
	}
	taken := len(p)
	for len(c.partial)+len(p) >= wire.MaxChunk && c.out.err == nil {
		if len(c.partial) == 0 {
			c.chunk(p[:wire.MaxChunk])
			p = p[wire.MaxChunk:]
			continue
		}
		room := wire.MaxChunk - len(c.partial)
		c.partial = append(c.partial, p[:room]...)
		c.chunk(c.partial)
		c.partial, p = c.partial[:0], p[room:]
	}
	if c.out.err != nil {
		return 0, c.out.err
	}
	c.partial = append(c.partial, p...)
	return taken, nil
}

// chunk writes one chunk: length, checksum, bytes.
func (c *chunker) chunk(data []byte) {
	if err := c.proceed(); err != nil && c.out.err == nil {
		c.out.err = err
	}
	b := codec.AppendUvarint(make([]byte, 0, codec.MaxUvarintLen+8), uint64(len(data)))
	c.out.add(codec.AppendUint64(b, xxhash.Sum64(data)))
	c.out.add(data)
}

// end writes what is left and refuses all later writes.
func (c *chunker) end() {
	if len(c.partial) > 0 {
		c.chunk(c.partial)
	}
	c.ended, c.partial = true, nil
}

// chunkedLen returns the encoded length of a state of n bytes, without the
// end mark.
func chunkedLen(n int64) int64 {
	full, rest := n/wire.MaxChunk, n%wire.MaxChunk
	size := n + full*int64(codec.UvarintLen(wire.MaxChunk)+8)
	if rest > 0 {
		size += int64(codec.UvarintLen(uint64(rest)) + 8)
	}
	return size
}
