package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/golden"
)

// refusal decodes a body that must be refused and returns the error.
func refusal(t *testing.T, typ Type, body []byte) error {
	t.Helper()
	m, err := Decode(Header{typ, len(body)}, body)
	if err == nil {
		t.Fatalf("%s: % x decoded to %+v", typ, body, m)
	}
	if frame := (*FrameError)(nil); !errors.As(err, &frame) || frame.Type != typ {
		t.Fatalf("%s: error %v is no FrameError of that type", typ, err)
	}
	return err
}

// bodyOf returns the body of m.
func bodyOf(m Message) []byte { return m.append(nil) }

func TestD2_EveryTruncationFails(t *testing.T) {
	for _, g := range vectors() {
		body := bodyOf(g.msg)
		for n := range body {
			if err := refusal(t, g.msg.Type(), body[:n]); !errors.Is(err, codec.ErrTruncated) {
				t.Errorf("%s cut to %d of %d bytes: %v, want ErrTruncated", g.msg.Type(), n, len(body), err)
			}
		}
	}
}

func TestD2_TrailingBytesFail(t *testing.T) {
	for _, g := range vectors() {
		for _, tail := range [][]byte{{0}, {1}, {0xff, 0xff}} {
			err := refusal(t, g.msg.Type(), append(bodyOf(g.msg), tail...))
			if !errors.Is(err, codec.ErrTrailing) {
				t.Errorf("%s and % x: %v, want ErrTrailing", g.msg.Type(), tail, err)
			}
		}
	}
}

func TestD2_GarbageNeverPanics(t *testing.T) {
	r := newRandom(t)
	for _, typ := range Types() {
		for range 300 {
			body := r.bytes(400)
			checkLaw(t, typ, body)
		}
	}
}

func TestD2_AlteredMessagesKeepTheLaw(t *testing.T) {
	r := newRandom(t)
	for _, g := range vectors() {
		for range 300 {
			body := bodyOf(g.msg)
			for range 1 + r.IntN(3) {
				body[r.IntN(len(body))] ^= 1 << r.IntN(8)
			}
			checkLaw(t, g.msg.Type(), body)
		}
	}
}

// checkLaw holds a body to the law of the package: it is refused with a typed
// error, or it decodes and re-encodes to itself.
func checkLaw(t *testing.T, typ Type, body []byte) {
	t.Helper()
	m, err := Decode(Header{typ, len(body)}, body)
	if err != nil {
		refusal(t, typ, body)
		return
	}
	if again := bodyOf(m); !bytes.Equal(again, body) {
		t.Fatalf("%s: % x re-encodes to % x", typ, body, again)
	}
}

func TestD2_NonCanonicalLengthsFail(t *testing.T) {
	// Every length or count in a golden message is below 128 and so one byte; the
	// same value in two bytes must be refused.
	for _, g := range vectors() {
		body := bodyOf(g.msg)
		for _, at := range variableFields(t, g) {
			padded := slices.Insert(slices.Clone(body), at+1, 0)
			padded[at] |= 0x80
			if err := refusal(t, g.msg.Type(), padded); !errors.Is(err, codec.ErrNonCanonical) {
				t.Errorf("%s with a padded length at %d: %v, want ErrNonCanonical", g.msg.Type(), at, err)
			}
		}
	}
}

// variableFields returns where in the body the lengths and counts are.
func variableFields(t *testing.T, g vector) (offsets []int) {
	t.Helper()
	lines, err := golden.Annotate(AppendFrame(nil, g.msg), headerLayout+g.layout)
	if err != nil {
		t.Fatal(err)
	}
	at, layout := 0, bytes.Fields([]byte(g.layout))
	for i, line := range bytes.Split([]byte(lines), []byte("\n"))[3:] {
		if i == len(layout) {
			break
		}
		if bytes.HasSuffix(layout[i], []byte(":v")) || bytes.HasSuffix(layout[i], []byte(":s")) {
			offsets = append(offsets, at)
		}
		at += len(bytes.Fields(line)[1]) / 2
	}
	return offsets
}

func TestD2_LyingCountsFail(t *testing.T) {
	for _, g := range vectors() {
		body := bodyOf(g.msg)
		for _, at := range variableFields(t, g) {
			for _, lie := range []uint64{127, 1 << 14, 1 << 32, 1<<64 - 1} {
				lying := slices.Concat(body[:at], codec.AppendUvarint(nil, lie), body[at+1:])
				before := allocated()
				err := refusal(t, g.msg.Type(), lying)
				if spent := allocated() - before; spent > 64<<10 {
					t.Errorf("%s with %d at %d: %d bytes allocated before %v", g.msg.Type(), lie, at, spent, err)
				}
				if !errors.Is(err, codec.ErrTruncated) && !errors.Is(err, codec.ErrLimit) {
					t.Errorf("%s with %d at %d: %v", g.msg.Type(), lie, at, err)
				}
			}
		}
	}
}

// allocated returns the bytes allocated since the program started.
func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

func TestD2_AllocationCeiling(t *testing.T) {
	// The densest bodies there are: as many items as limits allow, each as small
	// as can be.
	dense := make([]ReceiptItem, MaxBatch)
	for i := range dense {
		dense[i].Outputs = make([][]byte, MaxOutputCount)
	}
	for _, m := range []Message{
		&Receipts{Items: dense},
		&Receipts{Items: make([]ReceiptItem, MaxBatch)},
		&Submit{Items: make([]Submission, MaxBatch)},
		&BufferedEvents{Events: slices.Repeat([]crypto.CausalEvent{{Kind: crypto.EventInput}}, MaxBatch)},
	} {
		body := bodyOf(m)
		before := allocated()
		if _, err := Decode(Header{m.Type(), len(body)}, body); err != nil {
			t.Fatal(err)
		}
		if spent, ceiling := allocated()-before, uint64(32*len(body)+4<<10); spent > ceiling {
			t.Errorf("%s of %d bytes: %d bytes allocated, ceiling %d", m.Type(), len(body), spent, ceiling)
		}
	}
}

func TestD2_UnknownTypes(t *testing.T) {
	for _, typ := range []Type{0, 0x0100, 0x0103, 0x0200, 0x0217, 0x0309, 0x0400, 0x040a, 0x0500, 0xffff} {
		if err := refusal(t, typ, nil); !errors.Is(err, ErrUnknownType) {
			t.Errorf("type 0x%04x: %v, want ErrUnknownType", uint16(typ), err)
		}
	}
}

func TestD2_HeaderLimits(t *testing.T) {
	for _, typ := range append(Types(), 0x0217, 0x7f01) {
		header := binary.BigEndian.AppendUint16(nil, uint16(typ))
		good := binary.BigEndian.AppendUint32(slices.Clone(header), uint32(typ.MaxBody()))
		if h, err := ParseHeader(good); err != nil || h.Type != typ || h.Length != typ.MaxBody() {
			t.Errorf("%s of the largest size: %+v, %v", typ, h, err)
		}
		for _, length := range []uint32{uint32(typ.MaxBody()) + 1, 1<<32 - 1} {
			bad := binary.BigEndian.AppendUint32(slices.Clone(header), length)
			if _, err := ParseHeader(bad); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s of %d bytes: %v, want ErrTooLarge", typ, length, err)
			}
		}
		if typ.MaxBody() > MaxFrame {
			t.Errorf("%s may have %d bytes, more than any frame", typ, typ.MaxBody())
		}
	}
	for n := range headerLen {
		if _, err := ParseHeader(make([]byte, n)); !errors.Is(err, codec.ErrTruncated) {
			t.Errorf("header of %d bytes: %v, want ErrTruncated", n, err)
		}
	}
}

func TestD2_LengthMustMatchBody(t *testing.T) {
	body := bodyOf(&Cancel{})
	for _, n := range []int{0, len(body) - 1, len(body) + 1} {
		if _, err := Decode(Header{TypeCancel, n}, body); !errors.Is(err, codec.ErrTruncated) {
			t.Errorf("header of %d for a body of %d: %v", n, len(body), err)
		}
	}
	if _, err := Decode(Header{TypeCancel, MaxFrame}, make([]byte, MaxFrame)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Cancel of 1 MiB: %v, want ErrTooLarge", err)
	}
}
