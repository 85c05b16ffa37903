package fuzz

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// echo is a daemon whose state is all it was sent and whose output is what it
// was sent last.
type echo struct{ state []byte }

func (d *echo) Process(ev daemon.Event) ([][]byte, error) {
	if string(ev.Payload) == "no" {
		return nil, errors.New("refused")
	}
	d.state = append(d.state, ev.Payload...)
	return [][]byte{bytes.Clone(ev.Payload)}, nil
}

func (d *echo) Snapshot() (io.WriterTo, error) {
	return bytes.NewBuffer(slices.Clone(d.state)), nil
}

func (d *echo) Restore(r io.Reader) (err error) {
	d.state, err = io.ReadAll(r)
	return err
}

func daemonKey(t testing.TB, n int) *crypto.EntityKeypair {
	t.Helper()
	key, err := crypto.KeypairFromSeed([32]byte{0xda, byte(n), byte(n >> 8)})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func daemonProducer(n int) (p crypto.ProducerID) {
	binary.BigEndian.PutUint32(p[:], uint32(n))
	return p
}

func newEcho(t testing.TB) *daemon.Host {
	t.Helper()
	h, err := daemon.NewHost(new(echo), daemonKey(t, 1), "echo", daemon.HostConfig{Name: "e"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func snapshotOf(t testing.TB, h *daemon.Host) []byte {
	t.Helper()
	s, err := h.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzSnapshot: whatever restores re-encodes to the same bytes, what is
// rejected is rejected in every way of reading it, and neither costs more
// memory than the bytes that were there. Each input is also tried with its
// checksums set right, so that the parser behind them is reached.
func FuzzSnapshot(f *testing.F) {
	h := newEcho(f)
	f.Add(snapshotOf(f, h))
	for i := range 8 {
		if _, err := h.Submit(daemonProducer(i%3), uint64(i), []byte("payload")); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(snapshotOf(f, h))
	for i := range 3 {
		h = moveEcho(f, h, i)
	}
	f.Add(snapshotOf(f, h))
	f.Fuzz(func(t *testing.T, data []byte) {
		snapshotLaw(t, data)
		if sealed, ok := resealed(data); ok {
			snapshotLaw(t, sealed)
		}
	})
}

func snapshotLaw(t *testing.T, data []byte) {
	before := totalAlloc()
	d := new(echo)
	h, err := restoreEcho(t, data, d)
	if spent, limit := totalAlloc()-before, uint64(40*len(data)+1<<18); spent > limit {
		t.Fatalf("%d bytes of input cost %d bytes of memory", len(data), spent)
	}
	s, readErr := daemon.ReadSnapshot(bytes.NewReader(data))
	if readErr != nil {
		if err == nil || !errors.Is(readErr, wire.ErrBadSnapshot) {
			t.Fatalf("read: %v, restore: %v", readErr, err)
		}
		return
	}
	var again bytes.Buffer
	_, passErr := s.WriteTo(&again)
	if (err == nil) != (passErr == nil) {
		t.Fatalf("restore: %v, passing on: %v", err, passErr)
	}
	if err != nil {
		return
	}
	if !bytes.Equal(again.Bytes(), data) {
		t.Fatal("it restores but encodes to other bytes")
	}
	if !h.Dark() || h.Origin() != crypto.OriginOf(h.EntityID()) || h.Passport().Verify() != nil {
		t.Fatal("it restored to a host that cannot be")
	}
	// The host must hold up to replay, whatever table it was given.
	for i := range 3 {
		link, ok := h.Head().Next()
		if ok {
			_ = h.Replay(daemon.Event{Link: link, Kind: crypto.EventInput, Producer: daemonProducer(i), ProducerSeq: 1 << 60})
		}
	}
}

func restoreEcho(t *testing.T, data []byte, d daemon.Daemon) (*daemon.Host, error) {
	s, err := daemon.ReadSnapshot(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return daemon.Restore(s, d, daemonKey(t, 999), daemon.HostConfig{})
}

func totalAlloc() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// resealed returns data with every checksum set right, if it has the layout of
// a snapshot at all.
func resealed(data []byte) ([]byte, bool) {
	b := slices.Clone(data)
	c := codec.NewCursor(b)
	c.Take(8 + 2 + 32)
	c.String(1 << 10)
	c.String(1 << 10)
	c.Take(8 + crypto.HeadSize)
	r := bytes.NewReader(b[len(b)-c.Rest():])
	if _, err := crypto.ReadPassport(r); c.Err() != nil || err != nil {
		return nil, false
	}
	c.Take(c.Rest() - r.Len())
	c.Take(8)
	for range min(c.Uvarint(), 1<<20) {
		c.Take(32)
		c.Take(48 * int(c.Uint8()))
		c.Bytes(1 << 20)
		if c.Err() != nil {
			return nil, false
		}
	}
	sealSum(b, &c, func(done []byte) uint64 { return xxhash.Sum64(done) })
	for c.Err() == nil {
		n := c.Uvarint()
		if n == 0 {
			break
		}
		sum := c.Take(8)
		chunk := c.Take(int(min(n, 1<<30)))
		if c.Err() == nil {
			binary.BigEndian.PutUint64(sum, xxhash.Sum64(chunk))
		}
	}
	sealSum(b, &c, func(done []byte) uint64 { return uint64(len(done)) })
	done := len(b) - c.Rest()
	if digest := c.Take(32); c.Err() == nil {
		sum := sha256.Sum256(b[:done])
		copy(digest, sum[:])
	}
	return b, c.Err() == nil
}

// sealSum sets the 8 bytes at the cursor to a sum of those before.
func sealSum(b []byte, c *codec.Cursor, sum func(done []byte) uint64) {
	done := len(b) - c.Rest()
	if field := c.Take(8); c.Err() == nil {
		binary.BigEndian.PutUint64(field, sum(b[:done]))
	}
}

// moveEcho hands h over to a new host for the hop-th time.
func moveEcho(t testing.TB, h *daemon.Host, hop int) *daemon.Host {
	t.Helper()
	s, err := daemon.ReadSnapshot(bytes.NewReader(snapshotOf(t, h)))
	if err != nil {
		t.Fatal(err)
	}
	key := daemonKey(t, hop+2)
	next, err := daemon.Restore(s, new(echo), key, daemon.HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	to := crypto.NodeID{byte(hop + 1), 1}
	ev, err := h.HandOver(crypto.NodeID{byte(hop), 1}, to, key.Public())
	if err == nil {
		err = next.Replay(ev)
	}
	if err == nil {
		err = next.Activate(to)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.Retire()
	return next
}

// twin is what a producer table does, done naively.
type twin struct {
	horizon uint64
	order   []*twinProducer // by last log sequence
	known   map[crypto.ProducerID]*twinProducer
}

type twinProducer struct {
	id        crypto.ProducerID
	numbers   []uint64
	sequences []uint64
	output    []byte
}

func (p *twinProducer) last() uint64 { return p.numbers[len(p.numbers)-1] }

// expect returns the sequence that a submission was given before (0 if it is to
// be applied) and the error it must meet.
func (w *twin) expect(id crypto.ProducerID, since, number uint64) (uint64, error) {
	p := w.known[id]
	switch {
	case p == nil && since < w.horizon:
		return 0, wire.ErrProducerEvicted
	case p == nil || number > p.last():
		return 0, nil
	}
	if i := slices.Index(p.numbers, number); i >= 0 {
		return p.sequences[i], nil
	}
	return 0, wire.ErrProducerWindow
}

func (w *twin) apply(id crypto.ProducerID, number, sequence uint64, output []byte) {
	p := w.known[id]
	if p == nil {
		if len(w.order) == daemon.MaxProducers {
			w.horizon = w.order[0].sequences[len(w.order[0].sequences)-1]
			delete(w.known, w.order[0].id)
			w.order = w.order[1:]
		}
		p = &twinProducer{id: id}
		w.known[id] = p
	} else {
		i := slices.Index(w.order, p)
		w.order = slices.Delete(w.order, i, i+1)
	}
	w.order = append(w.order, p)
	p.numbers, p.sequences, p.output = append(p.numbers, number), append(p.sequences, sequence), output
	if len(p.numbers) > daemon.ProducerWindow {
		p.numbers, p.sequences = p.numbers[1:], p.sequences[1:]
	}
}

// FuzzProducers runs a script of submissions, retries, crowds of newcomers and
// moves on a host, and holds every answer against the twin.
//
//	0x00-0x9f  producer (low 4 bits) submits its last number + 1 + next byte
//	0xa0-0xdf  producer (low 4 bits) submits its last number - next byte
//	0xe0-0xef  the same as first, with a payload that the daemon refuses
//	0xf0-0xf7  2,500 newcomers, at most 6 times
//	0xf8-0xff  the daemon moves, at most 4 times
func FuzzProducers(f *testing.F) {
	f.Add([]byte{0x01, 0, 0x01, 0, 0xa1, 0, 0xa1, 1, 0xa1, 2, 0xf8, 0, 0xa1, 0, 0xa1, 1})
	f.Add(append(bytes.Repeat([]byte{0x02, 0}, 70), 0xa2, 63, 0xa2, 64, 0xf8, 0, 0xa2, 63, 0xa2, 64))
	f.Add([]byte{0x01, 5, 0x02, 5, 0xf0, 0, 0xf0, 0, 0x01, 1, 0xf0, 0, 0xf8, 0, 0xf0, 0, 0xf0, 0, 0xa1, 0, 0xa2, 0, 0x02, 0})
	f.Add([]byte{0xe1, 0, 0x01, 0, 0xe1, 3, 0xa1, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		run := &producerRun{t: t, host: newEcho(t), twin: &twin{known: make(map[crypto.ProducerID]*twinProducer)}}
		for len(script) >= 2 && run.ops < 500 {
			run.op(script[0], script[1])
			script = script[2:]
			run.ops++
		}
	})
}

type producerRun struct {
	t                  *testing.T
	host               *daemon.Host
	twin               *twin
	ops, crowds, moves int
	newcomers          int
}

func (r *producerRun) op(code, arg byte) {
	id, last := daemonProducer(int(code&15)), uint64(0)
	if p := r.twin.known[id]; p != nil {
		last = p.last()
	}
	since := r.twin.horizon * uint64(arg&1)
	switch {
	case code < 0xa0:
		r.submit(id, since, last+1+uint64(arg), []byte{code, arg})
	case code < 0xe0:
		r.submit(id, since, last-min(last, uint64(arg)), []byte{code, arg})
	case code < 0xf0:
		r.submit(id, since, last+1+uint64(arg), []byte("no"))
	case code < 0xf8 && r.crowds < 6:
		r.crowds++
		for range 2500 {
			r.newcomers++
			r.submit(daemonProducer(1000+r.newcomers), r.host.Head().Sequence, 1, nil)
		}
	case code >= 0xf8 && r.moves < 4:
		r.host = moveEcho(r.t, r.host, r.moves)
		r.moves++
	}
}

func (r *producerRun) submit(id crypto.ProducerID, since, number uint64, payload []byte) {
	head := r.host.Head()
	wantSequence, wantErr := r.twin.expect(id, since, number)
	got, err := r.host.SubmitSince(id, since, number, payload)
	switch {
	case wantErr != nil:
		if !errors.Is(err, wantErr) {
			r.t.Fatalf("op %d: %s number %d: got %v, want %v", r.ops, id.Short(), number, err, wantErr)
		}
	case wantSequence != 0:
		r.duplicate(id, number, wantSequence, got, err)
	case string(payload) == "no":
		if err == nil {
			r.t.Fatalf("op %d: the daemon refused and got acknowledged", r.ops)
		}
	default:
		r.applied(id, number, got, err, head)
		return
	}
	if r.host.Head() != head {
		r.t.Fatalf("op %d: the log grew", r.ops)
	}
}

func (r *producerRun) duplicate(id crypto.ProducerID, number, sequence uint64, got daemon.Receipt, err error) {
	if err != nil || !got.Duplicate || got.Event.Link.Sequence != sequence {
		r.t.Fatalf("op %d: %s number %d: got %+v, %v, want the entry at %d", r.ops, id.Short(), number, got, err, sequence)
	}
	if p := r.twin.known[id]; p.last() == number && !bytes.Equal(got.Outputs[0], p.output) {
		r.t.Fatalf("op %d: outputs %x, want %x", r.ops, got.Outputs, p.output)
	}
}

func (r *producerRun) applied(id crypto.ProducerID, number uint64, got daemon.Receipt, err error, head crypto.Head) {
	if err != nil || got.Duplicate || head.CheckLink(got.Event.Link) != nil || got.Head != r.host.Head() {
		r.t.Fatalf("op %d: %s number %d: got %+v, %v, want it applied", r.ops, id.Short(), number, got, err)
	}
	r.twin.apply(id, number, got.Event.Link.Sequence, got.Event.Payload)
}
