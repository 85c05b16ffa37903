package sim_test

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
)

var every = flag.Duration("every", 0, "how often TestStorm says how far it is; 0 is never")

// moreGarbage lets the heap grow to 16 times what lives, which is a few megabytes a core. Most of what a storm
// makes is garbage at once, and collecting it at the usual pace costs an eighth of the time.
func moreGarbage(t *testing.T) {
	before := debug.SetGCPercent(1600)
	t.Cleanup(func() { debug.SetGCPercent(before) })
}

// tally counts what the storms of a test have come to. Its workers add to it as they go.
type tally struct {
	seeds, steps, moves, oneWay, failed atomic.Uint64
	began                               time.Time
}

func (c *tally) add(s *sim.Storm, err error) {
	c.seeds.Add(1)
	c.steps.Add(s.Steps())
	c.moves.Add(uint64(s.Moved()))
	c.oneWay.Add(uint64(s.OneWay()))
	if err != nil {
		c.failed.Add(1)
	}
}

// String is one line: what was run, what came of it, and how fast.
func (c *tally) String() string {
	took := time.Since(c.began).Seconds()
	seeds, steps := c.seeds.Load(), c.steps.Load()
	return fmt.Sprintf("sim: %d seeds, %d steps, %d failures; %d moves, %d committed one way, %.0f s, %.0f seeds/s and %.0f steps/s on %d cores",
		seeds, steps, c.failed.Load(), c.moves.Load(), c.oneWay.Load(), took, float64(seeds)/took, float64(steps)/took, runtime.GOMAXPROCS(0))
}

// progress logs the tally now and then, until stop is called.
func (c *tally) progress(t *testing.T) (stop func()) {
	if *every <= 0 {
		return func() {}
	}
	ticker, done := time.NewTicker(*every), make(chan struct{})
	var logger sync.WaitGroup
	logger.Go(func() {
		for {
			select {
			case <-ticker.C:
				t.Log(c)
			case <-done:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		logger.Wait()
	}
}
