package transport

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// medium makes networks of one sort, so that one suite runs on all of them.
type medium struct {
	name   string
	listen func(t testing.TB, cfg Config, r Receiver) Network
}

// media returns QUIC on loopback and a Hub.
func media() []medium {
	hub := NewHub()
	return []medium{
		{"quic", listenQUIC},
		{"hub", func(t testing.TB, cfg Config, r Receiver) Network {
			t.Helper()
			n, err := hub.Listen(cfg, r)
			return started(t, n, err)
		}},
	}
}

// listenQUIC listens on loopback and closes when the test ends.
func listenQUIC(t testing.TB, cfg Config, r Receiver) Network {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	n, err := ListenQUIC(cfg, r)
	return started(t, n, err)
}

func started(t testing.TB, n Network, err error) Network {
	t.Helper()
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n
}

// onBoth runs a test on every medium.
func onBoth(t *testing.T, test func(t *testing.T, m medium)) {
	for _, m := range media() {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// keyOf returns a fixed key per number.
func keyOf(t testing.TB, number byte) *crypto.NodeKeypair {
	t.Helper()
	key, err := crypto.NodeKeypairFromSeed([32]byte{0: number, 31: 1})
	if err != nil {
		t.Fatalf("key: %v", err)
	}
	return key
}

// anyone authorizes every node for everything.
func anyone(crypto.NodeID) (wire.Rights, bool) { return wire.AllRights, true }

// received is one frame as a Receiver got it.
type received struct {
	id   SessionID
	ch   wire.Channel
	h    wire.Header
	body []byte
}

// arrival is one snapshot stream as a Receiver got it.
type arrival struct {
	id  SessionID
	ref wire.Ref
	r   io.ReadCloser
}

// ended is one SessionDown.
type ended struct {
	id  SessionID
	err error
}

// recorder is a Receiver that hands everything to the test, and checks the
// order that Receiver promises.
type recorder struct {
	t         testing.TB
	up        chan Session
	down      chan ended
	frames    chan received
	snapshots chan arrival
	onFrame   func(received) // runs instead of the frames channel if set

	mu    sync.Mutex
	alive map[SessionID]bool
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{
		t:         t,
		up:        make(chan Session, 4096),
		down:      make(chan ended, 4096),
		frames:    make(chan received, 1<<16),
		snapshots: make(chan arrival, 4096),
		alive:     make(map[SessionID]bool),
	}
}

func (r *recorder) SessionUp(s Session) {
	r.mu.Lock()
	if r.alive[s.ID] {
		r.t.Errorf("session %d came up twice", s.ID)
	}
	r.alive[s.ID] = true
	r.mu.Unlock()
	r.up <- s
}

func (r *recorder) SessionDown(id SessionID, err error) {
	r.check(id, "went down")
	if err == nil {
		r.t.Errorf("session %d went down without a reason", id)
	}
	r.mu.Lock()
	delete(r.alive, id)
	r.mu.Unlock()
	r.down <- ended{id, err}
}

func (r *recorder) Frame(id SessionID, ch wire.Channel, h wire.Header, body []byte) {
	r.check(id, "delivered a frame")
	f := received{id, ch, h, body}
	if r.onFrame != nil {
		r.onFrame(f)
		r.check(id, "ended during a frame")
		return
	}
	r.frames <- f
}

func (r *recorder) Snapshot(id SessionID, ref wire.Ref, src SnapshotReader) {
	r.check(id, "delivered a snapshot")
	r.snapshots <- arrival{id, ref, src}
}

// check fails the test if a session that is not up did something.
func (r *recorder) check(id SessionID, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.alive[id] {
		r.t.Errorf("session %d %s while it was not up", id, what)
	}
}

// next waits for a value.
func next[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

// node is a network with its recorder.
type node struct {
	Network
	*recorder
	id crypto.NodeID
}

// Disconnect ends a session, if there is one. What is queued is lost, and the peer is told the reason.
func (n *node) Disconnect(id SessionID, reason string) {
	if s := n.Network.(*network).session(id); s != nil {
		s.endHere(CodeDisconnect, reason, nil)
	}
}

// Queued returns the bytes of a stream that were not yet handed to the carrier; 0 if there is no such stream.
func (n *node) Queued(id SessionID, ch wire.Channel, mig wire.MigrationID) int {
	s := n.Network.(*network).session(id)
	if s == nil {
		return 0
	}
	s.mu.Lock()
	box := map[wire.Channel]*outbox{wire.ChannelControl: s.control, wire.ChannelSubmit: s.submit, wire.ChannelEvents: s.events[mig]}[ch]
	s.mu.Unlock()
	if box == nil {
		return 0
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	return box.bytes
}

// join attaches a node. cfg may leave out key and authorization.
func join(t testing.TB, m medium, number byte, cfg Config) *node {
	t.Helper()
	if cfg.Key == nil {
		cfg.Key = keyOf(t, number)
	}
	if cfg.Authorize == nil {
		cfg.Authorize = anyone
	}
	r := newRecorder(t)
	return &node{Network: m.listen(t, cfg, r), recorder: r, id: cfg.Key.ID()}
}

// dial opens a session from a to b and returns what both call it.
func dial(t testing.TB, a, b *node) (at, bt SessionID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	at, err := a.Dial(ctx, b.id, b.Addrs())
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	if s := next(t, a.up, "the dialer's session"); s.ID != at || s.Peer != b.id || s.Inbound {
		t.Fatalf("dialer's session is %+v", s)
	}
	s := next(t, b.up, "the acceptor's session")
	if s.Peer != a.id || !s.Inbound {
		t.Fatalf("acceptor's session is %+v", s)
	}
	return at, s.ID
}

// pair joins two nodes with one session.
func pair(t testing.TB, m medium, cfg Config) (a, b *node, at, bt SessionID) {
	t.Helper()
	a, b = join(t, m, 1, cfg), join(t, m, 2, cfg)
	at, bt = dial(t, a, b)
	return a, b, at, bt
}

// tryDial dials and returns the error.
func tryDial(t testing.TB, a *node, peer crypto.NodeID, addrs ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := a.Dial(ctx, peer, addrs)
	return err
}

// refOf returns a Ref per number.
func refOf(number byte) wire.Ref {
	return wire.Ref{Migration: wire.MigrationID{15: number}, Origin: 7, Epoch: 3}
}

// progress is a small frame of a migration; n makes it recognizable.
func progress(number byte, n uint64) []byte {
	return wire.AppendFrame(nil, &wire.Progress{Ref: refOf(number), Buffered: n})
}

// numberIn returns the n of a progress frame.
func numberIn(t testing.TB, f received) uint64 {
	t.Helper()
	m, err := wire.Decode(f.h, f.body)
	if err != nil {
		t.Fatalf("frame: %v", err)
	}
	return m.(*wire.Progress).Buffered
}

// bulk is a frame with n bytes of data.
func bulk(number byte, n int) []byte {
	return wire.AppendFrame(nil, &wire.SnapshotReady{Ref: refOf(number), Data: make([]byte, n)})
}

// wantIs fails unless err matches target.
func wantIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got error %v, want one matching %v", err, target)
	}
}
