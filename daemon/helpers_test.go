package daemon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// errRefused is what the test daemon's Process returns for the payload "fail".
var errRefused = errors.New("refused by the daemon")

// tally is a daemon that appends every payload to its state and answers with
// its length before. Special payloads make it misbehave.
type tally struct {
	state []byte
	calls int   // of Process
	since []int // lengths at which snapshots were taken

	snapshotErr error
	viewLess    bool // Snapshot returns neither view nor error
	restoreErr  error
	readOnly    int // how much Restore reads; 0 is all
	hold        chan struct{}
	entered     chan struct{}
}

func (d *tally) Process(ev Event) ([][]byte, error) {
	d.calls++
	switch string(ev.Payload) {
	case "fail":
		return nil, errRefused
	case "panic":
		panic("at once")
	case "huge":
		return [][]byte{make([]byte, 256<<10), {1}}, nil
	case "many":
		return make([][]byte, 1025), nil
	case "largest":
		return [][]byte{make([]byte, 256<<10)}, nil
	case "hold":
		close(d.entered)
		<-d.hold
	case "silent":
		d.state = append(d.state, ev.Payload...)
		return nil, nil
	}
	out := binary.BigEndian.AppendUint64(nil, uint64(len(d.state)))
	d.state = append(d.state, ev.Payload...)
	return [][]byte{out, nil}, nil
}

func (d *tally) Snapshot() (io.WriterTo, error) {
	if d.snapshotErr != nil || d.viewLess {
		return nil, d.snapshotErr
	}
	d.since = append(d.since, len(d.state))
	return &tallyView{state: d.state[:len(d.state):len(d.state)]}, nil
}

func (d *tally) Restore(r io.Reader) error {
	if d.restoreErr != nil {
		return d.restoreErr
	}
	if d.readOnly > 0 {
		d.state = make([]byte, d.readOnly)
		_, err := io.ReadFull(r, d.state)
		return err
	}
	var err error
	d.state, err = io.ReadAll(r)
	return err
}

func (d *tally) Inspect(query []byte) ([]byte, error) {
	switch string(query) {
	case "fail":
		return nil, errRefused
	case "panic":
		panic("inspected")
	}
	return fmt.Appendf(nil, "%d", len(d.state)), nil
}

// tallyView is a view with a length that counts its closings.
type tallyView struct {
	state  []byte
	piece  int // bytes to a Write; 0 is all at once
	fail   error
	panics bool
	closed int
}

func (v *tallyView) Len() int64 { return int64(len(v.state)) }

func (v *tallyView) Close() error { v.closed++; return nil }

func (v *tallyView) WriteTo(w io.Writer) (n int64, err error) {
	if v.panics {
		panic("in the view")
	}
	for rest := v.state; len(rest) > 0; {
		piece := len(rest)
		if v.piece > 0 {
			piece = min(piece, v.piece)
		}
		written, err := w.Write(rest[:piece])
		n += int64(written)
		if err != nil {
			return n, err
		}
		rest = rest[piece:]
	}
	return n, v.fail
}

// mute has no Inspect and declares itself not deterministic.
type mute struct{}

func (mute) Process(Event) ([][]byte, error) { return nil, nil }
func (mute) Snapshot() (io.WriterTo, error)  { return bytes.NewReader(nil), nil }
func (mute) Restore(io.Reader) error         { return nil }
func (mute) StopAndCopy()                    {}
func (mute) String() string                  { return "mute" }

// testKey returns the key pair number n.
func testKey(t testing.TB, n uint64) *crypto.EntityKeypair {
	t.Helper()
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], n+1)
	seed[31] = 7
	key, err := crypto.KeypairFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// node and producer return recognizable identities.
func node(n byte) crypto.NodeID { return crypto.NodeID{31: n} }

func producer(n int) (p crypto.ProducerID) {
	binary.BigEndian.PutUint32(p[:], uint32(n+1))
	return p
}

// birth returns a newly born host with key 0 and its daemon.
func birth(t testing.TB) (*Host, *tally) {
	t.Helper()
	d := new(tally)
	h, err := NewHost(d, testKey(t, 0), "tally", HostConfig{Name: "the first"})
	if err != nil {
		t.Fatal(err)
	}
	return h, d
}

// submit submits and fails the test on an error.
func submit(t testing.TB, h *Host, p crypto.ProducerID, seq uint64, payload string) Receipt {
	t.Helper()
	r, err := h.Submit(p, seq, []byte(payload))
	if err != nil {
		t.Fatalf("submit %d: %v", seq, err)
	}
	return r
}

// snapshotBytes takes a snapshot and writes it.
func snapshotBytes(t testing.TB, h *Host) []byte {
	t.Helper()
	s, err := h.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return written(t, s)
}

func written(t testing.TB, s *Snapshot) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v with %d bytes written", n, err, b.Len())
	}
	return b.Bytes()
}

// restored reads b into a new dark host with key number key.
func restored(t testing.TB, b []byte, key uint64) (*Host, *tally) {
	t.Helper()
	s, err := ReadSnapshot(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	d := new(tally)
	h, err := Restore(s, d, testKey(t, key), HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return h, d
}

// move carries h to a new host by snapshot and handover, from one node to
// another, and returns it serving.
func move(t testing.TB, h *Host, from, to byte, key uint64) *Host {
	t.Helper()
	next, _ := restored(t, snapshotBytes(t, h), key)
	ev, err := h.HandOver(node(from), node(to), testKey(t, key).Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Replay(ev); err != nil {
		t.Fatal(err)
	}
	if err := next.Activate(node(to)); err != nil {
		t.Fatal(err)
	}
	return next
}

// wantErr fails unless err matches every one of want, or is nil if there are
// none.
func wantErr(t testing.TB, what string, err error, want ...error) {
	t.Helper()
	if len(want) == 0 && err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("%s: got error %v, want one matching %v", what, err, w)
		}
	}
}
