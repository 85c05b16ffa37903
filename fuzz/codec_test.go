package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/codec"
)

// FuzzCursor runs a script of reads over arbitrary bytes. Each op is one byte
// of the script: which read, and its limit. Laws:
//
//   - what was read appends to the very bytes it was read from;
//   - the cursor agrees with a twin that reads by naive rules;
//   - after the first failure nothing moves any more.
func FuzzCursor(f *testing.F) {
	data := codec.AppendUint16([]byte{7}, 9)
	data = codec.AppendUint64(codec.AppendUint32(data, 1), 2)
	data = codec.AppendBool(codec.AppendUvarint(data, 1<<40), true)
	data = codec.AppendString(codec.AppendBytes(data, []byte("abc")), "de")
	data = codec.AppendUvarint(data, 2)
	f.Add([]byte{0, 1, 2, 3, 4, 5, 0x66, 0x67, 0x68}, data)
	f.Add([]byte{4, 4, 4}, []byte{0x80, 0x00})
	f.Add([]byte{0x16}, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{9, 0x39}, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, script, data []byte) {
		c := codec.NewCursor(data)
		twin := naive{rest: data}
		var again []byte
		for i, op := range script {
			before := c.Rest()
			got := readAndAppend(&c, op)
			want, ok := twin.read(op)
			if ok != (c.Err() == nil) {
				t.Fatalf("op %d (%#x): error %v, the twin says %v", i, op, c.Err(), ok)
			}
			if !ok {
				checkDead(t, &c)
				return
			}
			if !bytes.Equal(got, want) || before-c.Rest() != len(want) {
				t.Fatalf("op %d (%#x): re-encodes to %x, was %x", i, op, got, want)
			}
			again = append(again, got...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Fatalf("re-encoded %x of %x", again, data)
		}
		if err := c.Finish(); (err == nil) != (len(again) == len(data)) {
			t.Fatalf("Finish after %d of %d bytes: %v", len(again), len(data), err)
		}
	})
}

// readAndAppend performs the op and appends what it read.
func readAndAppend(c *codec.Cursor, op byte) []byte {
	limit := int(op >> 4)
	switch op & 0x0f {
	case 0:
		return []byte{c.Uint8()}
	case 1:
		return codec.AppendUint16(nil, c.Uint16())
	case 2:
		return codec.AppendUint32(nil, c.Uint32())
	case 3:
		return codec.AppendUint64(nil, c.Uint64())
	case 4:
		return codec.AppendUvarint(nil, c.Uvarint())
	case 5:
		return codec.AppendBool(nil, c.Bool())
	case 6:
		return codec.AppendBytes(nil, c.Bytes(limit))
	case 7:
		return codec.AppendString(nil, c.String(limit))
	case 8:
		return codec.AppendUvarint(nil, uint64(c.Count(limit, 2)))
	case 9:
		return append([]byte(nil), c.Take(limit)...)
	}
	fixed := make([]byte, limit)
	c.Fixed(fixed)
	return fixed
}

// naive is the twin: it says which bytes an op consumes, or that it fails.
type naive struct{ rest []byte }

func (n *naive) read(op byte) (taken []byte, ok bool) {
	limit := int(op >> 4)
	switch op & 0x0f {
	case 0:
		return n.take(1)
	case 1:
		return n.take(2)
	case 2:
		return n.take(4)
	case 3:
		return n.take(8)
	case 4:
		_, size := n.uvarint()
		return n.take(size)
	case 5:
		if len(n.rest) > 0 && n.rest[0] > 1 {
			return nil, false
		}
		return n.take(1)
	case 6, 7:
		length, size := n.uvarint()
		if size < 0 || length > uint64(limit) {
			return nil, false
		}
		return n.take(size + int(length))
	case 8:
		count, size := n.uvarint()
		if size < 0 || count > uint64(limit) || 2*int(count) > len(n.rest)-size {
			return nil, false
		}
		return n.take(size)
	}
	return n.take(limit)
}

// take fails for a negative size: that is how uvarint reports its failure.
func (n *naive) take(size int) ([]byte, bool) {
	if size < 0 || size > len(n.rest) {
		return nil, false
	}
	taken := n.rest[:size]
	n.rest = n.rest[size:]
	return taken, true
}

// uvarint returns the value at the front and its size, or size -1 unless the
// standard library reads it and writes it the same way.
func (n *naive) uvarint() (v uint64, size int) {
	v, size = binary.Uvarint(n.rest)
	if size <= 0 || !bytes.Equal(binary.AppendUvarint(nil, v), n.rest[:size]) {
		return 0, -1
	}
	return v, size
}

// checkDead checks that a failed cursor reads nothing and keeps its error.
func checkDead(t *testing.T, c *codec.Cursor) {
	t.Helper()
	err := c.Err()
	known := errors.Is(err, codec.ErrTruncated) || errors.Is(err, codec.ErrNonCanonical) || errors.Is(err, codec.ErrLimit)
	if !known || c.Rest() != 0 || c.Uint64() != 0 || c.Bytes(9) != nil || c.Finish() != err {
		t.Fatalf("a failed cursor reads on, or has an unknown error: %v", err)
	}
}
