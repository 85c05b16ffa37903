package kinds

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// wordsMagic begins the state, which goes on with, integers big endian,
//
//	8 × 3    lines, words, bytes
//	1        1 if a word has begun, 2 if there are only bytes that make none, 0 if neither
//	1, …     length and bytes of the open word
//	         the frequent words (topWords.append)
const wordsMagic = "ferryWC1"

// Snapshot returns the present state, already encoded: it is bounded (about 90 KiB, and the
// audit), and encoding it takes some 100 µs. The view has Len() int64.
func (w *WordCount) Snapshot() (io.WriterTo, error) {
	var out bytes.Buffer
	s := newSealWriter(&out, wordsMagic, w.audit.Append(nil))
	s.write(w.appendCounts(nil))
	s.write(w.top.append(nil))
	if _, err := s.finish(); err != nil {
		return nil, err
	}
	return sealedBytes(out.Bytes()), nil
}

// appendCounts adds everything but the frequent words.
func (w *WordCount) appendCounts(dst []byte) []byte {
	for _, n := range [...]uint64{w.lines, w.words, w.bytes} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return append(append(dst, w.open.state(), byte(w.open.size)), w.open.text[:w.open.size]...)
}

// state is the byte that says what the open word is.
func (o *openWord) state() byte {
	switch {
	case o.begun:
		return 1
	case o.size > 0:
		return 2
	}
	return 0
}

// Restore replaces the state by what a view wrote. Bytes that no counter could have written
// give an error matching ErrSnapshot and leave the state as it was.
func (w *WordCount) Restore(r io.Reader) error {
	s, audit := newSealReader(r, wordsMagic)
	fresh := &WordCount{lines: s.uint64(), words: s.uint64(), bytes: s.uint64(), audit: audit}
	fresh.open.restore(s)
	fresh.top.restore(s)
	if err := fresh.Check(); s.err == nil && err != nil {
		s.fail("%s", err)
	}
	if err := s.finish(); err != nil {
		return err
	}
	*w = *fresh
	return nil
}

func (o *openWord) restore(s *sealReader) {
	var head [2]byte
	s.read(head[:])
	if head[1] > MaxWord {
		s.fail("an open word of %d bytes", head[1])
		return
	}
	o.size = int(head[1])
	s.read(o.text[:o.size])
	n, makes := scanWord(o.text[:o.size])
	// Past the bytes that are kept a word may still begin, so the text does not tell.
	o.begun = head[0] == 1 && o.size > 0
	if s.err == nil && (n != o.size || head[0] != o.state() || makes && !o.begun || o.begun && !makes && o.size < MaxWord) {
		s.fail("an open word %q in state %d", o.text[:o.size], head[0])
	}
}

// Check holds the counters against each other: no more lines and words than bytes allow, and
// the frequent words' counters adding up to the words that have ended. An error matches
// ErrInvariant.
func (w *WordCount) Check() error {
	ended := w.words
	if w.open.begun {
		ended--
	}
	// Each line and each word takes a byte of its own kind.
	if w.open.begun && w.words == 0 || w.lines > w.bytes || w.words > w.bytes-w.lines || uint64(w.open.size) > w.bytes {
		return fmt.Errorf("%w: wordcount: %d lines, %d words and %d bytes cannot be", ErrInvariant, w.lines, w.words, w.bytes)
	}
	if sum, ok := w.top.sum(); !ok || sum != ended || w.top.added != ended {
		return fmt.Errorf("%w: wordcount: frequent words add up to %d, %d words have ended", ErrInvariant, sum, ended)
	}
	return nil
}
