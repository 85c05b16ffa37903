package sim

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// job is something that happens at a time.
type job struct {
	at  time.Time
	seq uint64 // orders jobs of the same time by when they were made
	run func()
}

type jobs []job

func (j jobs) Len() int { return len(j) }
func (j jobs) Less(a, b int) bool {
	if !j[a].at.Equal(j[b].at) {
		return j[a].at.Before(j[b].at)
	}
	return j[a].seq < j[b].seq
}
func (j jobs) Swap(a, b int) { j[a], j[b] = j[b], j[a] }
func (j *jobs) Push(x any)   { *j = append(*j, x.(job)) }
func (j *jobs) Pop() any {
	old := *j
	last := old[len(old)-1]
	old[len(old)-1] = job{}
	*j = old[:len(old)-1]
	return last
}

// at makes a job; one in the past runs now.
func (c *Cluster) at(t time.Time, run func()) {
	if t.Before(c.now) {
		t = c.now
	}
	c.made++
	heap.Push(&c.jobs, job{at: t, seq: c.made, run: run})
}

func (c *Cluster) after(d time.Duration, run func()) { c.at(c.now.Add(d), run) }

// After has f run after a while, between two steps.
func (c *Cluster) After(d time.Duration, f func()) { c.after(d, f) }

// Now is the time in the cluster.
func (c *Cluster) Now() time.Time { return c.now }

// maxAtOnce is how many jobs may run without time passing before the cluster is said to spin.
const maxAtOnce = 200_000

// maxWaiting is how many jobs may wait. Far fewer do, unless nodes answer each other's messages with ever more.
const maxWaiting = 200_000

// next runs the next job. It reports false if there is none, or if a check has failed.
func (c *Cluster) next() bool {
	if c.err != nil || len(c.jobs) == 0 {
		return false
	}
	j := heap.Pop(&c.jobs).(job)
	if j.at.After(c.now) {
		c.now, c.atOnce = j.at, 0
	}
	if c.atOnce++; c.atOnce > maxAtOnce {
		c.Failf("%d jobs ran without time passing", c.atOnce)
		return false
	}
	if len(c.jobs) > maxWaiting {
		c.Failf("%d jobs wait: somebody says ever more", len(c.jobs))
		return false
	}
	j.run()
	return true
}

// Run lets time pass.
func (c *Cluster) Run(d time.Duration) {
	c.RunUntil(d, func() bool { return false })
}

// RunUntil lets time pass until a condition holds, and reports whether it did within the limit. The
// condition is looked at after every job.
func (c *Cluster) RunUntil(limit time.Duration, holds func() bool) bool {
	end := c.now.Add(limit)
	for !holds() {
		if len(c.jobs) == 0 || c.jobs[0].at.After(end) {
			c.now = end
			return false
		}
		if !c.next() {
			return false
		}
	}
	return true
}

// Failf records the first failure of a check and stops the cluster.
func (c *Cluster) Failf(format string, args ...any) {
	if c.err == nil {
		c.failed = format
		c.err = fmt.Errorf("sim: seed %d, %v: "+format, append([]any{c.opt.Seed, c.now.Sub(Start)}, args...)...)
		c.log("FAILED %v", c.err)
	}
}

// Err returns the first check that failed.
func (c *Cluster) Err() error { return c.err }

// source returns the random numbers of one concern.
func (c *Cluster) source(concern string) *rand.Rand {
	r := c.rands[concern]
	if r == nil {
		h := fnv.New64a()
		h.Write([]byte(concern))
		r = rand.New(rand.NewPCG(c.opt.Seed, h.Sum64()))
		c.rands[concern] = r
	}
	return r
}

// Rand returns the random numbers of one concern of the caller's.
func (c *Cluster) Rand(concern string) *rand.Rand { return c.source("user " + concern) }

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// log adds a line to the trace and to its hash.
func (c *Cluster) log(format string, args ...any) {
	if c.opt.Trace == nil && !c.opt.Hash {
		return
	}
	line := fmt.Sprintf("%12.3f ", float64(c.now.Sub(Start).Microseconds())/1000) + fmt.Sprintf(format, args...) + "\n"
	if c.opt.Hash {
		c.hash.Write([]byte(line))
	}
	if c.opt.Trace != nil {
		_, _ = c.opt.Trace.Write([]byte(line)) // a trace that cannot be written must not change the run
	}
}

// Hash digests everything that has happened. It is zero unless [Options.Hash] is set.
func (c *Cluster) Hash() uint64 {
	if !c.opt.Hash {
		return 0
	}
	return c.hash.Sum64()
}
