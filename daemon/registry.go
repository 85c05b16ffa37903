package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/ferrymesh/ferry/wire"
)

// shardCount is how many locks a registry spreads its hosts over: enough that
// submitting cores rarely meet, at 4 KiB for an empty registry.
const shardCount = 64

// shardShift leaves the bits of a 64-bit product that index a shard.
const shardShift = 64 - 6

// Registry holds the hosts of one node by origin, serving and dark alike. It
// is safe for concurrent use; no host's lock is taken under a shard's, so
// a busy daemon delays no lookup.
type Registry struct {
	shards [shardCount]shard
}

// shard is a registry of its own for the origins that map to it. The padding
// keeps two shards' locks off one cache line.
type shard struct {
	mu    sync.RWMutex
	hosts map[uint64]*Host // nil until the first
	_     [32]byte
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return new(Registry) }

// shard returns the shard of origin. An origin is a hash already, but whoever
// makes identities can choose its low bits by trying; multiplying by the golden
// ratio takes all bits into account for one instruction, where xxhash costs
// a call. A full collision of a shard only costs its lock's spread.
func (r *Registry) shard(origin uint64) *shard {
	return &r.shards[origin*0x9e3779b97f4a7c15>>shardShift]
}

// Register adds h. An origin that is taken fails and keeps the first host:
// with ErrOriginTaken, and with ErrOriginCollision as well if that host is
// another entity, which a short origin cannot exclude.
func (r *Registry) Register(h *Host) error {
	s := r.shard(h.origin)
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.hosts[h.origin]; ok {
		if entity := h.EntityID(); first.EntityID() != entity {
			return fmt.Errorf("daemon: register %x: origin %016x: %w", entity[:8], h.origin, ErrOriginCollision)
		}
		return fmt.Errorf("daemon: register origin %016x: %w", h.origin, ErrOriginTaken)
	}
	if s.hosts == nil {
		s.hosts = make(map[uint64]*Host)
	}
	s.hosts[h.origin] = h
	return nil
}

// Unregister removes and returns the host of origin, or fails with
// wire.ErrDaemonNotFound. The host itself is unchanged.
func (r *Registry) Unregister(origin uint64) (*Host, error) {
	s := r.shard(origin)
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.hosts[origin]
	if !ok {
		return nil, fmt.Errorf("daemon: unregister origin %016x: %w", origin, wire.ErrDaemonNotFound)
	}
	delete(s.hosts, origin)
	return h, nil
}

// Remove unregisters h itself and reports whether it was there: another host
// that took the origin meanwhile stays.
func (r *Registry) Remove(h *Host) bool {
	s := r.shard(h.origin)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosts[h.origin] != h {
		return false
	}
	delete(s.hosts, h.origin)
	return true
}

// Host returns the host of origin.
func (r *Registry) Host(origin uint64) (*Host, bool) {
	s := r.shard(origin)
	s.mu.RLock()
	h, ok := s.hosts[origin]
	s.mu.RUnlock()
	return h, ok
}

// Len returns how many hosts are registered. While others register it is
// a number that was near the truth.
func (r *Registry) Len() int {
	n := 0
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		n += len(s.hosts)
		s.mu.RUnlock()
	}
	return n
}

// Hosts returns all hosts by ascending origin. Hosts that come or go during
// the call may or may not be among them.
func (r *Registry) Hosts() []*Host {
	var all []*Host
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		for _, h := range s.hosts {
			all = append(all, h)
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(all, func(a, b *Host) int { return cmp.Compare(a.origin, b.origin) })
	return all
}
