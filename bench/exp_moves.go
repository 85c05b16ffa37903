package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// movesParallel is how many small daemons move at a time: as many as a peer admits from another.
const movesParallel = 64

// movesExperiment moves many small daemons from one node to another. Every turn has daemons of its own, since
// one that has moved before carries the record of it, and costs a little more.
func movesExperiment(l *lab) (err error) {
	nodes, err := l.pair(wire.DurabilityMemory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nodes.stop()) }()
	programs, err := l.bare(false, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, programs.stop()) }()
	many, few := pick(l, 10_000, 500), pick(l, 1000, 50)
	d := drawing{name: "moves", title: "Moving many daemons of 16 KiB", x: "daemons", y: "seconds", logX: true, logY: true,
		lines: []line{{name: "ferry"}, {name: "bare quic-go, a stream each"}}}
	drain := func(n int) func() (float64, error) {
		return func() (float64, error) { return nodes.drain(n) }
	}
	copied := func(n int) func() (float64, error) {
		return func() (float64, error) {
			took, err := programs.bulk(BulkArgs{Bytes: uint64(n) * blobSize, Parts: n, Parallel: movesParallel})
			return float64(n) / took.Seconds(), err
		}
	}
	for _, n := range pick(l, []int{10, 100}, []int{10}) {
		found, err := alternate(3, drain(n), copied(n))
		if err != nil {
			return err
		}
		d.point(n, found[0], found[1])
	}
	found, err := alternate(pick(l, 5, 2), drain(few), drain(many), copied(few), copied(many))
	if err != nil {
		return err
	}
	d.point(few, found[0], found[2])
	d.point(many, found[1], found[3])
	l.drawings = append(l.drawings, d)
	rate := compare(fmt.Sprintf("moves of %d daemons of 16 KiB", many), found[1], found[3], perSecond, noGoal())
	rate.what += ", against copying the bytes over bare quic-go, a stream each"
	l.add(rate)
	l.add(row{what: fmt.Sprintf("moves of %d daemons of 16 KiB, rate", many), ferry: perSecond(median(found[1])), ratio: median(found[1]),
		goal: goal{atLeast, 1000, "/s"}})
	l.add(compare(fmt.Sprintf("moves, rate of %d against rate of %d", many, few), found[1], found[0], perSecond, reach(0.9)))
	return nil
}

// point adds what a number of daemons took.
func (d *drawing) point(n int, ferry, base []float64) {
	d.lines[0].add(float64(n), float64(n)/median(ferry))
	d.lines[1].add(float64(n), float64(n)/median(base))
}

// drain moves n new daemons to the other node and returns the rate. They end there.
func (p *pair) drain(n int) (float64, error) {
	origins, err := p.spawn("blob", n)
	if err != nil {
		return 0, err
	}
	var took time.Duration
	args := DrainArgs{Origins: origins, Target: p.at[1-p.holder].ID, Parallel: movesParallel}
	if err := p.nodes[p.holder].call("Drain", args, &took); err != nil {
		return 0, err
	}
	for _, c := range p.nodes {
		if err := c.call("Heap", None{}, &Usage{}); err != nil { // the garbage of this turn is not the next one's
			return 0, err
		}
	}
	return float64(n) / took.Seconds(), p.nodes[1-p.holder].call("End", origins, &None{})
}
