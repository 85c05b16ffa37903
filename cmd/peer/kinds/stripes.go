package kinds

import "sync"

// stripeAccounts is how many neighboring accounts share a lock: four pages, 16 KiB, which take
// about 2 µs to copy.
const stripeAccounts = 4 * pageAccounts

// stripeCount is the number of locks of a book. A slab has as many stripes; the same locks
// serve all slabs.
const stripeCount = slabAccounts / stripeAccounts

// stripes are the locks of a book. A transfer holds those of its two accounts, a view the one
// of the accounts it reads: while a view is written the two sides meet in less than one of a
// hundred transfers, where with a single lock they met in every other one, and a transfer that
// finds the lock taken is parked and woken, which takes much longer than the wait it is for.
//
// Holding any one keeps the structure of the book (slabs, shadows, users) as it is; changing
// that takes all of them.
type stripes [stripeCount]sync.Mutex

// of returns the lock for account n.
func (s *stripes) of(n uint64) *sync.Mutex { return &s[n/stripeAccounts%stripeCount] }

// lockPair takes the locks for two accounts, in one order for everyone, so that no two wait for
// each other.
func (s *stripes) lockPair(m, n uint64) {
	i, j := m/stripeAccounts%stripeCount, n/stripeAccounts%stripeCount
	s[min(i, j)].Lock()
	if i != j {
		s[max(i, j)].Lock()
	}
}

func (s *stripes) unlockPair(m, n uint64) {
	i, j := m/stripeAccounts%stripeCount, n/stripeAccounts%stripeCount
	s[i].Unlock()
	if i != j {
		s[j].Unlock()
	}
}

// lockAll takes every lock; a few microseconds.
func (s *stripes) lockAll() {
	for i := range s {
		s[i].Lock()
	}
}

func (s *stripes) unlockAll() {
	for i := range s {
		s[i].Unlock()
	}
}
