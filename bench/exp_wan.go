package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/internal/relay"

	"github.com/ferrymesh/ferry/wire"
)

// The link of the wide-area rows.
const (
	wanDelay = 25 * time.Millisecond // each way
	wanLoss  = 0.01                  // each way
	// wanBlackout is what a cutover may be predicted to take: two round trips are more than the default.
	wanBlackout = 2 * time.Second
)

// wanLane is one of several links side by side. Their transfers are limited by the link and not by the
// machine, so they run at the same time: each lane has a move and, at the same time, a bare copy, over
// relays of their own with the same rules.
type wanLane struct {
	relays    []*relay.Relay
	nodes     *pair
	programs  *bare
	ferry     float64 // bytes per second
	base      float64
	blackouts []float64 // nanoseconds
}

// wanExperiment moves daemons over a slow and lossy link.
func wanExperiment(l *lab) (err error) {
	lanes := make([]*wanLane, pick(l, 7, 2))
	errs := make([]error, len(lanes))
	var running sync.WaitGroup
	for i := range lanes {
		lane := &wanLane{}
		lanes[i] = lane
		defer func() { err = errors.Join(err, lane.close()) }()
		if err := lane.open(l, uint64(i)); err != nil {
			return err
		}
	}
	for i, lane := range lanes {
		running.Go(func() { errs[i] = lane.run(pick[uint64](l, 64<<20, 1<<20), pick(l, 8, 3)) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.wanRows(lanes)
	return nil
}

// wanRows adds the rows.
func (l *lab) wanRows(lanes []*wanLane) {
	var ferry, base, blackouts []float64
	for _, lane := range lanes {
		ferry, base = append(ferry, lane.ferry), append(base, lane.base)
		blackouts = append(blackouts, lane.blackouts...)
	}
	what := fmt.Sprintf("link of %v round trip and %g %% loss each way", 2*wanDelay, 100*wanLoss)
	l.add(compare(fmt.Sprintf("%s, transfer of %s", what, size(pick[uint64](l, 64<<20, 1<<20))), ferry, base,
		func(f float64) string { return fmt.Sprintf("%.2f MB/s", f/1e6) }, reach(0.85)))
	limit, p50 := float64(4*wanDelay+20*time.Millisecond), median(blackouts)
	l.add(row{what: fmt.Sprintf("%s, blackout, p50 of %d", what, len(blackouts)), ferry: nanos(p50), base: nanos(limit) + " allowed",
		ratio: p50 / limit, spread: fmt.Sprintf("IQR %s..%s", nanos(quantile(blackouts, 0.25)), nanos(quantile(blackouts, 0.75))), goal: within(1)})
}

// open starts the processes of a lane. Each way of the nodes has a relay, because either may dial.
func (w *wanLane) open(l *lab, seed uint64) (err error) {
	if w.nodes, err = l.pair(wire.DurabilityMemory); err != nil {
		return err
	}
	for i, c := range w.nodes.nodes {
		other := w.nodes.at[1-i]
		if other.Addr, err = w.via(other.Addr, 10*seed+uint64(i)); err != nil {
			return err
		}
		if err := c.call("Learn", other, &None{}); err != nil {
			return err
		}
	}
	w.programs, err = l.bare(false, func(addr string) (string, error) { return w.via(addr, 10*seed+2) })
	return err
}

// via opens a relay before an address.
func (w *wanLane) via(addr string, seed uint64) (string, error) {
	r, err := relay.New(relay.Config{Target: addr, Seed: seed})
	if err != nil {
		return "", err
	}
	w.relays = append(w.relays, r)
	rules := relay.Rules{Delay: wanDelay, Loss: wanLoss}
	return r.Addr(), errors.Join(r.Set(relay.Forward, rules), r.Set(relay.Back, rules))
}

// run does one large move and one bare copy of as many bytes, and then small moves to and fro.
func (w *wanLane) run(state uint64, small int) error {
	copied := make(chan error, 1)
	go func() {
		took, err := w.programs.bulk(BulkArgs{Bytes: state, Parts: 1, Parallel: 1})
		w.base = float64(state) / took.Seconds()
		copied <- err
	}()
	err := w.moves(state, 1)
	if err = errors.Join(err, <-copied); err != nil {
		return err
	}
	return w.moves(64<<10, small)
}

// moves moves a ledger of its own, with events for it all the time.
func (w *wanLane) moves(state uint64, count int) (err error) {
	origins, err := w.nodes.spawn("ledger", 1)
	if err != nil {
		return err
	}
	producer, err := w.nodes.load(origins[0], state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, producer.stop()) }()
	producer.run(100)
	for range count {
		s, err := w.nodes.move(origins[0], wanBlackout)
		if err != nil {
			return err
		}
		w.blackouts = append(w.blackouts, float64(s.Blackout))
		if w.ferry == 0 {
			w.ferry = float64(s.SnapshotBytes) / s.Transfer.Seconds()
		}
		producer.take()
	}
	return nil
}

// close ends what open started.
func (w *wanLane) close() error {
	var errs []error
	if w.nodes != nil {
		errs = append(errs, w.nodes.stop())
	}
	if w.programs != nil {
		errs = append(errs, w.programs.stop())
	}
	for _, r := range w.relays {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
