package node

import (
	"errors"
	"fmt"

	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/wire"
)

// Checkpoint is a call of the shell's own: it takes a view of a daemon between two events. Its result,
// [Checkpointed], goes to [Executor.Compact], which writes the view beside the daemon's queue.
type Checkpoint struct{}

// Checkpointed is the result of Checkpoint.
type Checkpointed struct {
	View *daemon.Snapshot
	stay stay
	Err  error
}

// Due returns the daemons that keep old segments of the log alive and should be given a new base, each
// once until it has one. Copies that are dark, frozen for good or on their way out are left alone: they will be
// gone or change hands soon.
func (x *Executor) Due() []uint64 {
	var due []uint64
	for _, id := range x.Journal.Due() {
		if origin, ok := x.stays.compacting(id); ok {
			due = append(due, origin)
		}
	}
	return due
}

func (x *Executor) takeCheckpoint(host *daemon.Host) Checkpointed {
	st, ok := x.stays.of(host.Origin())
	if !ok {
		return Checkpointed{Err: fmt.Errorf("node: the daemon is not in the journal: %w", wire.ErrDaemonNotFound)}
	}
	view, err := host.Checkpoint()
	if err != nil {
		x.stays.compacted(st.copy)
	}
	return Checkpointed{View: view, stay: st, Err: err}
}

// Compact writes a view as the new base of its daemon. The log before it is dropped once it is durable.
func (x *Executor) Compact(c Checkpointed, wait func(journal.Position) error) error {
	defer x.stays.compacted(c.stay.copy)
	defer c.View.Close()
	base, err := x.spoolView(c.View, c.stay)
	if err != nil {
		return err
	}
	at, err := x.writeBase(c.stay, base)
	switch {
	case errors.Is(err, wire.ErrCancelled):
		return nil // the daemon has left meanwhile, and the log with it
	case err != nil:
		return err
	}
	return wait(at)
}

// compacting claims a copy for a new base; ok is false if no daemon is held by it or it is being done.
func (s *stays) compacting(id journal.CopyID) (origin uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o, st := range s.held {
		if st.copy == id && !s.busy[id] {
			if s.busy == nil {
				s.busy = make(map[journal.CopyID]bool)
			}
			s.busy[id] = true
			return o, true
		}
	}
	return 0, false
}

func (s *stays) compacted(id journal.CopyID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
}
