package main

import (
	"errors"
	"fmt"

	"github.com/ferrymesh/ferry/wire"
)

// transfer is what moving a state of one size took, round by round.
type transfer struct {
	rate, bareRate []float64 // bytes per second
	cpu, bareCPU   []float64 // seconds of both processes
	peaks          [2]uint64 // source and target, bytes: the largest of all rounds
}

// transferExperiment compares the transfer of a snapshot with a bulk copy over bare quic-go.
func transferExperiment(l *lab) (err error) {
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
	d := drawing{name: "transfer", title: "Transfer of a snapshot", x: "state (MiB)", y: "MB/s", logX: true,
		lines: []line{{name: "ferry"}, {name: "bare quic-go"}}}
	states := pick(l, []uint64{1 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30}, []uint64{1 << 20, 64 << 20})
	for _, state := range states {
		t, err := l.transfer(nodes, programs, state, pick(l, 7, 3))
		if err != nil {
			return fmt.Errorf("%s: %w", size(state), err)
		}
		d.lines[0].add(float64(state)/(1<<20), median(t.rate)/1e6)
		d.lines[1].add(float64(state)/(1<<20), median(t.bareRate)/1e6)
		if state == states[len(states)-1] {
			l.transferRows(state, t)
		}
	}
	l.drawings = append(l.drawings, d)
	return nil
}

// transferRows adds the rows of the largest state.
func (l *lab) transferRows(state uint64, t transfer) {
	what := "transfer of " + size(state)
	l.add(compare(what+", rate", t.rate, t.bareRate, megabytes, reach(0.85)))
	l.add(compare(what+", processor time of both ends", t.cpu, t.bareCPU, cpuSeconds, within(1.4)))
	limit := float64(state)*1.25 + 64<<20
	for i, side := range []string{"source", "target"} {
		l.add(row{
			what: what + ", peak memory of the " + side, ferry: mebibytes(float64(t.peaks[i])), base: mebibytes(limit) + " allowed",
			ratio: float64(t.peaks[i]) / limit, goal: within(1),
		})
	}
}

// transfer moves a ledger to and fro, in turn with bulk copies of as many bytes.
func (l *lab) transfer(nodes *pair, programs *bare, state uint64, rounds int) (t transfer, err error) {
	origins, err := nodes.spawn("ledger", 1)
	if err != nil {
		return t, err
	}
	producer, err := nodes.load(origins[0], state)
	if err != nil {
		return t, err
	}
	if err := producer.stop(); err != nil {
		return t, err
	}
	for range rounds {
		if err := t.moveOnce(nodes, origins[0]); err != nil {
			return t, err
		}
		before, err := cpu(programs.giver, programs.taker)
		if err != nil {
			return t, err
		}
		took, err := programs.bulk(BulkArgs{Bytes: state, Parts: 1, Parallel: 1})
		if err != nil {
			return t, err
		}
		after, err := cpu(programs.giver, programs.taker)
		if err != nil {
			return t, err
		}
		t.bareRate, t.bareCPU = append(t.bareRate, float64(state)/took.Seconds()), append(t.bareCPU, after-before)
	}
	return t, nodes.nodes[nodes.holder].call("End", origins, &None{})
}

// moveOnce adds one move.
func (t *transfer) moveOnce(nodes *pair, origin uint64) error {
	if err := nodes.fresh(); err != nil {
		return err
	}
	from := nodes.holder
	before, err := cpu(nodes.nodes[:]...)
	if err != nil {
		return err
	}
	var stats wire.Stats
	if stats, err = nodes.move(origin, 0); err != nil {
		return err
	}
	after, err := cpu(nodes.nodes[:]...)
	if err != nil {
		return err
	}
	t.rate, t.cpu = append(t.rate, float64(stats.SnapshotBytes)/stats.Transfer.Seconds()), append(t.cpu, after-before)
	for i, side := range []int{from, 1 - from} {
		u, err := nodes.nodes[side].usage()
		if err != nil {
			return err
		}
		t.peaks[i] = max(t.peaks[i], u.Peak)
	}
	return nil
}
