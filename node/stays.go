package node

import (
	"fmt"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/wire"
)

// stay is the copy that the journal keeps of a daemon while it is here.
type stay struct {
	copy       journal.CopyID
	durability wire.Durability
}

// moveKey names a daemon that arrives or leaves, in one migration: an earlier stay of the same daemon may still be on its way
// out, and so may a copy of another daemon that came or went under the same id.
type moveKey struct {
	migration wire.MigrationID
	origin    uint64
}

func (c Call) move() moveKey { return moveKey{c.Migration, c.Origin} }

// stays finds the stay of a daemon that this node holds by its origin, and of one that arrives by its migration and
// origin. Daemons of durability memory have none.
type stays struct {
	mu     sync.Mutex
	held   map[uint64]stay
	coming map[moveKey]stay
	going  map[moveKey]stay          // handed over, and not buried; held as well until the daemon is back
	busy   map[journal.CopyID]bool   // a new base is being written
	pauses map[journal.CopyID]*pause // the last one could not be written
	alive  map[journal.CopyID]bool   // its records may still be appended
	asleep int                       // copies that are to be brought back and are not
}

func (s *stays) of(origin uint64) (stay, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.held[origin]
	return st, ok
}

func (s *stays) arriving(key moveKey) (stay, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.coming[key]
	return st, ok
}

func (s *stays) begin(key moveKey, st stay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.coming == nil {
		s.coming = make(map[moveKey]stay)
	}
	s.coming[key] = st
	s.revive(st.copy)
}

// hold makes a stay the daemon's.
func (s *stays) hold(origin uint64, st stay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = make(map[uint64]stay)
	}
	s.held[origin] = st
	s.revive(st.copy)
}

// revive notes that records of a copy may be appended. The caller holds the lock.
func (s *stays) revive(id journal.CopyID) {
	if s.alive == nil {
		s.alive = make(map[journal.CopyID]bool)
	}
	s.alive[id] = true
}

// live reports whether records of a copy may still be appended.
func (s *stays) live(id journal.CopyID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alive[id]
}

// arrive makes the stay of a migration the daemon's. A repeat finds it there.
func (s *stays) arrive(key moveKey) (stay, bool) {
	st, ok := s.take(key)
	if !ok {
		return s.of(key.origin)
	}
	s.hold(key.origin, st)
	return st, true
}

func (s *stays) take(key moveKey) (stay, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.coming[key]
	delete(s.coming, key)
	return st, ok
}

// Born records the birth of a daemon that is not registered yet, and returns once it is durable.
func (x *Executor) Born(host *daemon.Host, key *crypto.EntityKeypair, d wire.Durability, wait func(journal.Position) error) error {
	if d == wire.DurabilityMemory {
		return nil
	}
	st := stay{copy: x.Journal.Next(), durability: d}
	base, err := x.checkpoint(host, st)
	if err != nil {
		return err
	}
	seed, err := key.Seed()
	if err != nil {
		return err
	}
	born := journal.Born{Copy: st.copy, Origin: host.Origin(), Entity: host.EntityID(), Durability: d, Seed: seed}
	if err := wait(x.Journal.Append(born, base)); err != nil {
		return err
	}
	x.stays.hold(host.Origin(), st)
	return nil
}

func (x *Executor) checkpoint(host *daemon.Host, st stay) (journal.Base, error) {
	view, err := host.Checkpoint()
	if err != nil {
		return journal.Base{}, err
	}
	defer view.Close()
	return x.spoolView(view, st)
}

func (x *Executor) spoolView(view *daemon.Snapshot, st stay) (journal.Base, error) {
	spool, err := x.Journal.Spool(st.copy)
	if err != nil {
		return journal.Base{}, err
	}
	defer spool.Abort()
	if _, err := view.WriteTo(spool); err != nil {
		return journal.Base{}, err
	}
	return spool.Commit(view.Head())
}

// write appends records of a copy from beside its daemon's queue, unless the copy has been dropped meanwhile:
// nothing follows a Dropped.
func (x *Executor) write(st stay, records ...journal.Record) (journal.Position, error) {
	x.stays.mu.Lock()
	defer x.stays.mu.Unlock()
	if !x.stays.alive[st.copy] {
		return 0, fmt.Errorf("node: the copy was dropped: %w", wire.ErrCancelled)
	}
	return x.Journal.Append(records...), nil
}

// writeBase is write for a base. Of one that comes when its copy has been dropped, nothing stays.
func (x *Executor) writeBase(st stay, base journal.Base) (journal.Position, error) {
	at, err := x.write(st, base)
	if err != nil {
		x.Journal.Unused(base)
	}
	return at, err
}

// end appends the last records of a copy.
func (x *Executor) end(st stay, records ...journal.Record) journal.Position {
	x.stays.mu.Lock()
	defer x.stays.mu.Unlock()
	delete(x.stays.alive, st.copy)
	delete(x.stays.pauses, st.copy)
	return x.Journal.Append(append(records, journal.Dropped{Copy: st.copy})...)
}

// depart notes which copy a migration has given away. By the time that is proven the daemon may be back, as another one.
func (s *stays) depart(key moveKey, st stay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.going == nil {
		s.going = make(map[moveKey]stay)
	}
	s.going[key] = st
}

// departed takes the copy that a migration has given away.
func (s *stays) departed(key moveKey) (stay, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.going[key]
	delete(s.going, key)
	return st, ok
}

// leave ends a copy that this node held, with what else that leaves.
func (x *Executor) leave(origin uint64, st stay, records ...journal.Record) journal.Position {
	x.stays.mu.Lock()
	if x.stays.held[origin].copy == st.copy {
		delete(x.stays.held, origin)
	}
	x.stays.mu.Unlock()
	return x.end(st, records...)
}

// discard ends the copy of a migration that brought nothing.
func (x *Executor) discard(key moveKey) {
	if st, ok := x.stays.take(key); ok {
		x.end(st)
		x.dropPart(st)
	}
}

// bury keeps what is left of a daemon that has moved, and lets go of its copy, in the same instant.
func (x *Executor) bury(call Call, op Bury) journal.Position {
	st, ok := x.stays.departed(call.move())
	switch {
	case !ok:
		return 0
	case op.Tombstone == nil:
		return x.leave(call.Origin, st)
	}
	return x.leave(call.Origin, st, *op.Tombstone)
}

func (x *Executor) forget(call Call) journal.Position {
	if x.Journal == nil {
		return 0
	}
	return x.Journal.Append(journal.Forgotten{Origin: call.Origin})
}
