package target

import (
	"sync"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// maxCompletedPerShard bounds the completed index. One more evicts the shard's oldest before its time;
// with the default number of shards the node remembers 131,072 completed migrations.
const maxCompletedPerShard = 1024

// shard guards the membership of the origins that hash to it: which record is active, which migration is
// completed. Nothing else. Its lock is held for a few map operations, never while a record's turnstile is
// waited for, and no daemon code and no I/O runs under it, so one origin can keep another waiting for
// nanoseconds at most, whatever its daemon does.
//
// Each shard has its cache lines to itself: without the padding two cores that work on neighbors would
// hand one line to and fro. Lookups share the lock. That does not make them faster, but a goroutine that the
// system takes off its processor in the middle of one, as happens on a machine with other work, keeps no other
// lookup waiting until its next turn, which is a hundred thousand times what a lookup takes.
//
// On the number: a lookup takes about 20 ns. With n cores looking up without pause, the chance that a given one
// meets another in its shard, and has to fetch the lock's cache line from that core, is about (n-1)/shards:
// below 1 % for 2 cores and 25 % for 32 at 128 shards. On two cores BenchmarkHandlerShards finds little
// difference from 16 shards on: more would buy nothing, and 128 leave room for more cores. An empty shard
// costs 128 bytes.
type shard struct {
	mu        sync.RWMutex
	records   map[uint64]*record
	completed map[uint64]*completed
	oldest    time.Time // no completed migration is older; zero if one may have no time yet
	_         [128 - 24 - 16 - 24]byte
}

// completed is what remains of a migration that has ended well. Of its fields only the time is set once it
// is in the index, under the shard's lock.
type completed struct {
	migration wire.MigrationID
	orch      crypto.NodeID
	through   uint64 // the sequence that Activate returned
	at        time.Time
}

// shardIndex maps an origin to one of 1<<bits shards. Origins are truncated hashes, but a multiplication
// spreads them even if somebody has chosen them; xxhash costs more and changes nothing.
func shardIndex(origin uint64, bits int) uint64 {
	const golden = 0x9E3779B97F4A7C15
	return origin * golden >> (64 - bits) // for a single shard this shifts everything out
}

// find returns the active record of an origin, else its completed migration, else neither, as they are at one
// instant.
func (s *shard) find(origin uint64) (rec *record, done *completed) {
	s.mu.RLock()
	rec = s.records[origin]
	if rec == nil {
		done = s.completed[origin]
	}
	s.mu.RUnlock()
	return rec, done
}

// claim makes rec the active record of its origin unless there is one, or unless the migration is a repeat
// of the completed one. It returns what stands in the way.
func (s *shard) claim(rec *record) (*record, *completed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.records[rec.origin]; r != nil {
		return r, nil
	}
	if c := s.completed[rec.origin]; c != nil && rec.repeats(c) {
		return nil, c
	}
	if s.records == nil {
		s.records = make(map[uint64]*record)
	}
	s.records[rec.origin] = rec
	return nil, nil
}

// remove drops the record, and reports whether it was the active one of its origin.
func (s *shard) remove(rec *record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[rec.origin] != rec {
		return false
	}
	delete(s.records, rec.origin)
	return true
}

// complete turns the active record into a completed migration in one step: whoever looks sees one or the
// other.
func (s *shard) complete(rec *record, c *completed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.completed == nil {
		s.completed = make(map[uint64]*completed)
	}
	if len(s.completed) >= maxCompletedPerShard && s.completed[rec.origin] == nil {
		s.evict()
	}
	delete(s.records, rec.origin)
	if len(s.completed) == 0 || c.at.Before(s.oldest) {
		s.oldest = c.at
	}
	s.completed[rec.origin] = c
}

// evict drops the oldest completed migration. The caller holds the lock; the walk is bounded by
// maxCompletedPerShard and happens only when the index is full.
func (s *shard) evict() {
	var oldest uint64
	var at time.Time
	found := false
	for origin, c := range s.completed {
		if !found || c.at.Before(at) {
			oldest, at, found = origin, c.at, true
		}
	}
	delete(s.completed, oldest)
}

// forget drops the completed migration of an origin, and reports whether there was one.
func (s *shard) forget(origin uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.completed[origin]
	delete(s.completed, origin)
	return ok
}

// sweep drops what completed at least ttl before now. What has no time yet gets this one. It walks the index
// only if something may have to be done.
func (s *shard) sweep(now time.Time, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.completed) == 0 || !s.oldest.IsZero() && now.Sub(s.oldest) < ttl {
		return
	}
	s.oldest = now
	for origin, c := range s.completed {
		switch {
		case c.at.IsZero():
			c.at = now
		case now.Sub(c.at) >= ttl:
			delete(s.completed, origin)
		case c.at.Before(s.oldest):
			s.oldest = c.at
		}
	}
}
