package target

import (
	"math"
	"sync/atomic"
)

// ledger counts the bytes that all buffers of a node hold together. Buffers of different origins use it at
// the same time without a lock; the count is exact at every instant, never only in the mean: a reservation
// that does not fit is not added and taken back, which could refuse another one that does.
type ledger struct {
	limit int64
	used  atomic.Int64
}

// unlimited is the limit of a ledger that nobody shares. It does not count.
const unlimited = math.MaxInt64

// reserve counts n more bytes unless that would exceed the limit. A negative n gives back and always
// succeeds.
func (l *ledger) reserve(n int64) bool {
	if n <= 0 || l.limit == unlimited {
		l.add(n)
		return true
	}
	for {
		used := l.used.Load()
		if n > l.limit-used {
			return false
		}
		if l.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// add counts n bytes whatever the limit: the next event of an origin is never refused, so the count may
// exceed the limit by one event for each origin.
func (l *ledger) add(n int64) {
	if n != 0 && l.limit != unlimited {
		l.used.Add(n)
	}
}
