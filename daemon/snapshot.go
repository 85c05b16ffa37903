package daemon

import (
	"fmt"
	"io"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Snapshot is a daemon at one sequence: either taken from a Host in this
// process, or read from a stream whose state part is still to come. What its
// methods return was fixed when it was made, and for one that was read, has
// been verified: the passport offline, the rest against it.
//
// Safe for concurrent use; WriteTo and Restore take turns.
type Snapshot struct {
	header header
	view   io.WriterTo  // the state, of a snapshot taken here
	state  *stateReader // the state, of a snapshot that was read
	table  *producers   // of a snapshot that was read: what the host will own

	turn sync.Mutex // held while the state is read

	mu     sync.Mutex // guards what follows
	busy   bool       // the state is being read, its reader closes the view
	used   bool       // the state was asked for
	closed bool
}

// Snapshot takes a frozen view of the daemon between two events, whether it
// serves or is frozen. Submissions wait for the daemon's own Snapshot and
// for the producer table's: one copy of its slots, 56 bytes for each producer,
// which is half a megabyte and well under a millisecond for a full table. All
// else happens in WriteTo. After it, the first event of each producer copies
// that producer's window, at most 3 KiB.
//
// Errors: wire.ErrStateless if the daemon has no view; wire.ErrNotReady (dark),
// wire.ErrMoved; the daemon's own, wrapped together with wire.ErrStateFailed.
func (h *Host) Snapshot() (*Snapshot, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	s, err := h.snapshot()
	if err == nil {
		h.snapshots = h.head.Sequence
	}
	return s, err
}

// Checkpoint is Snapshot for this node's own disk: a later handover does not name it as the one that was
// transferred.
func (h *Host) Checkpoint() (*Snapshot, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	return h.snapshot()
}

// snapshot takes the view. The caller holds the turn.
func (h *Host) snapshot() (*Snapshot, error) {
	if err := h.holdsEpoch(); err != nil {
		return nil, err
	}
	view, err := takeView(h.d)
	if err != nil {
		return nil, fmt.Errorf("daemon: origin %016x: %w", h.origin, err)
	}
	return &Snapshot{header: h.header(), view: view}, nil
}

// takeView runs the daemon's code.
func takeView(d Daemon) (view io.WriterTo, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %w", wire.ErrStateFailed, err)
		}
		if err == nil && view == nil {
			err = wire.ErrStateless
		}
	}()
	defer recovered("Snapshot", &err)
	return d.Snapshot()
}

// header collects what a snapshot taken now begins with. The caller holds the
// turn. Nothing in it is written afterwards: handovers are only ever appended
// to a copy, and the table gives out a view.
func (h *Host) header() header {
	return header{
		entity: h.EntityID(), kind: h.Kind(), name: h.name, epoch: h.epoch,
		head: h.head, passport: h.passport, producers: h.producers.view(),
	}
}

// EntityID returns whose snapshot it is.
func (s *Snapshot) EntityID() crypto.EntityID { return s.header.entity }

// Origin returns the routing handle of the entity.
func (s *Snapshot) Origin() uint64 { return s.header.head.Origin }

// Kind returns the kind of the daemon.
func (s *Snapshot) Kind() string { return s.header.kind }

// Name returns the daemon's name, which may be empty.
func (s *Snapshot) Name() string { return s.header.name }

// Through returns the sequence of the last event that the state includes.
func (s *Snapshot) Through() uint64 { return s.header.head.Sequence }

// Head returns the head at Through.
func (s *Snapshot) Head() crypto.Head { return s.header.head }

// Epoch returns the epoch in which the snapshot was taken.
func (s *Snapshot) Epoch() uint64 { return s.header.epoch }

// Passport returns a copy of the passport as of the snapshot.
func (s *Snapshot) Passport() crypto.Passport { return s.header.passport.Clone() }

// Len returns how many bytes WriteTo will write. It is known only if the
// daemon's view has a length; for a snapshot that was read it is not.
func (s *Snapshot) Len() (n int64, known bool) {
	view, ok := s.view.(interface{ Len() int64 })
	if !ok {
		return 0, false
	}
	state := view.Len()
	if state < 0 {
		return 0, false
	}
	return s.header.len() + chunkedLen(state) + trailerSize, true
}

// Close frees the view. A WriteTo that is under way fails with ErrClosed at
// its next chunk. Closing twice is harmless. It does not close the reader that
// a snapshot was read from.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.busy {
		return nil
	}
	return s.closeView()
}

// closeView closes the daemon's view if it can be closed. The caller holds mu.
func (s *Snapshot) closeView() (err error) {
	defer recovered("Close", &err)
	if c, ok := s.view.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// begin claims the state for reading; end must follow unless it fails.
func (s *Snapshot) begin() error {
	s.turn.Lock()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch {
	case s.closed:
		err = ErrClosed
	case s.state != nil && s.used:
		err = ErrConsumed
	}
	if err != nil {
		s.turn.Unlock()
		return err
	}
	s.used, s.busy = true, true
	return nil
}

// end gives the state back and closes the view if Close left that to us.
func (s *Snapshot) end() {
	s.mu.Lock()
	s.busy = false
	if s.closed {
		// Close has returned long ago; there is nobody to tell.
		_ = s.closeView()
	}
	s.mu.Unlock()
	s.turn.Unlock()
}

// open returns ErrClosed once the snapshot was closed.
func (s *Snapshot) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}
