package target

import (
	"math/bits"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// Handler is the data plane of the receiving side: it restores daemons, puts their events in order and
// replays them, holds, activates and completes. Its methods do their work in the calling goroutine and may
// be called from any number of them.
//
// Locks, in the order in which they may be taken:
//
//	record.turn   one per migration; held while that daemon's Process runs
//	shard.mu      one per shard; held for map operations, never while anything is waited for
//
// A call on one origin therefore never waits for the daemon of another. On the same origin ReplayEvents,
// BufferEvent, Hold, Release, Activate, Complete and Abort take turns; none of them waits for Restore. The
// methods that only ask never wait for a daemon at all, except Buffered and Held, which take turns too. A daemon must not call the Handler about its own origin from Process.
//
// A lookup returns a record without its turnstile; by the time the turnstile is taken the record may have
// been completed or aborted. It is then marked gone, and the lookup is repeated: since a completed record
// replaces the active one in a single step, the second look sees what became of it (rule T13).
type Handler struct {
	cfg       Config
	registry  *daemon.Registry
	factories *daemon.Factories
	shards    []shard
	shardBits int
	buffered  ledger // bytes that all buffers hold
	actives   ledger // active records, counted like bytes

	clock struct {
		sync.Mutex
		now time.Time // of the latest Tick
	}
}

// New returns a handler that registers what it restores in reg and knows no factories yet.
func New(reg *daemon.Registry, cfg Config) *Handler {
	return NewWithFactories(reg, nil, cfg)
}

// NewWithFactories is New with the factories to be used when RestoreSnapshot is given none; nil is an empty set.
func NewWithFactories(reg *daemon.Registry, f *daemon.Factories, cfg Config) *Handler {
	cfg = cfg.withDefaults()
	if f == nil {
		f = daemon.NewFactories()
	}
	h := &Handler{
		cfg: cfg, registry: reg, factories: f,
		shards: make([]shard, cfg.Shards), shardBits: bits.Len(uint(cfg.Shards)) - 1,
	}
	h.buffered.limit = cfg.MaxBuffered
	h.actives.limit = int64(cfg.MaxActive)
	return h
}

// Factories returns what daemons are built from when RestoreSnapshot is given no factory.
func (h *Handler) Factories() *daemon.Factories { return h.factories }

func (h *Handler) shard(origin uint64) *shard {
	return &h.shards[shardIndex(origin, h.shardBits)]
}

// find looks without waiting; see shard.find.
func (h *Handler) find(origin uint64) (*record, *completed) {
	return h.shard(origin).find(origin)
}

// acquire returns the active record with its turnstile taken, else the completed migration, else neither.
// The caller unlocks turn.
func (h *Handler) acquire(origin uint64) (*record, *completed) {
	for {
		rec, done := h.find(origin)
		if rec == nil {
			return nil, done
		}
		rec.turn.Lock()
		if !rec.gone {
			return rec, nil
		}
		rec.turn.Unlock()
	}
}

// IsMigrating reports whether a migration of the origin to this node is under way, in whatever phase.
func (h *Handler) IsMigrating(origin uint64) bool {
	rec, _ := h.find(origin)
	return rec != nil
}

// Phase returns the phase of the active migration, Transfer to Cutover. ok is false if there is none, also
// once it is completed.
func (h *Handler) Phase(origin uint64) (p wire.Phase, ok bool) {
	rec, _ := h.find(origin)
	if rec == nil {
		return 0, false
	}
	return rec.running()
}

// ReplayedThrough returns the sequence of the last event applied in the active migration, at first that of
// the snapshot. ok is false if there is none, also once it is completed.
func (h *Handler) ReplayedThrough(origin uint64) (seq uint64, ok bool) {
	rec, _ := h.find(origin)
	if rec == nil {
		return 0, false
	}
	return rec.cursor.Load(), true
}

// OrchestratorNode returns who orchestrates the active migration of the origin, else who orchestrated the
// completed one.
func (h *Handler) OrchestratorNode(origin uint64) (node crypto.NodeID, ok bool) {
	switch rec, done := h.find(origin); {
	case rec != nil:
		return rec.orch, true
	case done != nil:
		return done.orch, true
	}
	return crypto.NodeID{}, false
}

// SourceNode returns the node that the active migration of the origin comes from: the only one whose events
// belong to it. ok is false if none is active.
func (h *Handler) SourceNode(origin uint64) (node crypto.NodeID, ok bool) {
	rec, _ := h.find(origin)
	if rec == nil {
		return crypto.NodeID{}, false
	}
	return rec.source, true
}

// ActiveCount returns the number of migrations to this node that are under way.
func (h *Handler) ActiveCount() int { return int(h.actives.used.Load()) }

// BufferedBytes returns what all active migrations hold, in bytes, as Config.MaxBuffered counts it.
func (h *Handler) BufferedBytes() int64 { return h.buffered.used.Load() }

// Host returns the daemon of the active migration, dark until Activate. ok is false before it is restored
// and when no migration is active; a completed one is in the registry.
func (h *Handler) Host(origin uint64) (host *daemon.Host, ok bool) {
	rec, _ := h.find(origin)
	if rec == nil {
		return nil, false
	}
	host = rec.host.Load()
	return host, host != nil
}

// Buffered returns how many events the active migration holds that are not applied yet, and their payload
// bytes. It waits for the origin's turn.
func (h *Handler) Buffered(origin uint64) (events int, bytes int64, ok bool) {
	rec, _ := h.acquire(origin)
	if rec == nil {
		return 0, 0, false
	}
	defer rec.turn.Unlock()
	return rec.buffer.Len(), rec.buffer.Bytes(), true
}

// HostHeadLink returns the head of the daemon that was restored here: its last applied event, the handover
// included once that has been applied. For a completed migration it is the head of the daemon that serves
// now. An origin without either, or whose daemon has moved on since, is [wire.ErrDaemonNotFound]; one that
// is not restored yet is [wire.ErrNotReady].
func (h *Handler) HostHeadLink(origin uint64) (crypto.Head, error) {
	rec, done := h.find(origin)
	switch {
	case rec != nil:
		if host := rec.host.Load(); host != nil {
			return host.Head(), nil
		}
		return crypto.Head{}, rec.fail("head", 0, errNotRestored)
	case done != nil:
		if host, ok := h.registry.Host(origin); ok {
			return host.Head(), nil
		}
	}
	return crypto.Head{}, notFound("head", origin)
}
