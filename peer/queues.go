package peer

import (
	"sync"

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
		for _, call := range calls {
			if p.ctx.Err() != nil {
				continue // closing: the queue is emptied so that the goroutine can end
			}
			p.post(node.Done{Call: call, Result: p.executor.Run(call)})
		}
	}
}
