package main

import (
	"crypto/sha256"
	"runtime"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

// replayBatch is how many events one call brings: as many as a frame carries.
const replayBatch = 64

// allocationFree is the goal of paths that must not allocate: what the runtime itself allocates meanwhile
// is below it.
var allocationFree = goal{atMost, 0.001, " allocations"}

// replayExperiment compares replay through the handler with hashing the same bytes.
func replayExperiment(l *lab) error {
	list, err := fleet(1, pick(l, 1<<17, 1<<15))
	if err != nil {
		return err
	}
	wires := encodings(list[0].log)
	var allocs float64
	ours := func() (float64, error) {
		c, err := replayOnce(list[0], replayBatch)
		allocs = c.allocs
		return c.nanos, err
	}
	hash := func() (float64, error) { return hashOnce(wires), nil }
	found, err := alternate(pick(l, 9, 3), ours, hash)
	if err != nil {
		return err
	}
	r := compare("replay with the chain verified, batches of 64, against SHA-256 of the same bytes", found[0], found[1], rateOf, reach(0.6))
	r.ratio = 1 / r.ratio // of rates
	r.spread = spread(pairwise(found[1], found[0]))
	l.add(r)
	l.add(row{what: "replay, allocations per event", ferry: plain(allocs), ratio: allocs, goal: allocationFree})
	return l.plotReplay(list[0], median(found[1]))
}

// rateOf shows nanoseconds per event as a rate.
func rateOf(nanos float64) string { return perSecond(1e9 / nanos) }

// encodings returns what the digest of each event is made of.
func encodings(log []crypto.CausalEvent) [][]byte {
	list, buf := make([][]byte, len(log)), []byte(nil)
	for i, ev := range log {
		from := len(buf)
		buf = crypto.AppendEvent(buf, ev)
		list[i] = buf[from:len(buf):len(buf)]
	}
	return list
}

// hashOnce returns the nanoseconds of hashing one event.
func hashOnce(wires [][]byte) float64 {
	begun := time.Now()
	var all byte
	for _, b := range wires {
		d := sha256.Sum256(b)
		all ^= d[0]
	}
	took := since(begun)
	runtime.KeepAlive(all)
	return took / float64(len(wires))
}

// replayOnce replays a log at a new handler and returns the cost of one event. The first sixteenth of the
// log is not measured: it fills what a migration keeps.
func replayOnce(a arrival, batch int) (cost, error) {
	h, err := newHandled(1)
	if err == nil {
		err = h.restore(a)
	}
	if err != nil {
		return cost{}, err
	}
	warm := len(a.log) / 16 / batch * batch
	if err := replayAll(h, a.origin, a.log[:warm], batch); err != nil {
		return cost{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	err = replayAll(h, a.origin, a.log[warm:], batch)
	took := since(begun)
	runtime.ReadMemStats(&after)
	count := float64(len(a.log) - warm)
	return cost{took / count, float64(after.Mallocs-before.Mallocs) / count}, err
}

// replayAll replays events in batches.
func replayAll(r receiver, origin uint64, log []crypto.CausalEvent, batch int) error {
	for len(log) > 0 {
		n := min(batch, len(log))
		if err := r.replay(origin, log[:n]); err != nil {
			return err
		}
		log = log[n:]
	}
	return nil
}

// plotReplay draws the rate against the size of the batches.
func (l *lab) plotReplay(a arrival, hash float64) error {
	d := drawing{name: "replay", title: "Replay of one daemon", x: "events per batch", y: "million events per second", logX: true,
		lines: []line{{name: "ferry, chain verified"}, {name: "SHA-256 of the same bytes"}}}
	for _, batch := range []int{1, 2, 4, 16, 64, 256, 1024} {
		found, err := alternate(pick(l, 5, 1), func() (float64, error) {
			c, err := replayOnce(a, batch)
			return c.nanos, err
		})
		if err != nil {
			return err
		}
		d.lines[0].add(float64(batch), 1e3/median(found[0]))
		d.lines[1].add(float64(batch), 1e3/hash)
	}
	l.drawings = append(l.drawings, d)
	return nil
}
