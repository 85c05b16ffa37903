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
	seeds, steps, moves, oneWay, deaths, failed atomic.Uint64
	began                                       time.Time
}

func (c *tally) add(s *sim.Storm, err error) {
	c.seeds.Add(1)
	c.steps.Add(s.Steps())
	c.moves.Add(uint64(s.Moved()))
	c.oneWay.Add(uint64(s.OneWay()))
	c.deaths.Add(uint64(s.Deaths()))
	if err != nil {
		c.failed.Add(1)
	}
}

// String is one line: what was run, what came of it, and how fast.
func (c *tally) String() string {
	took := time.Since(c.began).Seconds()
	seeds, steps := c.seeds.Load(), c.steps.Load()
	return fmt.Sprintf("sim: %d seeds, %d steps, %d failures; %d moves, %d committed one way, %d deaths, %.0f s, %.0f seeds/s and %.0f steps/s on %d cores",
		seeds, steps, c.failed.Load(), c.moves.Load(), c.oneWay.Load(), c.deaths.Load(), took, float64(seeds)/took, float64(steps)/took, runtime.GOMAXPROCS(0))
}

// enoughSeeds is from how many on everything that storms are for must have happened.
const enoughSeeds = 2000

// idle returns what has never happened although enough seeds have run to their end, nothing if all has.
func (c *tally) idle() string {
	switch {
	case c.seeds.Load() < enoughSeeds || c.failed.Load() > 0:
	case c.moves.Load() == 0:
		return "no daemon has moved"
	case c.oneWay.Load() == 0:
		return "nothing was committed one way"
	case c.deaths.Load() == 0:
		return "no process has died"
	}
	return ""
}

// TestIdleStorms: what has never happened is said, from enough seeds on, unless some have failed before it could.
func TestIdleStorms(t *testing.T) {
	var c tally
	idle := func(want string) {
		t.Helper()
		if got := c.idle(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	c.seeds.Store(enoughSeeds - 1)
	idle("")
	c.seeds.Store(enoughSeeds)
	idle("no daemon has moved")
	c.moves.Store(1)
	idle("nothing was committed one way")
	c.oneWay.Store(1)
	idle("no process has died")
	c.failed.Store(1)
	idle("")
	c.failed.Store(0)
	c.deaths.Store(1)
	idle("")
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
