package target

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// The nodes of the tests.
var (
	nodeA = crypto.NodeID{1}
	nodeB = crypto.NodeID{2} // where the handler under test runs
	nodeC = crypto.NodeID{3}
	nodeO = crypto.NodeID{9} // orchestrates
)

// tape is a daemon that remembers what it was given. Its state is the payloads of all events, joined.
type tape struct {
	mu        sync.Mutex
	state     []byte
	sequences []uint64                 // applied by this copy
	process   func(daemon.Event) error // called first in Process, without the lock
	restore   func(r io.Reader) error  // called first in Restore
}

func (d *tape) Process(ev daemon.Event) ([][]byte, error) {
	if d.process != nil {
		if err := d.process(ev); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = append(d.state, ev.Payload...)
	d.sequences = append(d.sequences, ev.Link.Sequence)
	return [][]byte{binary.BigEndian.AppendUint64(nil, uint64(len(d.state)))}, nil
}

func (d *tape) Snapshot() (io.WriterTo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return tapeView(slices.Clone(d.state)), nil
}

func (d *tape) Restore(r io.Reader) error {
	if d.restore != nil {
		if err := d.restore(r); err != nil {
			return err
		}
	}
	state, err := io.ReadAll(r)
	d.state = state
	return err
}

// applied returns the sequences that this copy has processed, in order.
func (d *tape) applied() []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.sequences)
}

type tapeView []byte

func (v tapeView) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(v)
	return int64(n), err
}

// keyOf returns the key pair number n.
func keyOf(t testing.TB, n int) *crypto.EntityKeypair {
	t.Helper()
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n)+1)
	key, err := crypto.KeypairFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rig is a daemon on its source, its log, and a handler on node B that it is moved to.
type rig struct {
	t      testing.TB
	source *daemon.Host
	log    []crypto.CausalEvent // the event of sequence n at n-1
	origin uint64
	birth  *crypto.EntityKeypair // the source's
	key    *crypto.EntityKeypair // the target's for the next epoch

	reg  *daemon.Registry
	h    *Handler
	copy *tape // the daemon on the target, before it is restored
}

// number gives each rig of a test process an entity of its own.
var number struct {
	sync.Mutex
	n int
}

// newRig gives birth to a daemon on node A and makes a handler on node B.
func newRig(t testing.TB, cfg Config) *rig {
	t.Helper()
	reg := daemon.NewRegistry()
	cfg.Node = nodeB
	return newRigOn(t, reg, New(reg, cfg))
}

// newRigOn is newRig with a handler that serves other rigs too.
func newRigOn(t testing.TB, reg *daemon.Registry, h *Handler) *rig {
	t.Helper()
	number.Lock()
	number.n++
	n := number.n
	number.Unlock()
	source, err := daemon.NewHost(new(tape), keyOf(t, 2*n), "tape", daemon.HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{
		t: t, source: source, origin: source.Origin(), birth: keyOf(t, 2*n), key: keyOf(t, 2*n+1), reg: reg, h: h, copy: new(tape),
	}
}

// submit makes the source apply n more events.
func (r *rig) submit(n int) {
	r.t.Helper()
	for range n {
		seq := uint64(len(r.log)) + 1
		receipt, err := r.source.Submit(crypto.ProducerID{7}, seq, fmt.Appendf(nil, "event %d;", seq))
		if err != nil {
			r.t.Fatal(err)
		}
		r.log = append(r.log, receipt.Event)
	}
}

// handOver ends the log with a handover to the node and key, and returns it.
func (r *rig) handOver(to crypto.NodeID, next crypto.PublicKey) crypto.CausalEvent {
	r.t.Helper()
	ev, err := r.source.HandOver(nodeA, to, next)
	if err != nil {
		r.t.Fatal(err)
	}
	r.log = append(r.log, ev)
	return ev
}

// handOverHere ends the log with the handover that the target waits for.
func (r *rig) handOverHere() crypto.CausalEvent {
	r.t.Helper()
	return r.handOver(nodeB, r.key.Public())
}

// statement is the handover that the source would sign now.
func (r *rig) statement() crypto.Handover {
	return crypto.Handover{
		From: nodeA, To: nodeB, Epoch: 2, Head: r.source.Head(), Next: r.key.Public(),
		Previous: r.source.Passport().Genesis.Digest(),
	}
}

// sign returns the log entry for a statement, signed with the key. The source does not learn of it.
func (r *rig) sign(key *crypto.EntityKeypair, h crypto.Handover) crypto.CausalEvent {
	r.t.Helper()
	ev, _, err := crypto.SignHandover(key, h)
	if err != nil {
		r.t.Fatal(err)
	}
	return ev
}

// at returns the events with these sequences, in the order given.
func (r *rig) at(seqs ...uint64) []crypto.CausalEvent {
	events := make([]crypto.CausalEvent, len(seqs))
	for i, seq := range seqs {
		events[i] = r.log[seq-1]
	}
	return events
}

// between returns the events from..to.
func (r *rig) between(from, to int) []crypto.CausalEvent { return slices.Clone(r.log[from-1 : to]) }

// snapshot takes a snapshot of the source.
func (r *rig) snapshot() *daemon.Snapshot {
	r.t.Helper()
	s, err := r.source.Snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { s.Close() })
	return s
}

// context returns what a migration with that id is restored with.
func (r *rig) context(id byte) RestoreContext {
	r.t.Helper()
	return RestoreContext{
		Migration: wire.MigrationID{id}, Origin: r.origin, Snapshot: r.snapshot(),
		Source: nodeA, Orchestrator: nodeO,
	}
}

// build is the factory of the rig's copy.
func (r *rig) build() daemon.Daemon { return r.copy }

// restore starts migration 1 from a snapshot taken now.
func (r *rig) restore() *rig {
	r.t.Helper()
	r.no(r.h.RestoreSnapshot(r.context(1), r.key, r.build, daemon.HostConfig{}), "restore")
	return r
}

// replay offers events and checks how far the copy got.
func (r *rig) replay(want uint64, events ...crypto.CausalEvent) {
	r.t.Helper()
	through, err := r.h.ReplayEvents(r.origin, events)
	if through != want || err != nil {
		r.t.Fatalf("replay = %d, %v; want %d", through, err, want)
	}
}

// buffer offers one event, which must be taken without an error.
func (r *rig) buffer(ev crypto.CausalEvent) {
	r.t.Helper()
	if ok, err := r.h.BufferEvent(r.origin, ev); !ok || err != nil {
		r.t.Fatalf("buffer %d = %v, %v", ev.Link.Sequence, ok, err)
	}
}

// activate checks that the daemon is activated at the sequence.
func (r *rig) activate(want uint64) {
	r.t.Helper()
	through, err := r.h.Activate(r.origin)
	if through != want || err != nil {
		r.t.Fatalf("activate = %d, %v; want %d", through, err, want)
	}
}

// phase checks the phase; 0 means that no migration is active.
func (r *rig) phase(want wire.Phase) {
	r.t.Helper()
	if p, ok := r.h.Phase(r.origin); p != want || ok != (want != 0) {
		r.t.Fatalf("phase = %v, %v; want %v", p, ok, want)
	}
}

// through checks the cursor of the active migration.
func (r *rig) through(want uint64) {
	r.t.Helper()
	if seq, ok := r.h.ReplayedThrough(r.origin); seq != want || !ok {
		r.t.Fatalf("replayed through %d, %v; want %d", seq, ok, want)
	}
}

// processed checks which events the copy has processed, in order.
func (r *rig) processed(want ...uint64) {
	r.t.Helper()
	if got := r.copy.applied(); !slices.Equal(got, want) {
		r.t.Fatalf("processed %v, want %v", got, want)
	}
}

// registered checks whether the target has a daemon of the origin, and whether it is dark.
func (r *rig) registered(want, dark bool) {
	r.t.Helper()
	host, ok := r.reg.Host(r.origin)
	if ok != want || ok && host.Dark() != dark {
		r.t.Fatalf("registered %v, want %v, dark %v", ok, want, dark)
	}
}

// no fails on an error.
func (r *rig) no(err error, what string) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%s: %v", what, err)
	}
}

// sound checks the invariants of what the active migration holds, and that an idle handler counts nothing.
func (r *rig) sound() {
	r.t.Helper()
	if rec, _ := r.h.acquire(r.origin); rec != nil {
		defer rec.turn.Unlock()
		if err := rec.check(); err != nil {
			r.t.Fatal(err)
		}
	} else if n := r.h.ActiveCount(); n == 0 && r.h.BufferedBytes() != 0 {
		r.t.Fatalf("%d bytes counted without a migration", r.h.BufferedBytes())
	}
}

// wants fails unless err matches all of the errors.
func wants(t testing.TB, what string, err error, all ...error) {
	t.Helper()
	for _, want := range all {
		if !errors.Is(err, want) {
			t.Fatalf("%s: %v; want %v", what, err, want)
		}
	}
}

// attempt is the n-th attempt of the first epoch.
func attempt(n uint64) wire.Attempt { return wire.Attempt{Epoch: 1, Boot: 1, Count: n} }

var errTape = errors.New("the tape is torn")

// sequences returns from..to.
func sequences(from, to uint64) (all []uint64) {
	for seq := from; seq <= to; seq++ {
		all = append(all, seq)
	}
	return all
}
