package target

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// RestoreContext says which migration a snapshot belongs to.
type RestoreContext struct {
	// Migration tells a repeat from another migration. Zero is an id like any other.
	Migration wire.MigrationID
	// Origin is the daemon being moved. The snapshot must be of the entity it stands for.
	Origin uint64
	// Snapshot is read, once, but stays the caller's to close.
	Snapshot *daemon.Snapshot
	// Source is where the daemon comes from, Orchestrator who asked for the move.
	Source       crypto.NodeID
	Orchestrator crypto.NodeID
	// Claimed, if set, is called once when the origin has been claimed and events are taken for it, before
	// a byte of state is read. No lock is held.
	Claimed func()
	// Restored, if set, is called once when the state has been read and verified, before the daemon is
	// registered and anything is applied to it: the place to make the snapshot durable. Its error fails the
	// restore. No lock is held.
	Restored func() error
	// Applied, if set, is told of every entry that the daemon takes from then on, in order, with the outputs digest after
	// it: the place to make the log durable. It is called with the origin's turn held and must be quick; the
	// payload is not its own.
	Applied func(ev *crypto.CausalEvent, outputs crypto.Digest)
}

// RestoreSnapshot claims the origin, builds the daemon, restores it from the snapshot and registers it
// dark: it takes events for replay and answers no one. Restore runs in the calling goroutine and may take as
// long as it likes: from the claim on, events are taken for the origin, and nobody waits.
//
// key is this node's for the epoch to come: a handover counts only if it certifies the public half. It is
// never wiped here. newDaemon makes an empty daemon; nil means the handler's factories, where an
// expectation for the origin wins over the kind, and its clock over the one in cfg. An expectation that names
// an orchestrator binds in either case: it must be the one in ctx. The host is told this handler's Config.Node whatever cfg says.
//
// On success the phase is Restore and the cursor is the snapshot's last event, also if later ones have been
// held meanwhile: those are applied by the next ReplayEvents (which may bring none), BufferEvent, Hold or
// Activate. After an error nothing is registered, the claim and what was held under it are dropped, and the
// factories are as before.
//
// Calling it again with the same migration id, while that migration is active or after it was completed,
// returns nil at once and restores nothing, even if the first call is still busy; whether that one succeeds
// is for its own caller to learn.
//
// Errors, in the order of the checks, the first five before a byte of state is read: [wire.ErrBadSnapshot]
// without a snapshot; [crypto.ErrOrigin] if it is of another entity than the origin's;
// [wire.ErrAlreadyMigrating] while another migration of the origin is active; [wire.ErrNotReady] with
// [wire.ErrLimit] if too many are; [daemon.ErrOriginTaken] if a daemon of that origin is registered here;
// [wire.ErrFactoryNotFound]; [wire.ErrWrongPeer] for the wrong orchestrator; [wire.ErrStateFailed] if the
// factory or the daemon's Restore fails or panics; those of [daemon.Restore]; [wire.ErrCancelled] if the
// migration was aborted meanwhile.
func (h *Handler) RestoreSnapshot(ctx RestoreContext, key *crypto.EntityKeypair, newDaemon func() daemon.Daemon, cfg daemon.HostConfig) error {
	rec, err := h.claim(ctx)
	if rec == nil {
		return err
	}
	if ctx.Claimed != nil {
		ctx.Claimed()
	}
	host, err := h.restore(ctx, key, newDaemon, cfg)
	if err == nil && ctx.Restored != nil {
		if err = ctx.Restored(); err != nil {
			discard(host)
			host = nil
		}
	}
	rec.turn.Lock()
	defer rec.turn.Unlock()
	switch {
	case rec.gone:
		discard(host)
		return rec.fail("restore", 0, wire.ErrCancelled)
	case err == nil:
		err = h.registry.Register(host)
	}
	if err != nil {
		discard(host)
		h.drop(rec)
		return rec.fail("restore", 0, err)
	}
	rec.host.Store(host)
	rec.enter(wire.PhaseRestore)
	return nil
}

// discard ends a host that was restored in vain, if there is one: nobody else has seen it.
func discard(host *daemon.Host) {
	if host != nil {
		_ = host.End() // it is dark, so this cannot fail
	}
}

// claim checks what can be checked without reading state, and makes a record active. It returns no record
// if there is nothing to do: with an error, or without one for a repeat.
func (h *Handler) claim(ctx RestoreContext) (*record, error) {
	if ctx.Snapshot == nil {
		return nil, &Error{Op: "restore", Origin: ctx.Origin, Err: wire.ErrBadSnapshot}
	}
	if is := crypto.OriginOf(ctx.Snapshot.EntityID()); is != ctx.Origin {
		err := fmt.Errorf("the snapshot is of origin %016x: %w", is, crypto.ErrOrigin)
		return nil, &Error{Op: "restore", Origin: ctx.Origin, Err: err}
	}
	rec := newRecord(ctx, h.cfg, &h.buffered)
	rec.turn.Lock() // whoever finds the record waits until it is known whether there is room for it
	defer rec.turn.Unlock()
	active, done := h.shard(ctx.Origin).claim(rec)
	switch {
	case active != nil && active.migration != ctx.Migration:
		return nil, active.fail("restore", 0, wire.ErrAlreadyMigrating)
	case active != nil || done != nil:
		return nil, nil
	case !h.actives.reserve(1):
		h.shard(rec.origin).remove(rec)
		rec.retire()
		err := fmt.Errorf("%d migrations are active: %w: %w", h.actives.limit, wire.ErrLimit, wire.ErrNotReady)
		return nil, &Error{Op: "restore", Origin: ctx.Origin, Err: err}
	}
	return rec, nil
}

// restore builds the daemon and reads its state. No lock is held.
func (h *Handler) restore(ctx RestoreContext, key *crypto.EntityKeypair, newDaemon func() daemon.Daemon, cfg daemon.HostConfig) (*daemon.Host, error) {
	if host, ok := h.registry.Host(ctx.Origin); ok {
		return nil, fmt.Errorf("its host is at epoch %d: %w", host.Epoch(), daemon.ErrOriginTaken)
	}
	plan := daemon.Expectation{New: newDaemon}
	if expected, ok := h.factories.Expected(ctx.Origin); ok {
		plan.Orchestrator = expected.Orchestrator // binds whoever makes the daemon
	}
	if newDaemon == nil {
		var err error
		if plan, err = h.factories.Lookup(ctx.Origin, ctx.Snapshot.Kind()); err != nil {
			return nil, err
		}
	}
	if want := plan.Orchestrator; want != nil && *want != ctx.Orchestrator {
		return nil, fmt.Errorf("orchestrated by %v, expected from %v: %w", ctx.Orchestrator, *want, wire.ErrWrongPeer)
	}
	d, err := plan.Build()
	if err != nil {
		return nil, err
	}
	if plan.Config.Now != nil {
		cfg.Now = plan.Config.Now
	}
	cfg.Node = h.cfg.Node
	return daemon.Restore(ctx.Snapshot, d, key, cfg)
}
