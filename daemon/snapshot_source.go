package daemon

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// source reads a snapshot from a stream: it counts and hashes every byte. Its
// error sticks; reads after it give zero values, so that a parser asks once at
// the end. It allocates for what has arrived, never for what was announced.
type source struct {
	r     *bufio.Reader
	sum   hash.Hash      // of all bytes
	check *xxhash.Digest // of the header; nil after it
	n     uint64         // bytes read
	err   error

	// scratch holds the integers and windows being read. Locals would each
	// be moved to the heap, since a hash is called through an interface.
	scratch [entrySize * ProducerWindow]byte
}

// newSource returns a source at the first byte.
func newSource(r io.Reader) *source {
	return &source{r: bufio.NewReader(r), sum: sha256.New(), check: xxhash.New()}
}

// bad records that the bytes are wrong, unless reading them has failed.
func (s *source) bad(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: "+format, append([]any{wire.ErrBadSnapshot}, args...)...)
	}
}

// fail records an error of the stream: its end is a cut snapshot, anything else
// is the stream's own trouble.
func (s *source) fail(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.bad("cut after %d bytes: %w", s.n, io.ErrUnexpectedEOF)
	} else if s.err == nil {
		s.err = fmt.Errorf("daemon: read snapshot: %w", err)
	}
}

// Read implements io.Reader for the passport. It fails where the stream fails.
func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.hash(p[:n])
	if err != nil {
		s.fail(err)
	}
	return n, err
}

// hash accounts for bytes that were read.
func (s *source) hash(p []byte) {
	s.n += uint64(len(p))
	_, _ = s.sum.Write(p)
	if s.check != nil {
		_, _ = s.check.Write(p)
	}
}

// fixed fills dst, with zeros after an error.
func (s *source) fixed(dst []byte) {
	if s.err == nil {
		n, err := io.ReadFull(s.r, dst)
		s.hash(dst[:n])
		if err != nil {
			s.fail(err)
		}
	}
	if s.err != nil {
		clear(dst)
	}
}

// cursor reads n bytes, at most the size of scratch, for decoding at once.
func (s *source) cursor(n int) codec.Cursor {
	s.fixed(s.scratch[:n])
	return codec.NewCursor(s.scratch[:n])
}

// uint8 reads 1 byte.
func (s *source) uint8() uint8 {
	c := s.cursor(1)
	return c.Uint8()
}

// uint16 reads 2 bytes.
func (s *source) uint16() uint16 {
	c := s.cursor(2)
	return c.Uint16()
}

// uint64 reads 8 bytes.
func (s *source) uint64() uint64 {
	c := s.cursor(8)
	return c.Uint64()
}

// length reads a uvarint of at most limit. Its bytes come one by one, for the
// next item must not be read into; the codec then judges the whole.
func (s *source) length(limit int) int {
	b := s.scratch[:codec.MaxUvarintLen]
	n := 0
	for n < len(b) {
		s.fixed(b[n : n+1])
		n++
		if b[n-1] < 0x80 {
			break
		}
	}
	c := codec.NewCursor(b[:n])
	v := c.Uvarint()
	if err := c.Finish(); err != nil {
		s.bad("%w", err)
	} else if v > uint64(limit) {
		s.bad("length %d above %d: %w", v, limit, codec.ErrLimit)
	}
	if s.err != nil {
		return 0
	}
	return int(v)
}

// text reads a string of at most limit bytes.
func (s *source) text(limit int) string {
	return string(s.bytes(nil, s.length(limit)))
}

// bytes reads n bytes into buf, which it grows in steps that double with what
// has arrived. After an error the result is empty.
func (s *source) bytes(buf []byte, n int) []byte {
	buf = buf[:0]
	for len(buf) < n && s.err == nil {
		step := min(n-len(buf), max(4096, len(buf), cap(buf)-len(buf)))
		if cap(buf)-len(buf) < step {
			buf = append(make([]byte, 0, len(buf)+step), buf...)
		}
		s.fixed(buf[len(buf) : len(buf)+step])
		buf = buf[:len(buf)+step]
	}
	if s.err != nil {
		return nil
	}
	return buf
}

// head reads a head.
func (s *source) head() crypto.Head {
	c := s.cursor(crypto.HeadSize)
	return crypto.DecodeHead(&c)
}

// passport reads a passport without verifying it.
func (s *source) passport() crypto.Passport {
	if s.err != nil {
		return crypto.Passport{}
	}
	p, err := crypto.ReadPassport(s)
	if err != nil {
		s.bad("%w", err)
	}
	return p
}
