package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// eventRate is the load of the rows that are about one daemon, in events per second.
const eventRate = 2000

// series is what alternating moves and bare exchanges took, in nanoseconds.
type series struct{ ferry, base []float64 }

// point is one combination of a state and a load.
type point struct {
	state uint64
	rate  float64
	moves int
}

// blackoutExperiment compares the time in which a daemon answers nobody with the bare exchange.
func blackoutExperiment(l *lab) error {
	points := pick(l, []point{
		{1 << 20, eventRate, 200}, {4 << 20, eventRate, 20}, {16 << 20, eventRate, 20}, {64 << 20, eventRate, 70},
		{256 << 20, eventRate, 14}, {1 << 30, eventRate, 28},
	}, []point{{1 << 20, eventRate, 20}, {16 << 20, eventRate, 10}, {64 << 20, eventRate, 5}})
	if l.large {
		points = append(points, point{4 << 30, eventRate, 9})
	}
	found, err := l.blackouts(wire.DurabilityMemory, points)
	if err != nil {
		return err
	}
	for i, p := range points {
		if p.moves >= 28 || l.quick {
			l.blackoutRows("blackout, "+size(p.state), found[i])
		}
	}
	first, last := found[0], found[len(found)-1]
	l.add(compareQuantile(fmt.Sprintf("blackout p50, %s against %s", size(points[len(points)-1].state), size(points[0].state)),
		0.5, last.ferry, first.ferry, within(1.2)))
	l.plotBlackouts("blackout-state", "Blackout against state, 2,000 events/s", "state (MiB)", points, found,
		func(p point) float64 { return float64(p.state) / (1 << 20) })
	return l.blackoutRates()
}

// blackoutRates draws the blackout against the rate of events.
func (l *lab) blackoutRates() error {
	var points []point
	for _, rate := range pick(l, []float64{100, 500, 2000, 8000, 20_000}, []float64{100, 8000}) {
		points = append(points, point{16 << 20, rate, pick(l, 20, 4)})
	}
	found, err := l.blackouts(wire.DurabilityMemory, points)
	if err != nil {
		return err
	}
	l.plotBlackouts("blackout-rate", "Blackout against load, 16 MiB", "events per second", points, found,
		func(p point) float64 { return p.rate })
	return nil
}

// durableExperiment is the same with every event and every step of the move synced to disk, in both.
func durableExperiment(l *lab) error {
	points := []point{{1 << 20, eventRate, pick(l, 100, 10)}}
	found, err := l.blackouts(wire.DurabilityEveryEvent, points)
	if err != nil {
		return err
	}
	l.blackoutRows("blackout, every event durable, 1 MiB", found[0])
	return nil
}

// blackoutRows adds the two rows of a series.
func (l *lab) blackoutRows(what string, s series) {
	l.add(compareQuantile(what+", p50", 0.5, s.ferry, s.base, within(2)))
	l.add(compareQuantile(fmt.Sprintf("%s, p99 of %d", what, len(s.ferry)), 0.99, s.ferry, s.base, within(4)))
}

// plotBlackouts draws the medians of all points.
func (l *lab) plotBlackouts(name, title, x string, points []point, found []series, at func(point) float64) {
	d := drawing{name: name, title: title, x: x, y: "µs", logX: true}
	lines := []line{{name: "ferry, p50"}, {name: "ferry, slowest"}, {name: "bare exchange, p50"}}
	for i, p := range points {
		for j, value := range []float64{median(found[i].ferry), quantile(found[i].ferry, 1), median(found[i].base)} {
			lines[j].add(at(p), value/1e3)
		}
	}
	d.lines = lines
	l.drawings = append(l.drawings, d)
}

// blackouts measures each point. Moves and bare exchanges alternate, and the load goes on during both, so
// that the processors are as awake for one as for the other.
func (l *lab) blackouts(durability wire.Durability, points []point) (found []series, err error) {
	nodes, err := l.pair(durability)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, nodes.stop()) }()
	programs, err := l.bare(durability > wire.DurabilityMemory, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, programs.stop()) }()
	for _, p := range points {
		s, err := l.blackoutsAt(nodes, programs, p)
		if err != nil {
			return nil, fmt.Errorf("%s at %g events/s: %w", size(p.state), p.rate, err)
		}
		found = append(found, s)
	}
	return found, nil
}

// settle is how long nothing is done before a bare exchange, so that what a move leaves behind is over.
const settle = 10 * time.Millisecond

// blackoutsAt measures one point with a daemon of its own, which is left where it is.
func (l *lab) blackoutsAt(nodes *pair, programs *bare, p point) (s series, err error) {
	origins, err := nodes.spawn("ledger", 1)
	if err != nil {
		return s, err
	}
	producer, err := nodes.load(origins[0], p.state)
	if err != nil {
		return s, err
	}
	defer func() {
		err = errors.Join(err, producer.stop(), nodes.nodes[nodes.holder].call("End", origins, &None{}))
	}()
	producer.run(p.rate)
	const warm = 2
	for i := range p.moves + warm {
		stats, err := nodes.move(origins[0], 0)
		if err != nil {
			return s, err
		}
		time.Sleep(settle)
		took, err := programs.exchange(1)
		if err != nil {
			return s, err
		}
		if i >= warm {
			s.ferry, s.base = append(s.ferry, float64(stats.Blackout)), append(s.base, took...)
		}
		producer.take() // their latencies are another row's
	}
	return s, nil
}
