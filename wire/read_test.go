package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/ferrymesh/ferry/codec"
)

// stream returns all golden frames behind each other, with frames of unknown
// subprotocols in between.
func stream() (out []byte, messages []Message) {
	for i, g := range vectors() {
		out = AppendFrame(out, g.msg)
		messages = append(messages, g.msg)
		if i%5 == 0 {
			out = append(out, 0x7f, byte(i))
			out = binary.BigEndian.AppendUint32(out, uint32(i*1000))
			out = append(out, make([]byte, i*1000)...)
		}
	}
	return out, messages
}

// readAll reads frames until the stream ends and decodes those it knows.
func readAll(r io.Reader) (messages []Message, skipped int, err error) {
	var body []byte
	for {
		var h Header
		h, body, err = ReadFrame(r, body)
		if err != nil {
			return messages, skipped, err
		}
		if !h.Subprotocol().Known() {
			skipped++
			continue
		}
		m, err := Decode(h, slices.Clone(body))
		if err != nil {
			return messages, skipped, err
		}
		messages = append(messages, m)
	}
}

func TestD2_ReadFrameSplitAnyhow(t *testing.T) {
	bytesIn, want := stream()
	for name, r := range map[string]io.Reader{
		"whole":      bytes.NewReader(bytesIn),
		"one byte":   iotest.OneByteReader(bytes.NewReader(bytesIn)),
		"half reads": iotest.HalfReader(bytes.NewReader(bytesIn)),
		"data + EOF": iotest.DataErrReader(bytes.NewReader(bytesIn)),
	} {
		got, skipped, err := readAll(r)
		if err != io.EOF {
			t.Fatalf("%s: %v, want io.EOF", name, err)
		}
		if skipped != (len(want)+4)/5 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d messages, %d skipped", name, len(got), skipped)
		}
	}
}

func TestD2_ReadFrameCutAnywhere(t *testing.T) {
	frame := AppendFrame(nil, vectors()[4].msg)
	skip := append([]byte{0x7f, 1, 0, 0, 0, 40}, make([]byte, 40)...)
	for _, whole := range [][]byte{frame, skip} {
		for n := range whole {
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if _, _, err := ReadFrame(bytes.NewReader(whole[:n]), nil); err != want {
				t.Errorf("cut to %d of %d bytes: %v, want %v", n, len(whole), err, want)
			}
		}
	}
}

func TestD2_ReadFramePassesErrorsOn(t *testing.T) {
	cause := errors.New("connection reset")
	frame := AppendFrame(nil, &Cancel{})
	for _, n := range []int{0, 3, headerLen, headerLen + 1} {
		r := io.MultiReader(bytes.NewReader(frame[:n]), iotest.ErrReader(cause))
		if _, _, err := ReadFrame(r, nil); !errors.Is(err, cause) {
			t.Errorf("reset after %d bytes: %v", n, err)
		}
	}
	huge := []byte{2, 5, 0xff, 0xff, 0xff, 0xff}
	if _, _, err := ReadFrame(bytes.NewReader(huge), nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("frame of 4 GiB: %v, want ErrTooLarge", err)
	}
}

// A peer that announces the largest frame and sends little of it makes us hold
// little.
func TestD2_ReadFrameGrowsWithWhatArrives(t *testing.T) {
	header := []byte{2, 5, 0, 8, 0, 0}
	for _, sent := range []int{0, 1, 1000, 10_000, 100_000, MaxBatchBytes - 1} {
		r := io.MultiReader(bytes.NewReader(header), bytes.NewReader(make([]byte, sent)))
		_, buf, err := ReadFrame(r, nil)
		if err != io.ErrUnexpectedEOF {
			t.Fatalf("%d bytes: %v", sent, err)
		}
		if ceiling := max(2*firstRead, 3*sent); cap(buf) > ceiling {
			t.Errorf("%d bytes arrived, %d are held, ceiling %d", sent, cap(buf), ceiling)
		}
	}
}

func TestReadFrameReusesItsBuffer(t *testing.T) {
	frame := AppendFrame(nil, newRandom(t).batch(MaxBatch, 128))
	r := bytes.NewReader(frame)
	_, body, err := ReadFrame(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(100, func() {
		r.Reset(frame)
		if _, body, err = ReadFrame(r, body); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("%.0f allocations a frame, want none", allocs)
	}
}

func TestSplitFrame(t *testing.T) {
	two := AppendFrame(AppendFrame(nil, &Cancel{Ref{Origin: 1}}), &Ask{Ref: Ref{Origin: 2}})
	h, body, rest, err := SplitFrame(two)
	if err != nil || h.Type != TypeCancel || len(body) != RefSize {
		t.Fatalf("first frame: %+v, %d bytes, %v", h, len(body), err)
	}
	if h, _, rest, err = SplitFrame(rest); err != nil || h.Type != TypeAsk || len(rest) != 0 {
		t.Fatalf("second frame: %+v, %d bytes left, %v", h, len(rest), err)
	}
	for n := range two[:headerLen+RefSize] {
		if _, _, rest, err := SplitFrame(two[:n]); !errors.Is(err, codec.ErrTruncated) || len(rest) != n {
			t.Errorf("%d bytes: %v, %d bytes left", n, err, len(rest))
		}
	}
}
