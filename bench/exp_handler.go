package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pace is what a receiver reached in each setting, round by round: events per second, and nanoseconds of
// processor time for each event.
type pace struct{ rate, work map[setting][]float64 }

// setting is a number of goroutines on a number of processors.
type setting struct{ goroutines, processors int }

// handlerExperiment has batches arrive for many daemons at once, in any order of daemons.
func handlerExperiment(l *lab) error {
	count := pick(l, 10_000, 1000)
	settings := []setting{{2, 1}, {2, 2}, {64, 1}, {64, 2}}
	list, err := fleet(count, len(settings)*replayBatch)
	if err != nil {
		return err
	}
	names := []string{"ferry", "one mutex", "xsync.Map"}
	paces := make(map[string]pace)
	for _, name := range names {
		paces[name] = pace{make(map[setting][]float64), make(map[setting][]float64)}
	}
	for round := range pick(l, 7, 3) {
		for i := range names {
			name := names[(i+round)%len(names)]
			if err := throughput(name, list, rotate(settings, round), paces[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	l.handlerRows(count, paces)
	if err := l.contention(list); err != nil {
		return err
	}
	return l.plotHandler()
}

// rotate turns a list by n places.
func rotate[T any](list []T, n int) []T {
	n %= len(list)
	return append(append([]T(nil), list[n:]...), list[:n]...)
}

// handlerRows adds the rows on speed. How the throughput grows with a processor can be seen only where both are
// free; that an event takes no more work on two can be seen anywhere.
func (l *lab) handlerRows(count int, paces map[string]pace) {
	ferry := paces["ferry"]
	for _, goroutines := range []int{2, 64} {
		one, two := setting{goroutines, 1}, setting{goroutines, 2}
		what := fmt.Sprintf("handler, %d daemons migrating, %d goroutines", count, goroutines)
		l.add(compare(what+", 2 processors against 1", ferry.rate[two], ferry.rate[one], perSecond, reach(1.8)))
		l.add(compare(what+", processor time of an event, 2 processors against 1", ferry.work[two], ferry.work[one], nanos, within(2/1.8)))
		for _, rival := range []string{"one mutex", "xsync.Map"} {
			l.add(compare(what+", against "+rival, ferry.rate[two], paces[rival].rate[two], perSecond, noGoal()))
			l.add(compare(what+", processor time of an event, against "+rival, ferry.work[two], paces[rival].work[two], nanos, noGoal()))
		}
	}
}

// throughput restores a fleet at a new receiver and lets a batch arrive for each daemon in each setting. It
// adds to p. The log has as many batches as there are settings.
func throughput(name string, list []arrival, settings []setting, p pace) error {
	r, err := newRival(name, len(list))
	if err == nil {
		err = arrive(r, list)
	}
	if err != nil {
		return err
	}
	for i, s := range settings {
		took, work, err := batches(r, list, i, i+1, s)
		if err != nil {
			return err
		}
		events := float64(len(list) * replayBatch)
		p.rate[s] = append(p.rate[s], events/took.Seconds())
		p.work[s] = append(p.work[s], work*1e9/events)
	}
	return nil
}

// batches gives each daemon its batches from one number to before another: the first of all daemons, in any
// order, then the second of all, and so on. No garbage is collected meanwhile: the logs of the fleet, which
// are the benchmark's, would be most of the work. It returns the time, and the processor time in seconds.
func batches(r receiver, list []arrival, from, to int, s setting) (took time.Duration, work float64, err error) {
	order := rand.New(rand.NewPCG(uint64(from), 3)).Perm(len(list))
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.processors))
	var next atomic.Int64
	jobs := int64(len(list) * (to - from))
	errs := make([]error, s.goroutines)
	begun, worked := time.Now(), processorTime()
	var running sync.WaitGroup
	for g := range s.goroutines {
		running.Go(func() {
			for i := next.Add(1) - 1; i < jobs && errs[g] == nil; i = next.Add(1) - 1 {
				a, at := &list[order[i%int64(len(list))]], (from+int(i)/len(list))*replayBatch
				errs[g] = r.replay(a.origin, a.log[at:at+replayBatch])
			}
		})
	}
	running.Wait()
	return time.Since(begun), processorTime() - worked, errors.Join(errs...)
}

// contention adds the row on locks: the share of their time that goroutines wait for the lock that is waited
// for most.
func (l *lab) contention(list []arrival) error {
	r, err := newRival("ferry", len(list))
	if err == nil {
		err = arrive(r, list)
	}
	if err != nil {
		return err
	}
	before, _, err := waits()
	if err != nil {
		return err
	}
	runtime.SetMutexProfileFraction(1)
	// One round after the other, so that no daemon has two batches at a time: that those wait for each other
	// is how it must be, and only locks that daemons share are of interest.
	const goroutines = 64
	var took time.Duration
	for i := 0; i < len(list[0].log)/replayBatch && err == nil; i++ {
		var once time.Duration
		once, _, err = batches(r, list, i, i+1, setting{goroutines, 2})
		took += once
	}
	runtime.SetMutexProfileFraction(0)
	if err != nil {
		return err
	}
	after, unit, err := waits()
	if err != nil {
		return err
	}
	worst, where := 0.0, "no lock"
	for stack, n := range after {
		if share := 100 * (n - before[stack]) / unit / (goroutines * took.Seconds()); share > worst {
			worst, where = share, stack
		}
	}
	l.add(row{what: "handler, 64 goroutines, wait for the worst lock (" + where + ")", ferry: fmt.Sprintf("%.3f %%", worst),
		ratio: worst, goal: goal{atMost, 2, " % of the goroutines' time"}})
	return nil
}

// waits reads the mutex profile: clock ticks waited, by the function that gave the lock back, and how many
// ticks a second has.
func waits() (ticks map[string]float64, perSecond float64, err error) {
	var text bytes.Buffer
	if err := pprof.Lookup("mutex").WriteTo(&text, 1); err != nil {
		return nil, 0, err
	}
	ticks = make(map[string]float64)
	current := 0.0
	for lines := bufio.NewScanner(&text); lines.Scan(); {
		line := lines.Text()
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "cycles/second="):
			perSecond, err = strconv.ParseFloat(strings.TrimPrefix(line, "cycles/second="), 64)
		case len(fields) > 2 && fields[2] == "@":
			current, err = strconv.ParseFloat(fields[0], 64)
		case len(fields) > 2 && fields[0] == "#" && current > 0 && !strings.HasPrefix(fields[2], "sync.") && !strings.HasPrefix(fields[2], "internal/"):
			name, _, _ := strings.Cut(fields[2], "+")
			ticks[name[strings.LastIndex(name, "/")+1:]] += current
			current = 0 // the outer callers are not of interest
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return ticks, perSecond, nil
}

// plotHandler draws the throughput against the number of migrations.
func (l *lab) plotHandler() error {
	d := drawing{name: "handler", title: "Handler, batches of 64 for daemons at random, 64 goroutines", x: "concurrent migrations",
		y: "million events per second", logX: true}
	settings := []setting{{64, 2}}
	names := []string{"ferry", "one mutex", "xsync.Map"}
	for _, name := range names {
		d.lines = append(d.lines, line{name: name})
	}
	for _, count := range pick(l, []int{1, 10, 100, 1000, 10_000, 100_000}, []int{1, 100}) {
		list, err := fleet(count, replayBatch*max(1, 1000/count))
		if err != nil {
			return err
		}
		for i, name := range names {
			rate, err := plotPoint(name, list, settings[0])
			if err != nil {
				return err
			}
			d.lines[i].add(float64(count), rate/1e6)
		}
	}
	l.drawings = append(l.drawings, d)
	return nil
}

// plotPoint is the throughput over the whole logs of a fleet.
func plotPoint(name string, list []arrival, s setting) (float64, error) {
	r, err := newRival(name, len(list))
	if err == nil {
		err = arrive(r, list)
	}
	if err != nil {
		return 0, err
	}
	took, _, err := batches(r, list, 0, len(list[0].log)/replayBatch, s)
	return float64(len(list)*len(list[0].log)) / took.Seconds(), err
}
