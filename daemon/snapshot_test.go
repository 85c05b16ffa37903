package daemon

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// travelled returns a host in epoch 3 with some history, and its daemon.
func travelled(t testing.TB) (*Host, *tally) {
	t.Helper()
	h, _ := birth(t)
	for epoch := byte(1); epoch < 3; epoch++ {
		for seq := range uint64(3) {
			submit(t, h, producer(int(seq)), uint64(epoch)*10+seq, "some state")
		}
		h = move(t, h, epoch, epoch+1, uint64(epoch))
	}
	return h, h.d.(*tally)
}

func TestSnapshotRoundTrip(t *testing.T) {
	for _, size := range []int{0, 1, wire.MaxChunk - 1, wire.MaxChunk, wire.MaxChunk + 1, 3*wire.MaxChunk + 100} {
		h, d := travelled(t)
		d.state = make([]byte, size)
		for i := range d.state {
			d.state[i] = byte(i * i)
		}
		snap, err := h.Snapshot()
		check(t, err)
		b := written(t, snap)
		if n, known := snap.Len(); !known || n != int64(len(b)) {
			t.Errorf("state of %d: Len %d %v, written %d", size, n, known, len(b))
		}
		if !bytes.Equal(written(t, snap), b) {
			t.Errorf("state of %d: written twice, different bytes", size)
		}
		read, err := ReadSnapshot(iotest.HalfReader(bytes.NewReader(b)))
		check(t, err)
		if read.EntityID() != h.EntityID() || read.Kind() != "tally" || read.Name() != "the first" || read.Epoch() != 3 ||
			read.Through() != h.Head().Sequence || read.Head() != h.Head() || read.Origin() != h.Origin() || read.Passport().Epoch() != 3 {
			t.Errorf("header differs: %+v", read.header)
		}
		copied := new(tally)
		next, err := Restore(read, copied, testKey(t, 9), HostConfig{})
		check(t, err)
		if !bytes.Equal(copied.state, d.state) || next.Head() != h.Head() || !next.Dark() {
			t.Errorf("state of %d: restored %d bytes", size, len(copied.state))
		}
	}
}

// TestSnapshotOneEncoding: the bytes do not depend on how the view cuts its
// writes.
func TestSnapshotOneEncoding(t *testing.T) {
	h, d := birth(t)
	d.state = make([]byte, wire.MaxChunk+wire.MaxChunk/2)
	want := snapshotBytes(t, h)
	for _, piece := range []int{1000, wire.MaxChunk - 1, wire.MaxChunk, wire.MaxChunk + 1} {
		s := &Snapshot{header: h.header(), view: &tallyView{state: d.state, piece: piece}}
		if !bytes.Equal(written(t, s), want) {
			t.Errorf("pieces of %d make other bytes", piece)
		}
	}
}

// TestP2_ReplayIsDeterministic: a copy that follows by replay has at every
// event the same snapshot as the source, byte for byte.
func TestP2_ReplayIsDeterministic(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	source, _ := travelled(t)
	target, _ := restored(t, snapshotBytes(t, source), 7)
	for i := range 300 {
		payload := []string{"a", "bb", "silent", "fail"}[rng.IntN(4)]
		r, err := source.Submit(producer(rng.IntN(20)), rng.Uint64N(uint64(10*i+10)), []byte(payload))
		if err != nil || r.Duplicate {
			continue
		}
		check(t, target.Replay(r.Event))
		if i%10 == 0 {
			target.state = serving // a dark host gives no snapshot
			same := bytes.Equal(snapshotBytes(t, target), snapshotBytes(t, source))
			target.state = dark
			if !same {
				t.Fatalf("snapshots differ after event %d", r.Event.Link.Sequence)
			}
		}
	}
}

func TestRestoreFailures(t *testing.T) {
	h, d := birth(t)
	d.state = make([]byte, 2*wire.MaxChunk)
	b := snapshotBytes(t, h)
	key := testKey(t, 1)
	broken := errors.New("disk on fire")
	read := func() *Snapshot {
		s, err := ReadSnapshot(bytes.NewReader(b))
		check(t, err)
		return s
	}
	_, err := Restore(read(), &tally{restoreErr: errRefused}, key, HostConfig{})
	wantErr(t, "failing daemon", err, wire.ErrStateFailed, errRefused)
	_, err = Restore(read(), panicking{}, key, HostConfig{})
	wantErr(t, "panicking daemon", err, wire.ErrStateFailed)
	_, err = Restore(read(), nil, key, HostConfig{})
	wantErr(t, "no daemon", err, ErrConfig)
	_, err = Restore(read(), new(tally), crypto.PublicOnly(key.Public()), HostConfig{})
	wantErr(t, "no secret", err, crypto.ErrCannotSign)
	for _, n := range []int{3, 300, wire.MaxChunk} {
		err := tryRestore(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)))
		wantErr(t, "failing stream", err, broken)
		if errors.Is(err, wire.ErrBadSnapshot) {
			t.Errorf("a failing stream is no bad snapshot: %v", err)
		}
	}
	if !key.CanSign() {
		t.Error("a failed restore wiped the key")
	}
	// A daemon that does not read to the end is still given all of it.
	s := read()
	if _, err := Restore(s, &tally{readOnly: 10}, key, HostConfig{}); err != nil {
		t.Error(err)
	}
	_, err = Restore(s, new(tally), key, HostConfig{})
	wantErr(t, "the same stream again", err, ErrConsumed)
}

// panicking fails in its own way wherever it can.
type panicking struct{}

func (panicking) Process(Event) ([][]byte, error) { panic("Process") }

func (panicking) Snapshot() (io.WriterTo, error) { panic("Snapshot") }

func (panicking) Restore(io.Reader) error { panic("Restore") }

func (panicking) Inspect(q []byte) ([]byte, error) { panic("Inspect") }

// TestRestoreFromTheHostsOwnSnapshot: a snapshot that never left the process
// restores as well, and shares nothing.
func TestRestoreFromTheHostsOwnSnapshot(t *testing.T) {
	h, d := birth(t)
	submit(t, h, producer(1), 1, "state")
	s, err := h.Snapshot()
	check(t, err)
	for range 2 {
		copied := new(tally)
		next, err := Restore(s, copied, testKey(t, 1), HostConfig{})
		check(t, err)
		check(t, next.Replay(nextEvent(next)))
		if string(d.state) != "state" || string(copied.state) != "statey" {
			t.Errorf("states %q and %q", d.state, copied.state)
		}
	}
	check(t, s.Close())
	_, err = Restore(s, new(tally), testKey(t, 1), HostConfig{})
	wantErr(t, "closed", err, ErrClosed)
}

func TestS1_SnapshotFailures(t *testing.T) {
	h, d := birth(t)
	d.viewLess = true
	_, err := h.Snapshot()
	wantErr(t, "stateless", err, wire.ErrStateless)
	d.snapshotErr = errRefused
	_, err = h.Snapshot()
	wantErr(t, "failing", err, wire.ErrStateFailed, errRefused)
	p, err := NewHost(panicking{}, testKey(t, 4), "panicking", HostConfig{})
	check(t, err)
	_, err = p.Snapshot()
	wantErr(t, "panicking", err, wire.ErrStateFailed)
	d.snapshotErr, d.viewLess = nil, false
	snapshotBytes(t, h)
	submit(t, h, producer(1), 1, "serves on")
}

func TestViewFailures(t *testing.T) {
	h, _ := birth(t)
	for _, v := range []*tallyView{{fail: errRefused}, {panics: true}} {
		s := &Snapshot{header: h.header(), view: v}
		var b bytes.Buffer
		n, err := s.WriteTo(&b)
		wantErr(t, "the view's own failure", err, wire.ErrStateFailed)
		if n != int64(b.Len()) || v.fail != nil && !errors.Is(err, v.fail) {
			t.Errorf("view %+v: %d bytes counted, %d written, %v", v, n, b.Len(), err)
		}
		_, err = Restore(s, new(tally), testKey(t, 1), HostConfig{})
		wantErr(t, "restored from it", err, wire.ErrStateFailed)
		if tryRestore(&b) == nil {
			t.Error("half a state restores")
		}
	}
	s := &Snapshot{header: h.header(), view: &tallyView{state: make([]byte, 1<<20)}}
	for _, limit := range []int{0, 100, 300_000} {
		w := &limited{left: limit}
		n, err := s.WriteTo(w)
		wantErr(t, "full disk", err, io.ErrShortWrite)
		if errors.Is(err, wire.ErrStateFailed) {
			t.Error("a full disk is laid at the daemon's door:", err)
		}
		if n != int64(limit) {
			t.Errorf("%d bytes counted, %d taken", n, limit)
		}
	}
}

// limited takes so many bytes and then fails.
type limited struct{ left int }

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestCloseFreesTheView(t *testing.T) {
	h, _ := birth(t)
	s, err := h.Snapshot()
	check(t, err)
	view := s.view.(*tallyView)
	for range 2 {
		check(t, s.Close())
	}
	_, err = s.WriteTo(io.Discard)
	wantErr(t, "closed", err, ErrClosed)
	if view.closed != 1 {
		t.Errorf("view was closed %d times", view.closed)
	}
	// A Close in the middle ends the writing, which then closes the view.
	s, err = h.Snapshot()
	check(t, err)
	view = s.view.(*tallyView)
	view.state, view.piece = make([]byte, 4*wire.MaxChunk), wire.MaxChunk
	closing := writerFunc(func(p []byte) (int, error) {
		check(t, s.Close())
		if view.closed != 0 {
			t.Error("view closed under its reader")
		}
		return len(p), nil
	})
	_, err = s.WriteTo(closing)
	wantErr(t, "closed meanwhile", err, ErrClosed)
	if view.closed != 1 {
		t.Errorf("view was closed %d times", view.closed)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSnapshotPassesThrough(t *testing.T) {
	h, d := travelled(t)
	d.state = make([]byte, wire.MaxChunk+77)
	b := snapshotBytes(t, h)
	s, err := ReadSnapshot(bytes.NewReader(b))
	check(t, err)
	if _, known := s.Len(); known {
		t.Error("the length of a stream is known before its end")
	}
	if !bytes.Equal(written(t, s), b) {
		t.Error("passed on, it has other bytes")
	}
	_, err = s.WriteTo(io.Discard)
	wantErr(t, "again", err, ErrConsumed)
	s, err = ReadSnapshot(bytes.NewReader(b[:len(b)-1]))
	check(t, err)
	_, err = s.WriteTo(io.Discard)
	wantErr(t, "cut", err, wire.ErrBadSnapshot)
}

// TestS2_SubmitWhileSnapshotStreams: the bytes are those of the moment, while
// every producer the table shows goes on submitting.
func TestS2_SubmitWhileSnapshotStreams(t *testing.T) {
	h, d := birth(t)
	for i := range 200 {
		submit(t, h, producer(i%20), uint64(i+1), "before")
	}
	want := snapshotBytes(t, h)
	s, err := h.Snapshot()
	check(t, err)
	stop := make(chan struct{})
	done := make(chan int)
	go func() {
		n := 0
		for seq := uint64(1000); ; seq++ {
			select {
			case <-stop:
				done <- n
				return
			default:
			}
			if _, err := h.Submit(producer(int(seq%20)), seq, []byte("after")); err != nil {
				t.Error(err)
			}
			n++
		}
	}()
	for range 50 {
		if !bytes.Equal(written(t, s), want) {
			t.Error("the snapshot changed while it streamed")
		}
	}
	close(stop)
	if n := <-done; h.Head().Sequence != uint64(200+n) || d.calls != 200+n {
		t.Errorf("%d events submitted, head at %d", n, h.Head().Sequence)
	}
}
