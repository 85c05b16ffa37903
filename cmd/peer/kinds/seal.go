package kinds

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// A state is written as
//
//	8        magic: names the kind and the version of its layout
//	4        length of the encoded audit, big endian
//	…        the audit (Audit.Append)
//	…        the kind's own part
//	8        xxhash64 of everything before it, big endian
//
// and nothing after it. The checksum is against accident; the host wraps the whole in a
// snapshot with a cryptographic digest.
const (
	magicSize = 8
	sealSize  = 8
	gathered  = 64 << 10
)

// sealedSize returns the length of a state around an audit and a kind's part of the given sizes.
func sealedSize(audit int, part int64) int64 { return magicSize + 4 + int64(audit) + part + sealSize }

// sealWriter writes one state. The first error sticks: later writes do nothing. Small writes
// are gathered in a buffer that grows to gathered bytes, a write as large as that goes straight through.
type sealWriter struct {
	w   io.Writer
	sum *xxhash.Digest
	buf []byte
	n   int64
	err error
}

// newSealWriter writes the magic and the audit.
func newSealWriter(w io.Writer, magic string, audit []byte) *sealWriter {
	s := &sealWriter{w: w, sum: xxhash.New()}
	s.write([]byte(magic))
	s.write(binary.BigEndian.AppendUint32(nil, uint32(len(audit))))
	s.write(audit)
	return s
}

// write adds p to the state.
func (s *sealWriter) write(p []byte) {
	if len(s.buf)+len(p) > gathered {
		s.flush()
	}
	if len(p) >= gathered {
		s.emit(p)
		return
	}
	s.buf = append(s.buf, p...)
}

// writeString is write without a copy of what fits the buffer.
func (s *sealWriter) writeString(p string) {
	if len(s.buf)+len(p) > gathered {
		s.flush()
	}
	if len(p) >= gathered {
		s.emit([]byte(p))
		return
	}
	s.buf = append(s.buf, p...)
}

// flush empties the buffer.
func (s *sealWriter) flush() {
	s.emit(s.buf)
	s.buf = s.buf[:0]
}

// emit hands p to the writer below and to the checksum.
func (s *sealWriter) emit(p []byte) {
	if s.err != nil || len(p) == 0 {
		return
	}
	s.sum.Write(p)
	n, err := s.w.Write(p)
	s.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	s.err = err
}

// finish writes the checksum and returns what an io.WriterTo returns.
func (s *sealWriter) finish() (int64, error) {
	s.flush()
	s.emit(binary.BigEndian.AppendUint64(nil, s.sum.Sum64()))
	return s.n, s.err
}

// sealReader reads one state. The first error sticks and leaves later reads zero. It reads
// exactly what it is asked for, so large pieces go straight to where they belong; the host
// hands in a buffered stream.
type sealReader struct {
	r     io.Reader
	sum   *xxhash.Digest
	magic string
	err   error
}

// newSealReader reads the magic and the audit.
func newSealReader(r io.Reader, magic string) (*sealReader, Audit) {
	s := &sealReader{r: r, sum: xxhash.New(), magic: magic}
	var head [magicSize + 4]byte
	s.read(head[:])
	if s.err == nil && string(head[:magicSize]) != magic {
		s.fail("it begins with %q, expected %q", head[:magicSize], magic)
	}
	size := binary.BigEndian.Uint32(head[magicSize:])
	if s.err == nil && size > maxAuditBytes {
		s.fail("its audit claims %d bytes, at most %d are possible", size, maxAuditBytes)
	}
	if s.err != nil {
		return s, Audit{}
	}
	raw := make([]byte, size) // bounded above, under 2 MiB
	s.read(raw)
	if s.err != nil {
		return s, Audit{}
	}
	audit, err := DecodeAudit(raw)
	s.err = err
	return s, audit
}

// read fills p. A stream that ends early is a bad snapshot; any other error of the stream is
// returned as it is, since it says nothing about the snapshot.
func (s *sealReader) read(p []byte) {
	if s.err != nil {
		clear(p)
		return
	}
	n, err := io.ReadFull(s.r, p)
	s.sum.Write(p[:n])
	switch {
	case err == nil:
		return
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		s.fail("it is cut short")
	default:
		s.err = err
	}
	clear(p)
}

// uint64 reads a big endian number.
func (s *sealReader) uint64() uint64 {
	var b [8]byte
	s.read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// fail notes what is wrong with the bytes, unless something was wrong before.
func (s *sealReader) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: %s: %s", ErrSnapshot, s.magic, fmt.Sprintf(format, args...))
	}
}

// finish checks the checksum and that nothing follows it.
func (s *sealReader) finish() error {
	expected := s.sum.Sum64()
	if got := s.uint64(); got != expected {
		s.fail("its checksum is %016x, its bytes give %016x", got, expected)
	}
	if s.err != nil {
		return s.err
	}
	var extra [1]byte
	if n, err := io.ReadFull(s.r, extra[:]); n > 0 {
		s.fail("bytes follow its end")
	} else if !errors.Is(err, io.EOF) {
		s.err = err
	}
	return s.err
}

// sealedBytes is the view of a small state: its bytes, made at the snapshot.
type sealedBytes []byte

// WriteTo writes the state, any number of times.
func (b sealedBytes) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b)
	return int64(n), err
}

// Len returns the exact number of bytes WriteTo writes.
func (b sealedBytes) Len() int64 { return int64(len(b)) }
