package node

import (
	"errors"
	"fmt"
	"time"

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
// once until it has one, or until that has failed: then it is returned again after a pause. Copies that are dark, frozen
// for good or on their way out are left alone: they will be gone or change hands soon.
func (x *Executor) Due(now time.Time) []uint64 {
	var due []uint64
	for _, id := range x.Journal.Due() {
		if origin, ok := x.stays.compacting(id, now); ok {
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
		x.stays.compacted(st.copy, err)
	}
	return Checkpointed{View: view, stay: st, Err: err}
}

// Compact writes a view as the new base of its daemon. The log before it is dropped once it is durable.
func (x *Executor) Compact(c Checkpointed, wait func(journal.Position) error) (err error) {
	defer func() { x.stays.compacted(c.stay.copy, err) }()
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

// How long a daemon waits after a new base that could not be written. Each try may fill up a disk that has little room,
// and keep the log from growing while it lasts.
const (
	firstPause   = time.Second // doubled each time
	longestPause = time.Minute
)

// pause is the time after a new base that could not be written.
type pause struct {
	length time.Duration
	end    time.Time // zero until Due is asked next
}

// compacting claims a copy for a new base; ok is false if no daemon is held by it, it has been handed over, its base is
// being written, or the last one failed not long ago.
func (s *stays) compacting(id journal.CopyID, now time.Time) (origin uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[id] || s.given(id) || s.pausing(id, now) {
		return 0, false
	}
	for o, st := range s.held {
		if st.copy == id {
			if s.busy == nil {
				s.busy = make(map[journal.CopyID]bool)
			}
			s.busy[id] = true
			return o, true
		}
	}
	return 0, false
}

// given reports whether a copy has been handed over. The caller holds the lock.
func (s *stays) given(id journal.CopyID) bool {
	for _, st := range s.going {
		if st.copy == id {
			return true
		}
	}
	return false
}

// pausing reports whether a copy has to wait for its next try. The caller holds the lock.
func (s *stays) pausing(id journal.CopyID, now time.Time) bool {
	p := s.pauses[id]
	if p == nil {
		return false
	}
	if p.end.IsZero() {
		p.end = now.Add(p.length)
	}
	return now.Before(p.end)
}

// compacted ends a claim. After an error the copy pauses, twice as long as the time before.
func (s *stays) compacted(id journal.CopyID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
	p := s.pauses[id]
	switch {
	case err == nil || !s.alive[id]:
		delete(s.pauses, id)
	case p != nil:
		*p = pause{length: min(2*p.length, longestPause)}
	default:
		if s.pauses == nil {
			s.pauses = make(map[journal.CopyID]*pause)
		}
		s.pauses[id] = &pause{length: firstPause}
	}
}
