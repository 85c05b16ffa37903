package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/peer"
)

// registryExperiment fills one node with idle daemons.
func registryExperiment(l *lab) (err error) {
	count := pick(l, 1_000_000, 20_000)
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		return err
	}
	p, err := peer.New(peer.Config{Key: key, Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.RegisterKind("idle", newIdle); err != nil {
		return err
	}
	var m meter
	var before, after Usage
	if err := m.Heap(None{}, &before); err != nil {
		return err
	}
	origins := make([]uint64, count)
	for i := range origins {
		d, err := p.Spawn(context.Background(), "idle", peer.SpawnOptions{})
		if err != nil {
			return err
		}
		origins[i] = d.Origin
	}
	if _, err := p.Daemon(context.Background(), origins[count-1]); err != nil { // the core has heard of all
		return err
	}
	if err := m.Heap(None{}, &after); err != nil {
		return err
	}
	each := float64(after.Heap-before.Heap-uint64(8*count)) / float64(count)
	what := fmt.Sprintf("node with %d idle daemons", count)
	l.add(row{what: what + ", memory of each", ferry: fmt.Sprintf("%.0f bytes", each), ratio: each, goal: goal{atMost, 1024, " bytes"}})
	more := float64(after.Goroutines - before.Goroutines)
	l.add(row{what: what + ", goroutines of all", ferry: plain(more), ratio: more, goal: zero("goroutines")})
	return l.lookups(what, p, origins)
}

// bareShards is a sharded map with nothing around it, as in the library: 64 shards, each with a lock.
type bareShards [64]struct {
	mu sync.RWMutex
	m  map[uint64]*daemon.Host
	_  [88]byte // no two locks in one cache line
}

func (b *bareShards) at(origin uint64) int { return int(origin * 0x9E3779B97F4A7C15 >> 58) }

func (b *bareShards) get(origin uint64) (*daemon.Host, bool) {
	s := &b[b.at(origin)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.m[origin]
	return h, ok
}

// lookups compares finding a daemon with finding it in a bare map.
func (l *lab) lookups(what string, p *peer.Peer, origins []uint64) error {
	b := new(bareShards)
	for i := range b {
		b[i].m = make(map[uint64]*daemon.Host)
	}
	for _, origin := range origins {
		h, _ := p.Host(origin)
		b[b.at(origin)].m[origin] = h
	}
	rand.New(rand.NewPCG(4, 4)).Shuffle(len(origins), func(i, j int) { origins[i], origins[j] = origins[j], origins[i] })
	const step = 4096
	missing := 0
	lookup := func(find func(uint64) (*daemon.Host, bool)) func() {
		at := 0
		return func() {
			for range step {
				if _, ok := find(origins[at%len(origins)]); !ok {
					missing++
				}
				at++
			}
		}
	}
	found, _ := duel(l, step, lookup(p.Host), lookup(b.get))
	if missing > 0 {
		return fmt.Errorf("%d daemons were not found", missing)
	}
	l.add(compare(what+", lookup against a bare sharded map", found[0], found[1], nanos, within(2)))
	runtime.KeepAlive(b)
	return nil
}
