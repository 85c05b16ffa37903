// Package memory keeps a node's memory near the size of what it holds.
//
// The collector of Go lets the heap grow to twice what is alive before it runs (GOGC=100). That is a good
// trade for a program of a few megabytes and a bad one for a node that holds a daemon of gigabytes: the
// events of a busy hour would be allowed as much garbage as there is state. Tune makes the room for garbage
// a fixed share instead, and not below what a small program needs to run in peace.
//
// Daemons whose state lies outside of the Go heap, such as the built-in ledger, do not count as alive here,
// and with them the room is the least there is.
//
// A memory limit (debug.SetMemoryLimit) is not set. The right one would be the size of the state and a
// margin, which is not known before a daemon arrives; and a limit that turns out too low makes the collector
// run without end instead of failing.
package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// The room that the heap may grow into before the next collection: a share of what is alive, and at least
// leastRoom. The bound to keep is a quarter of the state and 64 MiB, of which a move needs most of the 64 MiB for
// streams and held events.
const (
	leastRoom = 24 << 20
	roomShare = 8 // percent
)

// maxPercent bounds GOGC for a heap that is almost empty: the runtime takes 4 MiB times GOGC/100 for the
// least heap it collects at all, which is leastRoom here.
const maxPercent = 100 * leastRoom / (4 << 20)

// percent is the GOGC that gives a heap with so much alive its room. The runtime adds the stacks and globals
// to what is alive, and so does the caller.
func percent(alive uint64) int {
	room := max(leastRoom, alive/100*roomShare)
	if alive == 0 {
		return maxPercent
	}
	return int(min(maxPercent, (room*100+alive/2)/alive))
}

// tuner runs after each collection.
type tuner struct {
	samples []metrics.Sample
	cycles  chan struct{} // a token per collection; one is enough
	done    chan struct{}
}

// Tune sets the collector's pace now and after each collection, until stop is called. stop restores the
// pace that was set before.
func Tune() (stop func()) {
	t := &tuner{cycles: make(chan struct{}, 1), done: make(chan struct{})}
	for _, name := range []string{"/gc/heap/live:bytes", "/gc/scan/stack:bytes", "/gc/scan/globals:bytes"} {
		t.samples = append(t.samples, metrics.Sample{Name: name})
	}
	before := debug.SetGCPercent(percent(t.alive()))
	t.arm()
	var ended sync.WaitGroup
	ended.Go(t.run)
	return sync.OnceFunc(func() {
		close(t.done)
		ended.Wait()
		debug.SetGCPercent(before)
	})
}

// run obeys the tokens. It is a goroutine of its own because setting the pace waits for a collection that
// is under way, and a cleanup must not wait for the collector.
func (t *tuner) run() {
	set := 0
	for {
		select {
		case <-t.cycles:
			if want := percent(t.alive()); want != set {
				debug.SetGCPercent(want)
				set = want
			}
		case <-t.done:
			return
		}
	}
}

// alive is what the last collection found alive, as the pacer of the next one counts it.
func (t *tuner) alive() (sum uint64) {
	metrics.Read(t.samples)
	for _, s := range t.samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += s.Value.Uint64()
		}
	}
	return sum
}

// sentinel is an object that nobody holds. It has a pointer so that it does not share its memory with
// other small objects, whose lives it would depend on.
type sentinel struct{ _ *int }

// arm drops a sentinel: its cleanup runs after the next collection, and arms again.
func (t *tuner) arm() {
	runtime.AddCleanup(&sentinel{}, func(t *tuner) {
		select {
		case <-t.done:
			return
		case t.cycles <- struct{}{}:
		default: // the last collection has not been looked at yet, and that look will see this one
		}
		t.arm()
	}, t)
}
