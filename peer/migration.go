package peer

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// MigrateRequest asks for a move.
type MigrateRequest struct {
	// ID names the migration; zero lets the node choose. A repeat of an id joins the migration it names.
	ID     wire.MigrationID
	Origin uint64
	// Source is the node the daemon is on; zero means this one.
	Source crypto.NodeID
	Target crypto.NodeID
	// Addrs is where the target can be dialed, for a source that does not know it; what wire.CheckAddrs refuses is refused.
	Addrs   []string
	Options wire.Options
}

// Migration is a handle on a move that this node asked for. Safe for concurrent use.
type Migration struct {
	p  *Peer
	id wire.MigrationID
	w  *watcher
}

// Migrate asks the source to move a daemon and returns at once; the handle tells how it goes.
func (p *Peer) Migrate(ctx context.Context, req MigrateRequest) (*Migration, error) {
	if req.ID == (wire.MigrationID{}) {
		if _, err := rand.Read(req.ID[:]); err != nil {
			return nil, err
		}
	}
	if req.Target == (crypto.NodeID{}) {
		return nil, fmt.Errorf("peer: a migration needs a target: %w", wire.ErrRefused)
	}
	if err := wire.CheckAddrs(req.Addrs); err != nil {
		return nil, fmt.Errorf("peer: nobody could be told where the target is: %w", err)
	}
	w := p.watchers.watch(req.ID)
	ok := p.post(node.Migrate{
		Migration: req.ID, Origin: req.Origin, Source: req.Source, Target: req.Target, Addrs: req.Addrs, Options: req.Options,
	})
	if !ok {
		return nil, ErrClosed
	}
	return &Migration{p: p, id: req.ID, w: w}, nil
}

// ID names the migration on every node that takes part in it.
func (m *Migration) ID() wire.MigrationID { return m.id }

// Status returns the latest status.
func (m *Migration) Status() node.Migration { return m.w.status() }

// Changed returns a channel that is closed at the next change of the status.
func (m *Migration) Changed() <-chan struct{} { return m.w.changed() }

// Cancel asks the source to stop. It is obeyed up to the commit; Wait says what came of it.
func (m *Migration) Cancel() { m.p.post(node.CancelMigration{Migration: m.id}) }

// Wait returns when the outcome is known, or is in doubt; then a later Wait may tell more. The error is nil
// for a daemon that moved, matches the reason for one that stayed, and wire.ErrInDoubt or wire.ErrLost else.
func (m *Migration) Wait(ctx context.Context) (node.Migration, error) {
	for {
		changed := m.w.changed()
		s := m.w.status()
		if s.Outcome != 0 {
			return s, OutcomeError(s)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s, ctx.Err()
		case <-m.p.done:
			return s, ErrClosed
		}
	}
}

// OutcomeError is the error of a migration that has an outcome, nil for one that moved or has none.
func OutcomeError(m node.Migration) error {
	switch m.Outcome {
	case wire.OutcomeStayed:
		return &wire.RemoteError{Reason: m.Reason, Detail: m.Detail}
	case wire.OutcomeInDoubt:
		return fmt.Errorf("%w: %s", wire.ErrInDoubt, m.Detail)
	case wire.OutcomeLost:
		return fmt.Errorf("%w: %s", wire.ErrLost, m.Detail)
	}
	return nil
}

// Migrations lists the migrations that this node plays a role in and has not forgotten.
func (p *Peer) Migrations(ctx context.Context) (list []node.Migration, err error) {
	err = p.look(ctx, func(c *node.Core) { list = c.Migrations() })
	return list, err
}

// Migration describes one migration that this node plays a role in and has not forgotten; any other is
// [wire.ErrDaemonNotFound].
func (p *Peer) Migration(ctx context.Context, id wire.MigrationID) (m node.Migration, err error) {
	known := false
	err = p.look(ctx, func(c *node.Core) { m, known = c.Migration(id) })
	if err == nil && !known {
		err = wire.ErrDaemonNotFound
	}
	return m, err
}

// CancelMigration asks to stop a migration by its id; it may have been asked for elsewhere, if this node is
// its source.
func (p *Peer) CancelMigration(id wire.MigrationID) { p.post(node.CancelMigration{Migration: id}) }

// watchers pass the status of running migrations to their handles, by id. An entry goes with the outcome; the
// handles that wait for it keep its watcher.
type watchers struct {
	mu   sync.Mutex
	m    map[wire.MigrationID]*watcher
	told map[wire.MigrationID]wire.Outcome // what the log has been told, per migration
}

func (w *watchers) watch(id wire.MigrationID) *watcher {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		w.m = make(map[wire.MigrationID]*watcher)
	}
	if w.m[id] == nil {
		w.m[id] = &watcher{next: make(chan struct{})}
	}
	return w.m[id]
}

func (w *watchers) changed(m node.Migration) {
	w.mu.Lock()
	watched := w.m[m.ID]
	final := m.Outcome != 0 && m.Outcome != wire.OutcomeInDoubt
	if final && orchestrated(m) {
		delete(w.m, m.ID)
	}
	w.mu.Unlock()
	if watched != nil && orchestrated(m) {
		watched.set(m)
	}
}

// orchestrated reports whether the status includes the orchestrator's view: the handle's answer waits for
// that one, since only it has heard from both sides.
func orchestrated(m node.Migration) bool {
	for _, r := range m.Roles {
		if r == subproto.Orchestrator {
			return true
		}
	}
	return false
}

// maxTold bounds what first remembers. Beyond it everything is forgotten, which costs a repeated log line.
const maxTold = 4_096

// first reports whether an outcome is news to the log.
func (w *watchers) first(m node.Migration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told == nil || len(w.told) >= maxTold {
		w.told = make(map[wire.MigrationID]wire.Outcome)
	}
	if w.told[m.ID] == m.Outcome {
		return false
	}
	w.told[m.ID] = m.Outcome
	return true
}

func (w *watchers) closeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.m = nil
}

// watcher is the latest status of one migration and a signal of the next.
type watcher struct {
	mu   sync.Mutex
	m    node.Migration
	next chan struct{}
}

func (w *watcher) status() node.Migration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.m
}

func (w *watcher) changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

func (w *watcher) set(m node.Migration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.m = m
	close(w.next)
	w.next = make(chan struct{})
}
