package crypto

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/codec"
)

// sha256Of hashes the concatenation of a tag and some bytes.
func sha256Of(tag string, b []byte) Digest {
	return sha256.Sum256(append([]byte(tag), b...))
}

// TestHead_Outputs: which outputs change the digest, and that none are confused
// with others.
func TestHead_Outputs(t *testing.T) {
	e := sampleEvent(nil)
	before := Head{Origin: e.Link.Origin, Sequence: 8, Outputs: Digest{5}}
	for _, none := range [][][]byte{nil, {}} {
		if got := before.Append(e, none); got.Outputs != before.Outputs {
			t.Error("no outputs changed the outputs digest")
		}
	}
	seen := map[Digest]int{before.Outputs: -1}
	for i, outputs := range [][][]byte{
		{nil}, {nil, nil}, {[]byte("ab")}, {[]byte("a"), []byte("b")}, {[]byte("b"), []byte("a")},
		{[]byte("ab"), nil}, {nil, []byte("ab")}, {{0}}, {{1}}, {{1, 'a'}},
	} {
		d := before.Append(e, outputs).Outputs
		if j, taken := seen[d]; taken {
			t.Errorf("outputs %d and %d have one digest", i, j)
		}
		seen[d] = i
	}
	other := before
	other.Outputs = Digest{6}
	if other.Append(e, [][]byte{nil}).Outputs == before.Append(e, [][]byte{nil}).Outputs {
		t.Error("the digest does not chain")
	}
}

// TestHead_OutputsLayout computes the digest by hand, for sizes on both sides
// of the stack buffer.
func TestHead_OutputsLayout(t *testing.T) {
	e := sampleEvent(nil)
	for _, size := range []int{0, 1, 200, 509, 510, 511, 512, 5000} {
		outputs := [][]byte{bytes.Repeat([]byte{3}, size), {4}}
		before := Head{Outputs: Digest{9}}
		b := append([]byte(nil), before.Outputs[:]...)
		b = codec.AppendUint64(b, e.Link.Sequence)
		b = codec.AppendUvarint(b, 2)
		b = codec.AppendBytes(codec.AppendBytes(b, outputs[0]), outputs[1])
		if got := before.Append(e, outputs).Outputs; got != sha256Of(tagOutputs, b) {
			t.Errorf("%d bytes: the digest is not of the documented layout", size)
		}
	}
}

// TestHead_Append: the other three fields.
func TestHead_Append(t *testing.T) {
	c := draw(t, "g-a-b*")
	for i, ev := range c.events {
		after := c.heads[i+1]
		if after.Origin != c.heads[0].Origin || after.Sequence != uint64(i+1) || after.Digest != ev.Digest() {
			t.Errorf("head after event %d: %+v", i+1, after)
		}
	}
}

// TestHead_RoundTrip and every truncation.
func TestHead_RoundTrip(t *testing.T) {
	h := draw(t, "g-a*").head()
	b := AppendHead(nil, h)
	if len(b) != HeadSize {
		t.Errorf("%d bytes, want %d", len(b), HeadSize)
	}
	c := codec.NewCursor(b)
	if got := DecodeHead(&c); got != h || c.Finish() != nil {
		t.Errorf("got %+v, want %+v", got, h)
	}
	for n := range len(b) {
		c := codec.NewCursor(b[:n])
		if DecodeHead(&c); !errors.Is(c.Finish(), codec.ErrTruncated) {
			t.Errorf("%d bytes decode", n)
		}
	}
}
