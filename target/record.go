package target

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// record is one migration to this node, from the claim of its origin to Complete or Abort.
//
//	Transfer ── restored ──▶ Restore ── first event applied ──▶ Replay ── Activate ──▶ Cutover ── Complete ──▶ Complete
//	    └── Abort, or Restore failed ──▶ gone     └── Abort ──▶ gone   └── Abort, unless held or committed ──▶ gone
//
// A record whose end has come is marked gone and is out of its shard; it is never used again. A later
// migration of the same origin has a record of its own.
//
// # Invariants
//
//	R1  There is a host exactly from phase Restore on.
//	R2  The cursor, the buffer's cursor and, until Cutover, the sequence of the host's head are the same.
//	R3  The cursor is at base up to phase Restore and above it from Replay on.
//	R4  A committed log has nothing held beyond it; at Cutover the log is committed and no hold stands.
//	R5  The buffer's own invariants hold.
//
// check tests them all.
type record struct {
	// Fixed when the origin is claimed; anyone may read it.
	origin    uint64
	migration wire.MigrationID
	source    crypto.NodeID
	orch      crypto.NodeID
	base      uint64        // the snapshot's last event; what was applied since lies above it
	node      crypto.NodeID // this node
	observer  func(*crypto.CausalEvent, crypto.Digest)

	// Written under the turnstile, read by anyone: a question about a record never waits for its daemon.
	phase  atomic.Uint32               // a wire.Phase; enter is the only writer
	cursor atomic.Uint64               // the buffer's cursor
	host   atomic.Pointer[daemon.Host] // nil in phase Transfer

	// turn lets one call at a time work on the record, and is held while the daemon's Process runs. It is
	// not held while Restore runs: the daemon is nobody else's then, and events must be taken meanwhile.
	// Whoever waits for it holds no other lock. It guards everything below.
	turn      sync.Mutex
	gone      bool // not in the shard any more: look again
	buffer    *Buffer
	digests   digests // of the applied events below the cursor; the cursor's own is the host's head
	committed bool    // the log ends in a valid handover to this node
	hold      hold

	arriving crypto.CausalEvent // what BufferEvent was given, while it works on it
}

// hold is the promise to keep the copy. Attempts only grow: neither a lower one nor one that was released
// is held again.
type hold struct {
	stands   bool
	attempt  wire.Attempt
	final    crypto.Head
	released wire.Attempt // the highest attempt that was released; zero for none
}

// phaseEdges lists where each phase may lead.
var phaseEdges = map[wire.Phase]wire.Phase{
	0:                  wire.PhaseTransfer,
	wire.PhaseTransfer: wire.PhaseRestore,
	wire.PhaseRestore:  wire.PhaseReplay,
	wire.PhaseReplay:   wire.PhaseCutover,
	wire.PhaseCutover:  wire.PhaseComplete,
}

// newRecord returns a record in phase Transfer.
func newRecord(ctx RestoreContext, cfg Config, l *ledger) *record {
	through := ctx.Snapshot.Through()
	r := &record{
		origin: ctx.Origin, migration: ctx.Migration, source: ctx.Source, orch: ctx.Orchestrator,
		base: through, node: cfg.Node, observer: ctx.Applied,
		buffer: newBuffer(through, cfg.MaxPendingEvents, cfg.MaxPendingBytes, l),
	}
	r.cursor.Store(through)
	r.enter(wire.PhaseTransfer)
	return r
}

// enter is the only place where the phase changes. Any edge that is not in the diagram is a bug of ours.
func (r *record) enter(next wire.Phase) {
	if now := r.now(); next == 0 || phaseEdges[now] != next {
		panic(fmt.Sprintf("target: internal error: phase %v to %v", now, next))
	}
	r.phase.Store(uint32(next))
}

// now returns the phase.
func (r *record) now() wire.Phase { return wire.Phase(r.phase.Load()) }

// running returns the phase of an active migration. One that has been completed since its record was found is none any more.
func (r *record) running() (p wire.Phase, ok bool) {
	if p = r.now(); p == wire.PhaseComplete {
		return 0, false
	}
	return p, true
}

// repeats reports whether the record's migration is the completed one, asked for again. A zero id is an id
// like any other, so the sequences decide too: a snapshot from beyond what was completed is news.
func (r *record) repeats(c *completed) bool {
	return r.migration == c.migration && r.base <= c.through
}

// retire marks the record as gone and gives back what it holds. The caller has taken it out of its shard.
func (r *record) retire() {
	r.gone = true
	r.buffer.Clear()
}

// fail describes why an operation on the record cannot be carried out.
func (r *record) fail(op string, seq uint64, err error) error {
	return &Error{Op: op, Origin: r.origin, Phase: r.now(), Sequence: seq, Err: err}
}
