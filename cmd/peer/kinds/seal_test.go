package kinds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cespare/xxhash/v2"
)

const testMagic = "ferryXX1"

// sealed returns a state with an empty audit around the parts.
func sealed(t *testing.T, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	s := newSealWriter(&b, testMagic, new(Audit).Append(nil))
	for _, p := range parts {
		s.write(p)
	}
	if n, err := s.finish(); err != nil || n != int64(b.Len()) {
		t.Fatalf("%d of %d bytes, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

// The layout, byte by byte.
func TestSealLayout(t *testing.T) {
	got := sealed(t, []byte("part"))
	want := append([]byte(testMagic), 0, 0, 0, 2, 0, 0)
	want = append(want, "part"...)
	want = binary.BigEndian.AppendUint64(want, xxhash.Sum64(want))
	if !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	if size := sealedSize(2, 4); size != int64(len(want)) {
		t.Errorf("size %d, want %d", size, len(want))
	}
}

// However the writes are cut, large and small, strings or bytes, the result is the same.
func TestSealPieces(t *testing.T) {
	rng := seeded(t)
	for range 50 {
		part := make([]byte, rng.IntN(400<<10))
		for i := range part {
			part[i] = byte(rng.Uint32())
		}
		whole := sealed(t, part)
		var b bytes.Buffer
		s := newSealWriter(&b, testMagic, new(Audit).Append(nil))
		for rest := part; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(1<<(1+rng.IntN(18))))
			if rng.IntN(2) == 0 {
				s.write(rest[:n])
			} else {
				s.writeString(string(rest[:n]))
			}
			rest = rest[n:]
		}
		if _, err := s.finish(); err != nil || !bytes.Equal(b.Bytes(), whole) {
			t.Fatalf("%d bytes in pieces: other bytes, %v", len(part), err)
		}
		mustRead(t, iotest.HalfReader(bytes.NewReader(whole)), part)
	}
}

func mustRead(t *testing.T, r io.Reader, part []byte) {
	t.Helper()
	in, _ := newSealReader(r, testMagic)
	got := make([]byte, len(part))
	in.read(got)
	if err := in.finish(); err != nil || !bytes.Equal(got, part) {
		t.Fatalf("%d bytes: other bytes, %v", len(part), err)
	}
}

// brokenWriter takes some bytes and then fails, or takes less than it is given without saying.
type brokenWriter struct {
	room int
	err  error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.room)
	w.room -= n
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestSealWriterErrors(t *testing.T) {
	broken := errors.New("broken")
	for given, want := range map[error]error{broken: broken, nil: io.ErrShortWrite} {
		s := newSealWriter(&brokenWriter{room: 100, err: given}, testMagic, nil)
		s.write(make([]byte, 70<<10))
		s.write(make([]byte, 70<<10))
		s.writeString("more")
		if n, err := s.finish(); n != 100 || !errors.Is(err, want) {
			t.Errorf("%d bytes, %v, want %v", n, err, want)
		}
	}
}

func TestSealReaderRefuses(t *testing.T) {
	good := sealed(t, []byte("part"))
	edit := func(at int, b ...byte) []byte {
		state := bytes.Clone(good)
		copy(state[at:], b)
		return state
	}
	for what, test := range map[string]struct {
		state []byte
		says  string
	}{
		"nothing":           {nil, "cut short"},
		"a piece of magic":  {good[:5], "cut short"},
		"another kind":      {edit(0, []byte("ferryYY1")...), "ferryYY1"},
		"a huge audit":      {edit(magicSize, 0xff), "claims"},
		"a longer audit":    {edit(magicSize+3, 3), "audit"},
		"a damaged audit":   {edit(magicSize+5, 9), "audit"},
		"a damaged part":    {edit(magicSize+6, 'P'), "checksum"},
		"no checksum":       {good[:len(good)-sealSize], "cut short"},
		"a damaged seal":    {edit(len(good)-1, ^good[len(good)-1]), "checksum"},
		"a byte at the end": {append(bytes.Clone(good), 0), "follow"},
	} {
		in, _ := newSealReader(bytes.NewReader(test.state), testMagic)
		part := []byte("????")
		in.read(part)
		err := in.finish()
		mustFail(t, err, ErrSnapshot, what)
		if err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q in it", what, err, test.says)
		}
	}
}

// After an error nothing of what was read before is left to be taken for data.
func TestSealReaderClears(t *testing.T) {
	in, _ := newSealReader(bytes.NewReader([]byte(testMagic)), testMagic)
	b := []byte{1, 2, 3}
	in.read(b)
	if n := in.uint64(); n != 0 || !bytes.Equal(b, make([]byte, 3)) {
		t.Errorf("%d and %v after an error", n, b)
	}
	first := in.err
	in.fail("something else")
	if in.err != first {
		t.Error("the first error did not stick")
	}
}
