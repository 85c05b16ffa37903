package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
)

// acks is what has come back to the producer. Its methods are safe for concurrent use: sent is called
// from the producer's goroutine, answered from the embedded node's.
type acks struct {
	mu      sync.Mutex
	changed sync.Cond

	sent         uint64
	acknowledged uint64
	refused      uint64
	ended        bool  // nothing more will be sent
	problem      error // the first thing that should not have happened

	latency *hdrhistogram.Histogram // ns, from when an event was due to its acknowledgment
	longest time.Duration           // the latency of the slowest, exact

	last     time.Time     // the newest acknowledgment, or when something began to be awaited after none was
	gap      time.Duration // the longest time without an acknowledgment while some were awaited
	stepGap  time.Duration // the same since takeGap
	sequence uint64        // of the log, highest acknowledged
	holder   crypto.NodeID // who gave the newest acknowledgment
}

// The histogram keeps three digits of anything between a nanosecond and an hour.
const (
	latencyMax    = time.Hour
	latencyDigits = 3
)

// newAcks returns the record of a producer that has sent nothing.
func newAcks() *acks {
	a := &acks{latency: hdrhistogram.New(1, int64(latencyMax), latencyDigits)}
	a.changed.L = &a.mu
	return a
}

// send notes that one more event is awaited from now on, and returns its number: the first is 1.
func (a *acks) send(now time.Time) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent == a.acknowledged+a.refused {
		// Nothing was awaited before this: the silence until now is nobody's delay.
		a.last = now
	}
	a.sent++
	return a.sent
}

// answered notes the answer for event number seq, which was due to be submitted at due.
func (a *acks) answered(seq uint64, due, now time.Time, r node.Receipt, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.changed.Broadcast()
	if err != nil {
		a.refused++
		a.complain(fmt.Errorf("event %d was not acknowledged: %w", seq, err))
		return
	}
	if r.ProducerSeq != seq {
		a.complain(fmt.Errorf("event %d was acknowledged under the number %d", seq, r.ProducerSeq))
	}
	a.acknowledged++
	a.sequence, a.holder = max(a.sequence, r.Sequence), r.Holder
	a.measure(now.Sub(due), now)
}

// measure enters one acknowledgment into the figures. The caller holds the lock.
func (a *acks) measure(took time.Duration, now time.Time) {
	took = max(took, 1)                                     // the histogram begins at a nanosecond
	_ = a.latency.RecordValue(int64(min(took, latencyMax))) // fails beyond the maximum only
	a.longest = max(a.longest, took)
	gap := now.Sub(a.last)
	a.gap, a.stepGap = max(a.gap, gap), max(a.stepGap, gap)
	a.last = now
}

// complain keeps the first problem; those after it are mostly its consequences. The caller holds the lock.
func (a *acks) complain(err error) {
	if a.problem == nil {
		a.problem = err
	}
}

// forgetFigures begins the latencies and gaps anew; the counts go on.
func (a *acks) forgetFigures() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.latency.Reset()
	a.longest, a.gap, a.stepGap = 0, 0, 0
}

// takeGap returns the longest gap since it was last called.
func (a *acks) takeGap() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	gap := a.stepGap
	a.stepGap = 0
	return gap
}

// wait returns when ready does, which is called with the lock held, or when ctx ends.
func (a *acks) wait(ctx context.Context, ready func() bool) error {
	stop := context.AfterFunc(ctx, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.changed.Broadcast()
	})
	defer stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	for !ready() && ctx.Err() == nil {
		a.changed.Wait()
	}
	return ctx.Err()
}

// drained waits until every event has been answered.
func (a *acks) drained(ctx context.Context) error {
	return a.wait(ctx, func() bool { return a.sent == a.acknowledged+a.refused })
}

// end says that nothing more will be sent.
func (a *acks) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	a.changed.Broadcast()
}

// mark returns how many events have been sent so far, for more.
func (a *acks) mark() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent
}

// more waits for the acknowledgment of an event that was sent after the mark, and returns who gave the
// newest one; the zero id if no event is left to be sent.
func (a *acks) more(ctx context.Context, mark uint64) (by crypto.NodeID, err error) {
	err = a.wait(ctx, func() bool {
		if a.acknowledged+a.refused > mark {
			by = a.holder
			return true
		}
		return a.ended
	})
	return by, err
}

// ackFigures are the figures of a run, for people and for the summary.
type ackFigures struct {
	sent, acknowledged, refused uint64
	p50, p99, longest, gap      time.Duration
	problem                     error
}

// figures returns the figures as they stand.
func (a *acks) figures() ackFigures {
	a.mu.Lock()
	defer a.mu.Unlock()
	return ackFigures{
		sent: a.sent, acknowledged: a.acknowledged, refused: a.refused, problem: a.problem,
		p50: time.Duration(a.latency.ValueAtQuantile(50)), p99: time.Duration(a.latency.ValueAtQuantile(99)),
		longest: a.longest, gap: a.gap,
	}
}
