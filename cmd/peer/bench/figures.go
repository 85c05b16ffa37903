package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// where is what was so of a daemon when an event was submitted to it.
type where int

const (
	atHome where = iota // nothing moves; at the node that was asked
	away                // nothing moves; at a target
	moving              // it moves itself
	beside              // other daemons of the run move
	wheres
)

// figures are the histograms of a run. Its methods are safe for concurrent use.
type figures struct {
	mu                         sync.Mutex
	acks                       [wheres]*hdrhistogram.Histogram
	blackout, producerBlackout *hdrhistogram.Histogram
	transfer                   *hdrhistogram.Histogram // bytes per second
	moves                      uint64
	moving                     time.Duration
	submitted, acknowledged    uint64
}

// The histograms keep three digits: of times up to an hour, of rates up to a tebibyte per second.
const (
	digits   = 3
	longest  = int64(time.Hour)
	fastest  = int64(1) << 40
	shortest = int64(1)
)

func newTimes() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }

// newFigures returns empty histograms.
func newFigures() *figures {
	f := &figures{blackout: newTimes(), producerBlackout: newTimes(), transfer: hdrhistogram.New(shortest, fastest, digits)}
	for i := range f.acks {
		f.acks[i] = newTimes()
	}
	return f
}

// record keeps what is out of a histogram's range at its end: an error would mean a lost sample.
func record(h *hdrhistogram.Histogram, v int64) {
	_ = h.RecordValue(min(max(v, h.LowestTrackableValue()), h.HighestTrackableValue())) // in range by construction
}

// sent counts an event.
func (f *figures) sent() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.submitted++
}

// acked takes the latency of one acknowledgment.
func (f *figures) acked(w where, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acknowledged++
	record(f.acks[w], int64(took))
}

// silent takes how long producers waited for the new holder.
func (f *figures) silent(took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	record(f.producerBlackout, int64(took))
}

// moved takes the figures of one move. A state that is copied faster than the clock ticks has no rate, and a move whose
// source could not tell how long it was silent has no blackout, rather than one of zero.
func (f *figures) moved(s client.Stats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moves++
	if s.Blackout > 0 {
		record(f.blackout, int64(s.Blackout))
	}
	if s.Transfer > 0 && s.SnapshotBytes > 0 {
		record(f.transfer, int64(float64(s.SnapshotBytes)/s.Transfer.Seconds()))
	}
}

// round takes how long a round of moves took.
func (f *figures) round(took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moving += took
}

// slowest returns the longest blackout so far.
func (f *figures) slowest() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Duration(f.blackout.Max())
}

// fill writes the figures into a report; fed is how long the producers have run.
func (f *figures) fill(r *Report, fed time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := newTimes()
	rest.Merge(f.acks[atHome])
	rest.Merge(f.acks[away])
	r.Blackout, r.ProducerBlackout = quantiles(f.blackout), quantiles(f.producerBlackout)
	r.AckRest, r.AckHome, r.AckAway, r.AckMoving = quantiles(rest), quantiles(f.acks[atHome]), quantiles(f.acks[away]), quantiles(f.acks[moving])
	r.Transfer = Transfer{Count: uint64(f.transfer.TotalCount())}
	if r.Transfer.Count > 0 {
		r.Transfer.P50, r.Transfer.Min = uint64(f.transfer.ValueAtQuantile(50)), uint64(f.transfer.Min())
	}
	r.Moves, r.Moving = f.moves, f.moving
	r.MovesRate = per(f.moves, f.moving)
	r.Events.Submitted, r.Events.Acknowledged = f.submitted, f.acknowledged
	r.Events.Rate = per(f.acknowledged, fed)
}

// per is a rate, 0 over no time.
func per(n uint64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}

// quantiles reads a histogram; all zero if it is empty.
func quantiles(h *hdrhistogram.Histogram) Quantiles {
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(q)) }
	if h.TotalCount() == 0 {
		return Quantiles{}
	}
	return Quantiles{Count: uint64(h.TotalCount()), P50: at(50), P90: at(90), P99: at(99), Max: time.Duration(h.Max())}
}
