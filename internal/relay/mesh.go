package relay

import (
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
)

// A Mesh is the relays between ends that have names. It opens them as they are asked for. All methods are
// safe for concurrent use.
type Mesh struct {
	seed uint64

	mu     sync.Mutex // guards what is below
	relays map[link]*Relay
	places map[string]string // where ends listen
	rules  map[link]Rules    // of packets from one end to another, whoever dialed
}

// link is an ordered pair of ends: of a relay, who dials whom; of rules, who sends to whom.
type link struct{ from, to string }

// NewMesh returns a Mesh without relays. The decisions of each relay follow from the seed and its two ends.
func NewMesh(seed uint64) *Mesh {
	return &Mesh{seed: seed, relays: make(map[link]*Relay), places: make(map[string]string), rules: make(map[link]Rules)}
}

// Addr returns what from dials in order to reach to, which need not listen anywhere yet.
func (m *Mesh) Addr(from, to string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := link{from, to}
	if r := m.relays[key]; r != nil {
		return r.Addr(), nil
	}
	r, err := New(Config{Target: m.places[to], Seed: m.seedOf(key)})
	if err != nil {
		return "", err
	}
	m.relays[key] = r
	return r.Addr(), errors.Join(r.Set(Forward, m.rules[key]), r.Set(Back, m.rules[link{to, from}]))
}

// seedOf gives each relay decisions of its own.
func (m *Mesh) seedOf(l link) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %q %q", m.seed, l.from, l.to)
	return h.Sum64()
}

// Place says where an end listens now.
func (m *Mesh) Place(end, addr string) error {
	if _, err := loopback(addr); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.places[end] = addr
	var err error
	for key, r := range m.relays {
		if key.to == end {
			err = errors.Join(err, r.SetTarget(addr))
		}
	}
	return err
}

// Set changes the rules for packets from one end to another, over connections of either's making. Rules may
// be set before there is a relay.
func (m *Mesh) Set(from, to string, rules Rules) error {
	if err := rules.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set(link{from, to}, rules)
}

// set is Set with the lock held.
func (m *Mesh) set(l link, rules Rules) error {
	m.rules[l] = rules
	var err error
	if r := m.relays[l]; r != nil {
		err = r.Set(Forward, rules)
	}
	if r := m.relays[link{l.to, l.from}]; r != nil {
		err = errors.Join(err, r.Set(Back, rules))
	}
	return err
}

// Rules returns the rules for packets from one end to another.
func (m *Mesh) Rules(from, to string) Rules {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rules[link{from, to}]
}

// Heal takes all rules back: everything passes at once and in order.
func (m *Mesh) Heal() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	for l := range m.rules {
		err = errors.Join(err, m.set(l, Rules{}))
	}
	return err
}

// Rebind gives the connections that from has made to to a new source port. It returns how many senders that
// were; 0 if there is no relay.
func (m *Mesh) Rebind(from, to string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.relays[link{from, to}]; r != nil {
		return r.Rebind()
	}
	return 0
}

// Stats adds up what became of the packets from one end to another.
func (m *Mesh) Stats(from, to string) Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	var s Stats
	if r := m.relays[link{from, to}]; r != nil {
		s.add(r.Stats(Forward))
	}
	if r := m.relays[link{to, from}]; r != nil {
		s.add(r.Stats(Back))
	}
	return s
}

// add counts another direction in.
func (s *Stats) add(o Stats) {
	s.Queued += o.Queued
	s.Sent += o.Sent
	s.Bytes += o.Bytes
	s.Lost += o.Lost
	s.Cut += o.Cut
	s.CutQueued += o.CutQueued
	s.Overflow += o.Overflow
	s.Duplicated += o.Duplicated
	s.Reordered += o.Reordered
}

// Close closes every relay.
func (m *Mesh) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	for key, r := range m.relays {
		err = errors.Join(err, r.Close())
		delete(m.relays, key)
	}
	return err
}
