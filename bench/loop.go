package main

import (
	"runtime"
	"time"
)

// cost is what one operation takes.
type cost struct {
	nanos  float64
	allocs float64
}

// timed runs f, which does n operations, often enough to fill the time, and returns the cost of one. The
// operations between two looks at the clock take at least a millisecond.
func timed(fill time.Duration, n int, f func()) cost {
	f() // what the first run allocates for good is not the operation's
	repeat := 1
	for begun := time.Now(); ; begun = time.Now() {
		for range repeat {
			f()
		}
		if time.Since(begun) > time.Millisecond {
			break
		}
		repeat *= 2
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	done, begun := 0, time.Now()
	for time.Since(begun) < fill {
		for range repeat {
			f()
		}
		done += repeat
	}
	took := since(begun)
	runtime.ReadMemStats(&after)
	count := float64(done) * float64(n)
	return cost{took / count, float64(after.Mallocs-before.Mallocs) / count}
}

// duel alternates contenders that are timed in this process, and returns for each the nanoseconds of the
// rounds and the allocations of the last one.
func duel(l *lab, n int, contenders ...func()) (nanos [][]float64, allocs []float64) {
	rounds, fill := pick(l, 9, 3), pick(l, 60*time.Millisecond, 5*time.Millisecond)
	nanos, allocs = make([][]float64, len(contenders)), make([]float64, len(contenders))
	for round := range rounds {
		runtime.GC() // nobody pays for the garbage of another
		for i := range contenders {
			if round%2 == 1 {
				i = len(contenders) - 1 - i
			}
			c := timed(fill, n, contenders[i])
			nanos[i] = append(nanos[i], c.nanos)
			allocs[i] = c.allocs
		}
	}
	return nanos, allocs
}
