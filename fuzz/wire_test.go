package fuzz

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// headerLen is the length of a frame header.
const headerLen = 6

// goldenFrames returns the frozen frame of every message, read from the annotated
// vectors of package wire.
func goldenFrames(f testing.TB) (frames [][]byte) {
	f.Helper()
	paths, err := filepath.Glob("../wire/testdata/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no golden vectors: %v", err)
	}
	for _, path := range paths {
		vector, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		frames = append(frames, parseVector(f, vector))
	}
	return frames
}

// parseVector joins the second column of an annotated vector.
func parseVector(f testing.TB, vector []byte) []byte {
	f.Helper()
	var digits strings.Builder
	for line := range strings.Lines(string(vector)) {
		if fields := strings.Fields(line); len(fields) == 2 {
			digits.WriteString(fields[1])
		}
	}
	frame, err := hex.DecodeString(digits.String())
	if err != nil {
		f.Fatal(err)
	}
	return frame
}

// wantFrameError fails unless err is of the one kind that wire refuses with.
func wantFrameError(t *testing.T, err error) {
	t.Helper()
	if frame := (*wire.FrameError)(nil); !errors.As(err, &frame) {
		t.Fatalf("error %v is no FrameError", err)
	}
	if wire.ReasonOf(err) == wire.ReasonInternal {
		t.Fatalf("error %v has no reason that a peer could act on", err)
	}
}

// FuzzFrame cuts arbitrary bytes into frames. What decodes must re-encode to the
// very bytes it was cut from.
func FuzzFrame(f *testing.F) {
	frames := goldenFrames(f)
	for _, frame := range frames {
		f.Add(frame)
	}
	f.Add(bytes.Join(frames, nil))
	f.Add([]byte{0x7f, 1, 0, 0, 0, 2, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			h, body, rest, err := wire.SplitFrame(b)
			if err != nil {
				wantFrameError(t, err)
				return
			}
			checkMessage(t, h, body, b[:len(b)-len(rest)])
			b = rest
		}
	})
}

// checkMessage holds one frame to the law: decoded means re-encoded identically.
func checkMessage(t *testing.T, h wire.Header, body, frame []byte) {
	t.Helper()
	m, err := wire.Decode(h, body)
	if err != nil {
		wantFrameError(t, err)
		return
	}
	if again := wire.AppendFrame(nil, m); !bytes.Equal(again, frame) {
		t.Fatalf("%s % x re-encodes to % x", h.Type, frame, again)
	}
}

// FuzzMessage decodes arbitrary bodies under arbitrary types, and measures what
// that makes the decoder allocate.
func FuzzMessage(f *testing.F) {
	for _, frame := range goldenFrames(f) {
		h, body, _, err := wire.SplitFrame(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(h.Type), body)
	}
	f.Fuzz(func(t *testing.T, typ uint16, body []byte) {
		h := wire.Header{Type: wire.Type(typ), Length: len(body)}
		if h.Length > h.Type.MaxBody() {
			return
		}
		before := allocated()
		m, err := wire.Decode(h, body)
		// The ceiling that package wire documents, and room for what the fuzzing
		// engine allocates meanwhile.
		if spent, ceiling := allocated()-before, uint64(32*len(body)+64<<10); spent > ceiling {
			t.Fatalf("%s of %d bytes: %d bytes allocated, ceiling %d", h.Type, len(body), spent, ceiling)
		}
		if err != nil {
			wantFrameError(t, err)
			return
		}
		if again := wire.AppendFrame(nil, m)[headerLen:]; !bytes.Equal(again, body) {
			t.Fatalf("%s % x re-encodes to % x", h.Type, body, again)
		}
		checkBatch(t, h, body)
	})
}

// checkBatch compares the decoder that reuses its events with the general one.
func checkBatch(t *testing.T, h wire.Header, body []byte) {
	t.Helper()
	if h.Type != wire.TypeBufferedEvents {
		return
	}
	var reused wire.BufferedEvents
	for range 2 {
		if err := wire.DecodeEvents(body, &reused); err != nil {
			t.Fatalf("DecodeEvents refuses what Decode takes: %v", err)
		}
	}
	if again := wire.AppendFrame(nil, &reused)[headerLen:]; !bytes.Equal(again, body) {
		t.Fatalf("% x re-encodes to % x", body, again)
	}
}

// allocated returns the bytes allocated since the program started.
func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

// splitReader returns its bytes in pieces: each read is bounded by the next of the
// splits, which repeat, and a split of zero reads nothing.
type splitReader struct {
	rest   []byte
	splits []byte
	next   int
	idle   int // reads in a row that returned nothing
}

func (r *splitReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := len(p)
	if len(r.splits) > 0 {
		n = min(n, int(r.splits[r.next%len(r.splits)]))
		r.next++
	}
	if n == 0 && len(p) > 0 {
		// io.Reader allows empty reads, but not for ever.
		if r.idle++; r.idle > 3 {
			n = 1
		}
	}
	if n > 0 {
		r.idle = 0
	}
	n = copy(p[:n], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// FuzzReadFrame reads a stream in arbitrary pieces and compares what arrives with
// the frames that SplitFrame cuts off the whole.
func FuzzReadFrame(f *testing.F) {
	frames := goldenFrames(f)
	f.Add(bytes.Join(frames, nil), []byte{1})
	f.Add(bytes.Join(frames, []byte{0x7f, 0, 0, 0, 0, 3, 1, 2, 3}), []byte{0, 7, 200})
	f.Add(frames[0][:len(frames[0])-1], []byte{})
	f.Fuzz(func(t *testing.T, stream, splits []byte) {
		r := &splitReader{rest: stream, splits: splits}
		var buf []byte
		ceiling := max(2<<10, 3*len(stream)) // the buffer stays as large as the largest frame made it
		for {
			h, got, err := wire.ReadFrame(r, buf)
			want, body, rest, splitErr := wire.SplitFrame(stream)
			if err != nil {
				checkEnd(t, stream, err, splitErr)
				return
			}
			if splitErr != nil || h != want {
				t.Fatalf("read %+v, the stream has %+v, %v", h, want, splitErr)
			}
			if h.Subprotocol().Known() && !bytes.Equal(got, body) {
				t.Fatalf("%s: read % x, the stream has % x", h.Type, got, body)
			}
			if cap(got) > ceiling {
				t.Fatalf("%d bytes are held, the ceiling is %d", cap(got), ceiling)
			}
			buf, stream = got, rest
		}
	})
}

// checkEnd checks why a stream ended: between frames, within one, or at one that
// is refused.
func checkEnd(t *testing.T, stream []byte, err, splitErr error) {
	t.Helper()
	if splitErr == nil {
		t.Fatalf("%v in front of a good frame", err)
	}
	switch {
	case len(stream) == 0 && err == io.EOF, len(stream) > 0 && err == io.ErrUnexpectedEOF:
	default:
		wantFrameError(t, err)
	}
}
