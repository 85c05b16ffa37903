package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
)

var (
	seeds = flag.Int("seeds", 2000, "how many seeds TestStorm runs")
	seed  = flag.Uint64("seed", 0, "the first seed of TestStorm; with -print the only one")
	most  = flag.Uint64("failures", 20, "after how many seeds that fail TestStorm ends")
	show  = flag.Bool("print", false, "write everything that happens in the run of -seed to standard output")
)

// TestStorm runs random clusters, one per seed. To see what happened in one:
//
//	go test ./sim -run TestStorm -seed N -print
func TestStorm(t *testing.T) {
	if *show {
		if err := sim.NewStorm(sim.Options{Seed: *seed, Trace: os.Stdout}).Run(); err != nil {
			t.Error(err)
		}
		return
	}
	moreGarbage(t)
	c := &tally{began: time.Now()}
	stop := c.progress(t)
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < uint64(*seeds) && c.failed.Load() < *most; i = next.Add(1) - 1 {
				s := sim.NewStorm(sim.Options{Seed: *seed + i})
				err := run(s, *seed+i)
				if err != nil {
					t.Errorf("%v\n\tgo test ./sim -run TestStorm -seed %d -print", err, *seed+i)
				}
				c.add(s, err)
			}
		})
	}
	workers.Wait()
	stop()
	t.Logf("%v, from seed %d", c, *seed)
	if why := c.idle(); why != "" {
		t.Errorf("the storms have shown nothing: %s in %d of them", why, c.seeds.Load())
	}
}

// run says in which seed the code under test has panicked.
func run(s *sim.Storm, seed uint64) error {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "sim: seed %d, panic: %v\n", seed, r)
			panic(r)
		}
	}()
	return s.Run()
}

// TestSameSeedSameRun: everything that happens follows from the seed.
func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(20) {
		run := func() uint64 {
			s := sim.NewStorm(sim.Options{Seed: seed, Hash: true})
			if err := s.Run(); err != nil {
				t.Error(err)
			}
			return s.Hash()
		}
		if a, b := run(), run(); a != b {
			t.Errorf("seed %d: two runs differ: %016x and %016x", seed, a, b)
		}
	}
}
