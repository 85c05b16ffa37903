package peer

import (
	"sync"
	"time"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
)

// queues holds the calls of each daemon that has any. A daemon's goroutine exists while its queue is not
// empty; an idle daemon costs nothing.
type queues struct {
	mu sync.Mutex
	m  map[uint64]*queue
}

// queue is owned by the lock of queues.
type queue struct{ calls []node.Call }

// push appends a call and starts the daemon's goroutine if it has none.
func (q *queues) push(p *Peer, call node.Call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.m == nil {
		q.m = make(map[uint64]*queue)
	}
	d := q.m[call.Origin]
	if d == nil {
		d = &queue{}
		q.m[call.Origin] = d
		p.wg.Go(func() { q.work(p, call.Origin, d) })
	}
	d.calls = append(d.calls, call)
}

// take returns everything that waits for a daemon; when that is nothing, the queue is gone and its
// goroutine must end.
func (q *queues) take(origin uint64, d *queue) []node.Call {
	q.mu.Lock()
	defer q.mu.Unlock()
	calls := d.calls
	d.calls = nil
	if len(calls) == 0 {
		delete(q.m, origin)
	}
	return calls
}

// work runs the calls of one daemon, one after the other, and reports each result.
func (q *queues) work(p *Peer, origin uint64, d *queue) {
	for {
		calls := q.take(origin, d)
		if len(calls) == 0 {
			return
		}
		p.runCalls(calls)
	}
}

// maxGathered is how long results may be kept back so that one sync serves more of them.
const maxGathered = 500 * time.Microsecond

// runCalls runs calls in order and reports each result when what it asserts is durable. While one sync is under
// way the daemon's next calls gather in the queue, and share the one after it.
func (p *Peer) runCalls(calls []node.Call) {
	var g gathered
	for _, call := range calls {
		if p.ctx.Err() != nil {
			return // closing: the queue is emptied so that the goroutine can end
		}
		result, at := p.executor.Run(call)
		if view, ok := result.(node.Checkpointed); ok {
			p.compact(view)
			continue
		}
		if len(g.done) == 0 {
			g.since = now()
		}
		g.done = append(g.done, node.Done{Call: call, Result: result})
		g.at = max(g.at, at)
		if g.at == 0 || now().Sub(g.since) > maxGathered {
			p.reportDone(&g)
		}
	}
	p.reportDone(&g)
}

// gathered is results that wait for the journal.
type gathered struct {
	done  []node.Done
	at    journal.Position // the highest that one of them waits for
	since time.Time        // when the first was added
}

// reportDone reports results once they are durable. Without the journal, which then is closing or has failed,
// they never are.
func (p *Peer) reportDone(g *gathered) {
	if p.wait(g.at) == nil {
		for _, done := range g.done {
			p.post(done)
		}
	}
	g.done, g.at = g.done[:0], 0
}
