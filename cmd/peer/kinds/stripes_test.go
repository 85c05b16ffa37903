package kinds

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// Pairs taken by many at once, in both orders and with both accounts under one lock, exclude
// each other and never wait in a circle. The counters are plain: the race detector watches.
func TestStripesPairs(t *testing.T) {
	var s stripes
	counters := make([]int, stripeCount)
	var wg sync.WaitGroup
	for worker := range uint64(8) {
		rng := rand.New(rand.NewPCG(worker, 1))
		wg.Go(func() {
			for range 500 {
				m, n := rng.Uint64N(4*stripeAccounts), rng.Uint64N(4*stripeAccounts)
				s.lockPair(m, n)
				counters[m/stripeAccounts]++
				counters[n/stripeAccounts]++
				s.unlockPair(m, n)
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range counters {
		sum += n
	}
	if sum != 8*500*2 {
		t.Errorf("%d counted of %d", sum, 8*500*2)
	}
}

// Who has all locks is alone.
func TestStripesAll(t *testing.T) {
	var s stripes
	shared, wg := 0, sync.WaitGroup{}
	for worker := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(100) {
				if worker == 0 {
					s.lockAll()
					shared++
					s.unlockAll()
					continue
				}
				lock := s.of(i * stripeAccounts)
				lock.Lock()
				_ = shared
				lock.Unlock()
			}
		})
	}
	wg.Wait()
	if shared != 100 {
		t.Errorf("%d changes, want 100", shared)
	}
}

// An account, the same account of the next slab, and nothing between share a lock.
func TestStripesOf(t *testing.T) {
	var s stripes
	if s.of(0) != s.of(stripeAccounts-1) || s.of(0) == s.of(stripeAccounts) || s.of(0) != s.of(slabAccounts) {
		t.Error("stripes are not where they should be")
	}
}
