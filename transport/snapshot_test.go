package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/ferrymesh/ferry/wire"
)

// openSnapshot opens a stream and returns both of its ends.
func openSnapshot(t testing.TB, a, b *node, at SessionID, ref wire.Ref) (SnapshotWriter, io.ReadCloser) {
	t.Helper()
	w, err := a.OpenSnapshot(context.Background(), at, ref)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	got := next(t, b.snapshots, "the snapshot")
	if got.ref != ref {
		t.Fatalf("snapshot of %v, want %v", got.ref, ref)
	}
	t.Cleanup(func() { _ = got.r.Close() })
	return w, got.r
}

func TestSnapshotRoundTrip(t *testing.T) {
	sizes := []int{0, 1, chunkLen - 1, chunkLen, chunkLen + 1, 3 * chunkLen, 5<<20 + 3}
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		for _, size := range sizes {
			want := make([]byte, size)
			for i := range want {
				want[i] = byte(random.Uint32())
			}
			w, r := openSnapshot(t, a, b, at, refOf(1))
			go writePieces(t, w, want, random.Uint64())
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("seed %d: %d bytes arrived as %d, error %v", seed, size, len(got), err)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("reading on after the end: %d, %v", n, err)
			}
		}
	})
}

// writePieces writes data in pieces of all sizes and closes.
func writePieces(t *testing.T, w SnapshotWriter, data []byte, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	for len(data) > 0 {
		n := min(len(data), random.IntN(1<<random.IntN(20))+1)
		if got, err := w.Write(data[:n]); got != n || err != nil {
			t.Errorf("write %d bytes: %d, %v", n, got, err)
			return
		}
		data = data[n:]
	}
	if err := w.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestSnapshotReaderTakesAnyReadSize(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		want := bytes.Repeat([]byte("ferry"), chunkLen/4)
		w, r := openSnapshot(t, a, b, at, refOf(1))
		go writePieces(t, w, want, 1)
		if err := iotest.TestReader(r, want); err != nil {
			t.Error(err)
		}
	})
}

func TestSnapshotCut(t *testing.T) {
	reason := errors.New("the disk went away")
	cuts := map[string]func(a, b *node, at SessionID, cancel func(), w SnapshotWriter){
		"cancel":     func(_, _ *node, _ SessionID, _ func(), w SnapshotWriter) { w.Cancel(reason) },
		"context":    func(_, _ *node, _ SessionID, cancel func(), _ SnapshotWriter) { cancel() },
		"disconnect": func(a, _ *node, at SessionID, _ func(), _ SnapshotWriter) { a.Disconnect(at, "bye") },
	}
	onBoth(t, func(t *testing.T, m medium) {
		for name, cut := range cuts {
			t.Run(name, func(t *testing.T) {
				a, b, at, _ := pair(t, m, Config{})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				w, err := a.OpenSnapshot(ctx, at, refOf(1))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write(make([]byte, 3*chunkLen/2)); err != nil {
					t.Fatal(err)
				}
				r := next(t, b.snapshots, "the snapshot").r
				if _, err := io.ReadFull(r, make([]byte, chunkLen)); err != nil {
					t.Fatal(err)
				}
				cut(a, b, at, cancel, w)
				wantCut(t, w, r)
			})
		}
	})
}

// wantCut checks that both ends learn that their stream was cut.
func wantCut(t *testing.T, w SnapshotWriter, r io.ReadCloser) {
	t.Helper()
	_, err := io.Copy(io.Discard, r)
	wantIs(t, err, io.ErrUnexpectedEOF)
	wantIs(t, err, ErrCut)
	for err = nil; err == nil; {
		_, err = w.Write(make([]byte, chunkLen))
	}
	wantIs(t, err, ErrCut)
	if err := w.Close(); err == nil {
		t.Error("Close of a cut stream succeeded")
	}
	w.Cancel(nil)
	if err := r.Close(); err != nil {
		t.Errorf("close the reader: %v", err)
	}
}

func TestSnapshotReaderGivesUp(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		w, r := openSnapshot(t, a, b, at, refOf(1))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, chunkLen))
		}
		wantIs(t, err, ErrCut)
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Error("a closed reader reads")
		}
		// The session is none the worse.
		w, r = openSnapshot(t, a, b, at, refOf(2))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); len(got) != 0 || err != nil {
			t.Errorf("next snapshot: %d bytes, %v", len(got), err)
		}
		if _, err := w.Write([]byte{1}); err == nil {
			t.Error("write after Close succeeded")
		}
	})
}

func TestSnapshotWaitsForItsReader(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, bt := pair(t, m, Config{})
		w, _ := openSnapshot(t, a, b, at, refOf(1))
		var written atomic.Int64
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for range 64 << 20 / chunkLen {
				n, err := w.Write(make([]byte, chunkLen))
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
		// Time passes, and the other streams do not notice.
		for i := range uint64(200) {
			sendNumbered(t, a, at, wire.ChannelControl, 1)
			wantNumbered(t, b, bt, wire.ChannelControl, 1)
			if held := written.Load(); held > maxSessionWindow {
				t.Fatalf("after %d frames the unread stream holds %d bytes", i, held)
			}
		}
		w.Cancel(nil)
		next(t, stopped, "the writer")
		if held := written.Load(); held > maxSessionWindow {
			t.Errorf("the unread stream held %d bytes", held)
		}
	})
}

// chunk encodes one SnapshotReady frame.
func chunk(number byte, offset uint64, data string, last bool) []byte {
	return wire.AppendFrame(nil, &wire.SnapshotReady{Ref: refOf(number), Offset: offset, Data: []byte(data), Last: last})
}

func TestSnapshotFramingIsChecked(t *testing.T) {
	good := chunk(1, 0, "abc", false)
	tests := map[string]struct {
		bytes []byte
		want  error
	}{
		"no frame at all":       {nil, io.ErrUnexpectedEOF},
		"no last chunk":         {good, io.ErrUnexpectedEOF},
		"half a header":         {append(bytes.Clone(good), 2, 4, 0), io.ErrUnexpectedEOF},
		"half a body":           {good[:len(good)-1], io.ErrUnexpectedEOF},
		"another migration":     {chunk(2, 0, "abc", true), wire.ErrBadSnapshot},
		"an offset ahead":       {chunk(1, 1, "abc", true), wire.ErrBadSnapshot},
		"an offset repeated":    {append(bytes.Clone(good), good...), wire.ErrBadSnapshot},
		"an empty chunk":        {chunk(1, 0, "", false), wire.ErrBadSnapshot},
		"another type":          {progress(1, 1), wire.ErrBadSnapshot},
		"a malformed body":      {[]byte{2, 4, 0, 0, 0, 1, 0}, wire.ErrBadSnapshot},
		"a huge length":         {[]byte{2, 4, 0xff, 0xff, 0xff, 0xff}, wire.ErrBadSnapshot},
		"bytes after the last":  {append(chunk(1, 0, "abc", true), 0), wire.ErrBadSnapshot},
		"frames after the last": {append(chunk(1, 0, "abc", true), chunk(1, 3, "", true)...), wire.ErrBadSnapshot},
	}
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, bt := pair(t, m, Config{})
		for name, test := range tests {
			head := AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelSnapshot, Ref: refOf(1)})
			if err := rawStream(a, at, append(head, test.bytes...)); err != nil {
				t.Fatal(err)
			}
			r := next(t, b.snapshots, "the snapshot").r
			got, err := io.ReadAll(r)
			if !errors.Is(err, test.want) || len(got) > 3 {
				t.Errorf("%s: read %q, error %v; want %v", name, got, err, test.want)
			}
			_ = r.Close()
		}
		sendNumbered(t, a, at, wire.ChannelControl, 1)
		wantNumbered(t, b, bt, wire.ChannelControl, 1)
	})
}

// rawStream opens a unidirectional stream beneath the session, writes and ends
// it.
func rawStream(n *node, id SessionID, data []byte) error {
	out, err := n.Network.(*network).session(id).mux.openOne(context.Background())
	if err == nil {
		_, err = out.Write(data)
	}
	if err == nil {
		err = out.Close()
	}
	return err
}

func TestLargeForeignChunksAreRead(t *testing.T) {
	onBoth(t, func(t *testing.T, m medium) {
		a, b, at, _ := pair(t, m, Config{})
		data := string(bytes.Repeat([]byte{7}, wire.MaxChunk))
		stream := AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelSnapshot, Ref: refOf(1)})
		stream = append(stream, chunk(1, 0, data, false)...)
		stream = append(stream, chunk(1, wire.MaxChunk, data, true)...)
		wrote := make(chan error, 1)
		go func() { wrote <- rawStream(a, at, stream) }()
		r := next(t, b.snapshots, "the snapshot").r
		got, err := io.ReadAll(r)
		if err != nil || string(got) != data+data {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if err := next(t, wrote, "the writer"); err != nil {
			t.Error(err)
		}
		_ = r.Close()
	})
}

// quietSession is a session without a peer, to count allocations in.
func quietSession(t *testing.T) *session {
	t.Helper()
	n, err := newNetwork(Config{Key: keyOf(t, 1)}, newRecorder(t))
	if err != nil {
		t.Fatal(err)
	}
	return &session{net: n, snapshots: make(chan struct{}, 1)}
}

// nowhere is a sendStream that takes everything.
type nowhere struct{ n int }

func (s *nowhere) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }
func (s *nowhere) Close() error                { return nil }
func (s *nowhere) reset()                      {}
func (s *nowhere) prioritize(int8)             {}
func (s *nowhere) over() <-chan struct{}       { return nil }

func TestSnapshotWriterDoesNotAllocate(t *testing.T) {
	s := quietSession(t)
	w := &snapshotWriter{
		s: s, out: &nowhere{}, msg: wire.SnapshotReady{Ref: refOf(1)},
		held: s.net.buffers.get(bufferLen), frame: s.net.buffers.get(bufferLen),
	}
	data := make([]byte, 3*chunkLen/2)
	if n := testing.AllocsPerRun(100, func() { _, _ = w.Write(data) }); n != 0 {
		t.Errorf("%v allocations per write", n)
	}
}

// endless yields one frame after the other.
type endless struct {
	frame  []byte
	offset uint64
	rest   []byte
}

func (s *endless) refuse() {}

func (s *endless) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		m := &wire.SnapshotReady{Ref: refOf(1), Offset: s.offset, Data: s.frame[:chunkLen]}
		s.rest = wire.AppendFrame(s.frame[chunkLen:chunkLen], m)
		s.offset += chunkLen
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func TestSnapshotReaderReusesItsBuffer(t *testing.T) {
	src := &endless{frame: make([]byte, 3*chunkLen)}
	r := newSnapshotReader(quietSession(t), refOf(1), src)
	p := make([]byte, chunkLen)
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := io.ReadFull(r, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	// What remains is the decoded message itself, and the test's own.
	if got := result.AllocedBytesPerOp(); got > 1024 {
		t.Errorf("%d bytes of garbage per chunk of %d", got, chunkLen)
	}
}
