package main

import (
	"errors"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// acksExperiment compares the latency of acknowledgments during a move, outside of the blackout, with that
// of the same daemon at rest.
func acksExperiment(l *lab) (err error) {
	state := pick[uint64](l, 1<<30, 64<<20)
	nodes, err := l.pair(wire.DurabilityMemory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nodes.stop()) }()
	origins, err := nodes.spawn("ledger", 1)
	if err != nil {
		return err
	}
	producer, err := nodes.load(origins[0], state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, producer.stop()) }()
	producer.run(eventRate)
	var moving, still [][]float64
	for range pick(l, 7, 3) {
		rest, err := producer.during(func() error { time.Sleep(pick(l, 2500*time.Millisecond, 300*time.Millisecond)); return nil })
		if err != nil {
			return err
		}
		move, err := producer.during(func() error { _, err := nodes.move(origins[0], 0); return err })
		if err != nil {
			return err
		}
		moving, still = append(moving, move), append(still, rest)
	}
	what := "acknowledgment of an event during a move of " + size(state)
	l.add(compareRounds(what+", p50", 0.5, moving, still, within(1.5)))
	l.add(compareRounds(what+", p99", 0.99, moving, still, within(3)))
	return nil
}

// compareRounds compares the q-quantiles of rounds of samples.
func compareRounds(what string, q float64, ferry, base [][]float64, g goal) row {
	var a, b []float64
	for i := range ferry {
		a, b = append(a, quantile(ferry[i], q)), append(b, quantile(base[i], q))
	}
	return compare(what, a, b, nanos, g)
}

// during returns the latencies of the events that are submitted while f runs.
func (w *load) during(f func() error) ([]float64, error) {
	time.Sleep(20 * settle) // what was done before is over
	w.take()
	begun := time.Now()
	if err := f(); err != nil {
		return nil, err
	}
	ended := time.Now()
	time.Sleep(20 * settle) // the last events are acknowledged
	return latencies(w.take(), begun, ended), nil
}
