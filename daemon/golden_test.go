package daemon

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/golden"
	"github.com/ferrymesh/ferry/wire"
)

const goldenFile = "testdata/snapshot.txt"

// TestD3_GoldenSnapshot pins the layout: the same history always gives the same
// bytes, on every platform and in every later version 1. The file names each
// field; a change in it is a change of the format and needs another version.
func TestD3_GoldenSnapshot(t *testing.T) {
	h, _ := travelled(t)
	golden.Check(t, goldenFile, annotated(t, snapshotBytes(t, h)))
}

// TestD4_GoldenSnapshotRestores reads the file, not what the code writes now.
func TestD4_GoldenSnapshotRestores(t *testing.T) {
	text, err := os.ReadFile(goldenFile)
	check(t, err)
	var b []byte
	for line := range strings.Lines(string(text)) {
		var field []byte
		_, digits, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if _, err := fmt.Sscanf(digits, "%x", &field); err != nil && digits != "" {
			t.Fatalf("%q: %v", line, err)
		}
		b = append(b, field...)
	}
	h, d := restored(t, b, 9)
	if h.Epoch() != 3 || h.Head().Sequence != 8 || string(d.state) != strings.Repeat("some state", 6) {
		t.Errorf("epoch %d, sequence %d, state %q", h.Epoch(), h.Head().Sequence, d.state)
	}
}

// notes writes a snapshot field by field, as the package documentation lists
// them: name, tab, hex digits.
type notes struct {
	all  []byte
	c    codec.Cursor
	text strings.Builder
}

// mark ends a field that began at rest.
func (n *notes) mark(name string, rest int) {
	from := len(n.all) - rest
	fmt.Fprintf(&n.text, "%s\t%x\n", name, n.all[from:len(n.all)-n.c.Rest()])
}

func (n *notes) take(name string, size int) {
	rest := n.c.Rest()
	n.c.Take(size)
	n.mark(name, rest)
}

func (n *notes) bytes(name string) {
	rest := n.c.Rest()
	n.c.Bytes(1 << 20)
	n.mark(name, rest)
}

func (n *notes) passport() {
	rest := n.c.Rest()
	r := bytes.NewReader(n.all[len(n.all)-rest:])
	if _, err := crypto.ReadPassport(r); err != nil {
		n.c.Fail(err)
	}
	n.c.Take(rest - r.Len())
	n.mark("passport", rest)
}

func (n *notes) producer() {
	n.take("producer", 32)
	rest := n.c.Rest()
	count := int(n.c.Uint8())
	n.mark("  entries", rest)
	for range count {
		n.take("    number", 8)
		n.take("    sequence", 8)
		n.take("    parent", 32)
	}
	n.bytes("  outputs")
}

// annotated returns the notes on a whole snapshot.
func annotated(t *testing.T, b []byte) string {
	t.Helper()
	n := &notes{all: b, c: codec.NewCursor(b)}
	n.take("magic", 8)
	n.take("version", 2)
	n.take("entity", 32)
	n.bytes("kind")
	n.bytes("name")
	n.take("epoch", 8)
	n.take("head", crypto.HeadSize)
	n.passport()
	n.take("horizon", 8)
	rest := n.c.Rest()
	count := n.c.Uvarint()
	n.mark("count", rest)
	for range count {
		n.producer()
	}
	n.take("check", 8)
	n.chunks()
	n.take("total", 8)
	n.take("digest", 32)
	check(t, n.c.Finish())
	return n.text.String()
}

func (n *notes) chunks() {
	for n.c.Err() == nil {
		rest := n.c.Rest()
		size := n.c.Uvarint()
		if size == 0 {
			n.mark("end", rest)
			return
		}
		n.mark("chunk", rest)
		n.take("  check", 8)
		n.take("  bytes", int(size))
	}
}

// TestProtocolConstants: other nodes rely on these numbers.
func TestProtocolConstants(t *testing.T) {
	got := []int{MaxProducers, ProducerWindow, MaxKeptOutputs, snapshotVersion, wire.MaxChunk, entrySize, maxKept}
	want := []int{10_000, 64, 16 << 20, 1, 256 << 10, 48, 265_218}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("constant %d is %d, want %d", i, got[i], want[i])
		}
	}
	// maxKept must admit what an event can leave at most, and nothing above it
	// may pass checkOutputs.
	outputs := make([][]byte, wire.MaxOutputCount)
	for i := range outputs {
		outputs[i] = make([]byte, wire.MaxOutputs/wire.MaxOutputCount)
	}
	check(t, checkOutputs(outputs))
	encoded := appendOutputs(nil, outputs)
	check(t, checkKept(encoded))
	if len(encoded) > maxKept {
		t.Errorf("outputs of %d bytes encoded, limit %d", len(encoded), maxKept)
	}
	outputs[0] = append(outputs[0], 0)
	wantErr(t, "a byte more", checkOutputs(outputs), wire.ErrTooLarge)
	wantErr(t, "a byte more, encoded", checkKept(appendOutputs(nil, outputs)), wire.ErrTooLarge)
}
