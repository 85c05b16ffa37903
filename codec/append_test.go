package codec

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"
)

// TestAppend_Layout pins the bytes of every append function.
func TestAppend_Layout(t *testing.T) {
	for _, test := range []struct {
		name string
		got  []byte
		want string
	}{
		{"uint16", AppendUint16(nil, 0x0102), "0102"},
		{"uint32", AppendUint32(nil, 0x01020304), "01020304"},
		{"uint64", AppendUint64(nil, 0x0102030405060708), "0102030405060708"},
		{"true", AppendBool(nil, true), "01"},
		{"false", AppendBool(nil, false), "00"},
		{"uvarint 0", AppendUvarint(nil, 0), "00"},
		{"uvarint 127", AppendUvarint(nil, 127), "7f"},
		{"uvarint 128", AppendUvarint(nil, 128), "8001"},
		{"uvarint 300", AppendUvarint(nil, 300), "ac02"},
		{"uvarint max", AppendUvarint(nil, math.MaxUint64), "ffffffffffffffffff01"},
		{"bytes", AppendBytes(nil, []byte{0xaa, 0xbb}), "02aabb"},
		{"no bytes", AppendBytes(nil, nil), "00"},
		{"string", AppendString(nil, "hi"), "026869"},
		{"after a prefix", AppendUint16([]byte{0xff}, 1), "ff0001"},
	} {
		if got := hex.EncodeToString(test.got); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// TestUvarintLen compares with what AppendUvarint really writes, around every
// power of two.
func TestUvarintLen(t *testing.T) {
	for shift := range 64 {
		for _, v := range []uint64{1<<shift - 1, 1 << shift, 1<<shift + 1} {
			if got, want := UvarintLen(v), len(AppendUvarint(nil, v)); got != want {
				t.Errorf("UvarintLen(%d) = %d, want %d", v, got, want)
			}
		}
	}
	if UvarintLen(math.MaxUint64) != MaxUvarintLen {
		t.Errorf("the longest uvarint has %d bytes, want %d", UvarintLen(math.MaxUint64), MaxUvarintLen)
	}
}

// TestAppend_NoAlloc: appending to a slice with room allocates nothing.
func TestAppend_NoAlloc(t *testing.T) {
	buf, payload := make([]byte, 0, 256), bytes.Repeat([]byte{7}, 100)
	if n := testing.AllocsPerRun(100, func() {
		b := AppendUint64(buf, 1)
		b = AppendUvarint(b, 1<<40)
		b = AppendBytes(b, payload)
		AppendString(b, "name")
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
