package daemon

import (
	"bytes"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/wire"
)

// ReadSnapshot reads the header of a snapshot from r and verifies it. The
// state stays in r, which must stay readable until Restore has read it to its
// end, the end of the stream: bytes after the trailer are an error.
//
// Nothing is allocated on the word of the stream: memory grows with what has
// arrived, to about 70 MiB for the largest passport and producer table that
// can be. Errors match wire.ErrBadSnapshot, together with wire.ErrVersion for
// another version and io.ErrUnexpectedEOF for a cut stream; those of r itself
// are wrapped as they are.
func ReadSnapshot(r io.Reader) (*Snapshot, error) {
	src := newSource(r)
	s := new(Snapshot)
	table, err := s.header.read(src)
	if err != nil {
		return nil, err
	}
	src.check = nil
	s.table = table
	s.state = &stateReader{src: src}
	return s, nil
}

// stateReader gives out the state of a snapshot that is being read. No byte
// comes out before its chunk's checksum is verified, and io.EOF not before the
// trailer is: whoever reads to the end has the whole and genuine state.
type stateReader struct {
	src   *source
	chunk []byte // the memory of rest
	rest  []byte // verified, not given out yet
	short bool   // the last chunk was not full, so no other may follow
	done  bool   // the trailer was verified
}

// Read implements io.Reader.
func (s *stateReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.fill(); err != nil {
		return 0, err
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo, which spares io.Copy its buffer.
func (s *stateReader) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if err := s.fill(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		written, err := w.Write(s.rest)
		n += int64(written)
		s.rest = s.rest[written:]
		if err != nil {
			return n, err
		}
	}
}

// drain reads to the end what the daemon did not care to read.
func (s *stateReader) drain() error {
	for {
		s.rest = nil
		if err := s.fill(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// fill sees to it that rest is not empty: io.EOF if that cannot be.
func (s *stateReader) fill() error {
	if len(s.rest) > 0 {
		return nil
	}
	if s.done {
		return io.EOF
	}
	s.next()
	switch {
	case s.src.err != nil:
		return s.src.err
	case s.done:
		return io.EOF
	}
	return nil
}

// next reads a chunk into rest, or the end mark and the trailer.
func (s *stateReader) next() {
	n := s.src.length(wire.MaxChunk)
	if s.src.err != nil {
		return
	}
	if n == 0 {
		s.trailer()
		return
	}
	if s.short {
		s.src.bad("a chunk follows one that was not full: %w", codec.ErrNonCanonical)
	}
	s.short = n < wire.MaxChunk
	sum := s.src.uint64()
	s.chunk = s.src.bytes(s.chunk, n)
	if s.src.err == nil && xxhash.Sum64(s.chunk) != sum {
		s.src.bad("chunk checksum")
	}
	if s.src.err == nil {
		s.rest = s.chunk
	}
}

// trailer checks length and digest of everything before, and that nothing
// follows.
func (s *stateReader) trailer() {
	total := s.src.n
	if got := s.src.uint64(); s.src.err == nil && got != total {
		s.src.bad("length %d, not the trailer's %d", total, got)
	}
	want := s.src.sum.Sum(nil)
	got := make([]byte, len(want))
	s.src.fixed(got)
	if s.src.err == nil && !bytes.Equal(got, want) {
		s.src.bad("digest of the whole")
	}
	if s.src.err != nil {
		return
	}
	switch _, err := s.src.r.ReadByte(); err {
	case io.EOF:
		s.done = true
	case nil:
		s.src.bad("%w", codec.ErrTrailing)
	default:
		s.src.fail(fmt.Errorf("after the trailer: %w", err))
	}
}
