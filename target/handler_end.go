package target

import (
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// Complete ends a migration that is at Cutover: the daemon stays registered and serves on, the expectation
// for its origin is removed from the factories, the record moves to the completed index, from which
// Activate, Complete, ReplayEvents and OrchestratorNode go on answering. There is no instant at which
// another call finds neither.
//
// From an earlier phase it is [wire.ErrWrongPhase] and nothing is discarded. A second Complete succeeds. An
// origin that is unknown here is [wire.ErrDaemonNotFound].
func (h *Handler) Complete(origin uint64) error {
	rec, done := h.acquire(origin)
	switch {
	case rec != nil:
	case done != nil:
		return nil
	default:
		return notFound("complete", origin)
	}
	defer rec.turn.Unlock()
	if rec.now() != wire.PhaseCutover {
		return rec.fail("complete", 0, wire.ErrWrongPhase)
	}
	h.factories.Remove(origin)
	h.shard(origin).complete(rec, &completed{
		migration: rec.migration, orch: rec.orch, through: rec.buffer.Cursor(), at: h.lastTick(),
	})
	h.actives.add(-1)
	rec.enter(wire.PhaseComplete)
	rec.retire()
	return nil
}

// Abort drops the copy: what is held is freed, the dark daemon unregistered, and the origin can be migrated
// here again. A Restore that is still running is not interrupted; its result is discarded when it returns.
// The expectation in the factories stays.
//
// It is refused with [wire.ErrWrongPhase] where it would destroy what may be the only copy: while a hold
// stands, at Cutover, and once the log here has the handover to this node. After Complete it clears the
// completed migration and leaves the daemon alone. For an origin that is unknown here it does nothing and
// succeeds.
func (h *Handler) Abort(origin uint64) error {
	rec, _ := h.acquire(origin)
	if rec == nil {
		h.shard(origin).forget(origin)
		return nil
	}
	defer rec.turn.Unlock()
	if rec.hold.stands || rec.committed || rec.activated() {
		return rec.fail("abort", 0, wire.ErrWrongPhase)
	}
	h.drop(rec)
	return nil
}

// drop ends a record without a daemon. The caller has its turn. The daemon leaves the registry before the
// record leaves its shard, so that the origin is free when it can be claimed again.
func (h *Handler) drop(rec *record) {
	if host := rec.host.Load(); host != nil {
		h.registry.Remove(host)
		_ = host.End() // fails only once a handover has been applied, and then nothing is dropped
	}
	h.shard(rec.origin).remove(rec)
	h.actives.add(-1)
	rec.retire()
}

// ForgetCompleted drops the completed migration of an origin before its time, and reports whether there was
// one. An active migration is not affected, and neither is the daemon.
func (h *Handler) ForgetCompleted(origin uint64) bool {
	return h.shard(origin).forget(origin)
}

// Tick tells the handler what time it is, and drops completed migrations whose time to live is over. The
// handler reads no clock: without Tick nothing expires. Time that goes backwards is ignored. Where nothing
// is due a Tick costs one look at each shard, so it may be called as often as is convenient.
func (h *Handler) Tick(now time.Time) {
	if !h.advanceClock(now) {
		return
	}
	for i := range h.shards {
		h.shards[i].sweep(now, h.cfg.CompletedTTL)
	}
}

// advanceClock takes note of the time, and reports false if it is in the past.
func (h *Handler) advanceClock(now time.Time) bool {
	h.clock.Lock()
	defer h.clock.Unlock()
	if now.Before(h.clock.now) {
		return false
	}
	h.clock.now = now
	return true
}

// lastTick returns the time of the latest Tick, zero if there was none.
func (h *Handler) lastTick() time.Time {
	h.clock.Lock()
	defer h.clock.Unlock()
	return h.clock.now
}
