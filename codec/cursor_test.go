package codec

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// everything is one value of each kind, in the order readEverything reads.
func everything() []byte {
	b := []byte{0x2a}
	b = AppendUint16(b, 1<<9)
	b = AppendUint32(b, 1<<17)
	b = AppendUint64(b, 1<<33)
	b = AppendUvarint(b, 1<<50)
	b = AppendBool(b, true)
	b = append(b, 1, 2, 3, 4)
	b = AppendBytes(b, []byte("payload"))
	b = AppendString(b, "name")
	b = AppendUvarint(b, 3)
	return append(b, "abc"...)
}

// readEverything reads it back; the values are compared with what was written
// only when the cursor has no error.
func readEverything(t *testing.T, c *Cursor) {
	t.Helper()
	var fixed [4]byte
	good := c.Uint8() == 0x2a
	good = c.Uint16() == 1<<9 && good
	good = c.Uint32() == 1<<17 && good
	good = c.Uint64() == 1<<33 && good
	good = c.Uvarint() == 1<<50 && good
	good = c.Bool() && good
	c.Fixed(fixed[:])
	good = fixed == [4]byte{1, 2, 3, 4} && good
	good = string(c.Bytes(100)) == "payload" && good
	good = c.String(100) == "name" && good
	n := c.Count(10, 1)
	good = n == 3 && good
	good = string(c.Take(3)) == "abc" && good
	if c.Err() == nil && !good {
		t.Error("a value read differs from the one written")
	}
}

// TestD2_RoundTripAndEveryTruncation: the whole reads back, no prefix of it does.
func TestD2_RoundTripAndEveryTruncation(t *testing.T) {
	b := everything()
	c := NewCursor(b)
	readEverything(t, &c)
	if err := c.Finish(); err != nil {
		t.Fatalf("the whole: %v", err)
	}
	for n := range len(b) {
		c := NewCursor(b[:n:n])
		readEverything(t, &c)
		if err := c.Finish(); !errors.Is(err, ErrTruncated) {
			t.Errorf("the first %d bytes: got %v, want ErrTruncated", n, err)
		}
	}
}

// TestD2_TrailingBytes: Finish refuses what nobody read.
func TestD2_TrailingBytes(t *testing.T) {
	c := NewCursor([]byte{1, 2})
	c.Uint8()
	if c.Rest() != 1 {
		t.Errorf("Rest = %d, want 1", c.Rest())
	}
	if err := c.Finish(); !errors.Is(err, ErrTrailing) {
		t.Errorf("got %v, want ErrTrailing", err)
	}
	if !errors.Is(c.Err(), ErrTrailing) || c.Rest() != 0 {
		t.Error("Finish's error does not stick")
	}
}

// TestD2_BadValues: each way in which one value can be wrong.
func TestD2_BadValues(t *testing.T) {
	uvarint := func(c *Cursor) { c.Uvarint() }
	bytes5 := func(c *Cursor) { c.Bytes(5) }
	for _, test := range []struct {
		name string
		hex  string
		read func(c *Cursor)
		want error
	}{
		{"padded zero", "8000", uvarint, ErrNonCanonical},
		{"padded one", "818000", uvarint, ErrNonCanonical},
		{"ten groups, padded", "80808080808080808000", uvarint, ErrNonCanonical},
		{"65 bits", "ffffffffffffffffff02", uvarint, ErrNonCanonical},
		{"eleven groups", "8080808080808080808001", uvarint, ErrNonCanonical},
		{"groups without end", "80808080", uvarint, ErrTruncated},
		{"empty", "", uvarint, ErrTruncated},
		{"bool of 2", "02", func(c *Cursor) { c.Bool() }, ErrNonCanonical},
		{"bool of 255", "ff", func(c *Cursor) { c.Bool() }, ErrNonCanonical},
		{"bytes above the limit", "06aabbccddeeff", bytes5, ErrLimit},
		{"bytes of 2^64-1", "ffffffffffffffffff01", bytes5, ErrLimit},
		{"bytes missing", "03aabb", bytes5, ErrTruncated},
		{"length padded", "8300aabbcc", bytes5, ErrNonCanonical},
		{"no bytes permitted", "01aa", func(c *Cursor) { c.Bytes(0) }, ErrLimit},
		{"negative limit", "00", func(c *Cursor) { c.Bytes(-1) }, ErrLimit},
		{"string above the limit", "0261", func(c *Cursor) { c.String(1) }, ErrLimit},
		{"count above the limit", "03aabbcc", func(c *Cursor) { c.Count(2, 1) }, ErrLimit},
		{"count above the rest", "03aabbccdd", func(c *Cursor) { c.Count(9, 2) }, ErrTruncated},
		{"count of no size", "03aabb", func(c *Cursor) { c.Count(9, 0) }, ErrTruncated},
		{"count of huge items", "01aa", func(c *Cursor) { c.Count(9, math.MaxInt) }, ErrTruncated},
		{"huge count", "ffffffffffffffff7f", func(c *Cursor) { c.Count(math.MaxInt, math.MaxInt) }, ErrTruncated},
		{"negative take", "aa", func(c *Cursor) { c.Take(-1) }, ErrLimit},
	} {
		b, err := hex.DecodeString(test.hex)
		if err != nil {
			t.Fatal(err)
		}
		c := NewCursor(b)
		test.read(&c)
		if !errors.Is(c.Err(), test.want) {
			t.Errorf("%s: got %v, want %v", test.name, c.Err(), test.want)
		}
	}
}

// TestCursor_StickyError: the first error stays, and later reads give zero
// values without touching the input.
func TestCursor_StickyError(t *testing.T) {
	c := NewCursor(everything())
	first := errors.New("first")
	c.Fail(nil)
	if c.Err() != nil {
		t.Fatal("Fail(nil) failed the cursor")
	}
	c.Fail(first)
	c.Fail(errors.New("second"))
	fixed := [2]byte{9, 9}
	c.Fixed(fixed[:])
	zero := c.Uint8() == 0 && c.Uint16() == 0 && c.Uint32() == 0 && c.Uint64() == 0 &&
		c.Uvarint() == 0 && !c.Bool() && c.Bytes(9) == nil && c.String(9) == "" &&
		c.Count(9, 1) == 0 && c.Take(1) == nil && fixed == [2]byte{} && c.Rest() == 0
	if !zero {
		t.Error("a read after the failure returned something")
	}
	if !errors.Is(c.Err(), first) || !errors.Is(c.Finish(), first) {
		t.Errorf("got %v, want the first error", c.Err())
	}
}

// TestCursor_Aliases: Take and Bytes point into the input, clipped, so that a
// later append cannot write over what follows. String copies.
func TestCursor_Aliases(t *testing.T) {
	b := AppendString(AppendBytes([]byte{1, 2}, []byte("ab")), "cd")
	c := NewCursor(b)
	taken, inner, text := c.Take(2), c.Bytes(2), c.String(2)
	if &taken[0] != &b[0] || &inner[0] != &b[3] {
		t.Error("the slices do not alias the input")
	}
	before := bytes.Clone(b)
	_ = append(taken, 0xff)
	_ = append(inner, 0xff)
	if !bytes.Equal(b, before) {
		t.Error("an append to a read slice wrote into the input")
	}
	b[6] = 'x'
	if text != "cd" {
		t.Error("the string aliases the input")
	}
}

// TestCursor_Empty: an empty value is nil, and an empty input is no error.
func TestCursor_Empty(t *testing.T) {
	c := NewCursor([]byte{0, 0})
	if c.Bytes(5) != nil || c.Count(5, 100) != 0 {
		t.Error("want nil and 0")
	}
	c.Fixed(nil)
	if err := c.Finish(); err != nil {
		t.Error(err)
	}
	empty := NewCursor(nil)
	if err := empty.Finish(); err != nil {
		t.Error(err)
	}
}

// TestCursor_Copy: a copy looks ahead without moving the original.
func TestCursor_Copy(t *testing.T) {
	c := NewCursor([]byte{1, 2, 3})
	ahead := c
	ahead.Uint16()
	ahead.Fail(ErrLimit)
	if c.Rest() != 3 || c.Err() != nil {
		t.Error("reading a copy changed the original")
	}
}

// TestUvarint_Random: what is appended reads back, and one more trailing group
// never does.
func TestUvarint_Random(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		v := rng.Uint64() >> rng.IntN(64)
		b := AppendUvarint(nil, v)
		c := NewCursor(b)
		if got := c.Uvarint(); got != v || c.Finish() != nil {
			t.Fatalf("%d reads back as %d, %v", v, got, c.Err())
		}
		b[len(b)-1] |= 0x80
		padded := NewCursor(append(b, 0))
		if padded.Uvarint(); !errors.Is(padded.Err(), ErrNonCanonical) {
			t.Fatalf("%d padded: got %v", v, padded.Err())
		}
	}
}

// TestCursor_NoAlloc: reading allocates nothing but strings.
func TestCursor_NoAlloc(t *testing.T) {
	b := everything()
	var sink int
	if n := testing.AllocsPerRun(100, func() {
		c := NewCursor(b)
		c.Uint8()
		c.Uint16()
		c.Uint32()
		c.Uint64()
		c.Uvarint()
		c.Bool()
		sink += len(c.Take(4)) + len(c.Bytes(100)) + len(c.Bytes(100)) + c.Count(10, 1)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
	_ = sink
}

// BenchmarkCursor reads one value of each kind.
func BenchmarkCursor(b *testing.B) {
	data := everything()
	b.ReportAllocs()
	for b.Loop() {
		c := NewCursor(data)
		c.Take(15)
		c.Uvarint()
		c.Bool()
		c.Uint32()
		c.Bytes(100)
		c.Bytes(100)
	}
}

// BenchmarkAppendUvarint writes lengths as they occur: mostly one byte.
func BenchmarkAppendUvarint(b *testing.B) {
	buf := make([]byte, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		AppendUvarint(AppendUvarint(buf, 42), 70_000)
	}
}
