package peer

import (
	"math"
	"slices"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// batch is some submissions of one producer, at most what one frame carries. It is one request to the core.
//
// A batch belongs to its producer's lock until the loop takes it, and to the loop from then on.
type batch struct {
	producer  *Producer
	request   uint64 // 0 until the loop has taken it
	items     []wire.Submission
	done      []func(node.Receipt, error) // one for each item, called in their order
	size      int                         // bytes of the items in a frame
	abandoned int                         // items that nobody waits for
}

// unbounded is the window of those who wait for their answers themselves.
const unbounded = math.MaxInt

// add queues a submission, unless a window of unanswered ones is full: then it returns no batch, and the
// caller counts as blocked. It reports false once the node is closed.
func (r *Producer) add(s wire.Submission, done func(node.Receipt, error), window int) (b *batch, ok bool) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, false
	}
	if r.open >= window {
		r.blocked++
		r.mu.Unlock()
		return nil, true
	}
	r.open++
	b = r.last(wire.SubmissionLen(&s))
	b.items, b.done = append(b.items, s), append(b.done, done)
	call := !r.called && r.due()
	r.called = r.called || call
	r.passRoomOn()
	r.mu.Unlock()
	// A node that is closing may never look: then the producer answers what it has queued itself.
	if call && (!r.p.put(item{from: r}) || r.p.ctx.Err() != nil) {
		r.close()
	}
	return b, true
}

// last returns the batch that an item of so many bytes goes into. A batch behind a full one is made at its
// full size: its producer is faster than the answers.
func (r *Producer) last(size int) *batch {
	n := len(r.batches)
	if n > 0 && len(r.batches[n-1].items) < wire.MaxBatch && r.batches[n-1].size+size <= wire.SubmitRoom {
		r.batches[n-1].size += size
		return r.batches[n-1]
	}
	b := &batch{producer: r, size: size}
	if n > 0 {
		b.items, b.done = make([]wire.Submission, 0, wire.MaxBatch), make([]func(node.Receipt, error), 0, wire.MaxBatch)
	}
	r.batches = append(r.batches, b)
	return b
}

// due reports whether the core should be given the next batch. It has one at a time, so that the next one
// fills while that is answered; a full one is given ahead, and leaves as soon as the one before is answered.
func (r *Producer) due() bool {
	switch r.given {
	case 0:
		return len(r.batches) > 0
	case 1:
		return len(r.batches) > 1 || len(r.batches) == 1 && len(r.batches[0].items) == wire.MaxBatch
	}
	return false
}

// passRoomOn wakes one call of Go that waits, if there is room. Each that has found room wakes the next.
func (r *Producer) passRoomOn() {
	if r.blocked > 0 && r.open < producerWindow {
		select {
		case r.room <- struct{}{}:
		default:
		}
	}
}

// take gives the loop the next batch, nil if none is due.
func (r *Producer) take(request uint64) *batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.called = false
	if !r.due() {
		return nil
	}
	b := r.batches[0]
	r.batches = slices.Delete(r.batches, 0, 1)
	r.given++
	b.request = request
	return b
}

// answer passes a reply on and reports whether it was the last for the batch. Called by the loop.
func (b *batch) answer(r node.Reply) (last bool) {
	n := max(len(r.Receipts.Items), 1)
	done := b.done[:n]
	b.done = b.done[n:]
	last = len(b.done) == 0
	b.producer.settle(n, last)
	for i, f := range done {
		if r.Err != nil {
			f(node.Receipt{}, r.Err)
			continue
		}
		f(r.Receipts.At(i), nil)
	}
	return last
}

// settle counts answered submissions, and the batch if it has none left.
func (r *Producer) settle(n int, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open -= n
	if last {
		r.given--
	}
	r.passRoomOn()
}

// abandon notes that nobody waits for one submission of a batch any more. A batch that nobody waits for at
// all is taken back, as far as that is possible.
func (r *Producer) abandon(b *batch) {
	r.mu.Lock()
	b.abandoned++
	taken, unwanted := b.request != 0, b.abandoned == len(b.items)
	if !taken && unwanted {
		r.batches = slices.DeleteFunc(r.batches, func(other *batch) bool { return other == b })
		r.open -= len(b.items)
		r.passRoomOn()
	}
	r.mu.Unlock()
	if taken && unwanted {
		r.p.post(node.Withdraw{Request: b.request, Origin: r.origin, Label: r.opt.Label})
	}
}

// close answers what is queued and refuses what comes.
func (r *Producer) close() {
	r.mu.Lock()
	batches := r.batches
	r.batches, r.closed = nil, true
	r.mu.Unlock()
	for _, b := range batches {
		b.fail()
	}
}

// fail answers what is unanswered of a batch of a node that has closed.
func (b *batch) fail() {
	for len(b.done) > 0 {
		b.answer(node.Reply{Err: ErrClosed})
	}
}
