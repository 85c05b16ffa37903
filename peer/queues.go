package peer

import (
	"runtime"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
)

// queues holds the calls of each daemon that has any. A daemon has a goroutine while its queue is not empty;
// an idle daemon costs nothing.
type queues struct {
	idle     chan *queue   // to goroutines that have nothing to do
	reviving chan struct{} // holds a token for each daemon that is being brought back

	mu   sync.Mutex
	m    map[uint64]*queue
	idly int // goroutines that wait at idle
}

// queue is owned by the lock of queues, but for its origin.
type queue struct {
	origin uint64
	calls  []node.Call
}

// maxIdle is how many goroutines wait for the next daemon that has calls. A daemon under load runs out of
// calls and gets new ones thousands of times a second; a new goroutine each time would grow its stack anew,
// which costs more than the call.
const maxIdle = 8

// newQueues makes queues of which so many bring back a daemon at once. Each of those has files of the journal open, and a node may
// have more daemons than its process may have files.
func newQueues() queues {
	return queues{idle: make(chan *queue), reviving: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), m: make(map[uint64]*queue)}
}

// push appends a call and gives the daemon a goroutine if it has none.
func (q *queues) push(p *Peer, call node.Call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.m[call.Origin]
	if d != nil {
		d.calls = append(d.calls, call)
		return
	}
	d = &queue{origin: call.Origin, calls: []node.Call{call}}
	q.m[call.Origin] = d
	select {
	case q.idle <- d:
	default:
		p.wg.Go(func() { q.run(p, d) })
	}
}

// run works on one queue after the other, as long as there are not too many that wait for one.
func (q *queues) run(p *Peer, d *queue) {
	for {
		q.work(p, d)
		if !q.rest(1) {
			return
		}
		select {
		case d = <-q.idle:
			q.rest(-1)
		case <-p.ctx.Done():
			return
		}
	}
}

// rest counts goroutines that wait; it reports false if there are enough.
func (q *queues) rest(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idly+n > maxIdle {
		return false
	}
	q.idly += n
	return true
}

// take returns everything that waits for a daemon; when that is nothing, the queue is gone and its
// goroutine must end.
func (q *queues) take(d *queue) []node.Call {
	q.mu.Lock()
	defer q.mu.Unlock()
	calls := d.calls
	d.calls = nil
	if len(calls) == 0 {
		delete(q.m, d.origin)
	}
	return calls
}

// work runs the calls of one daemon, one after the other, and reports each result.
func (q *queues) work(p *Peer, d *queue) {
	for {
		calls := q.take(d)
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
		result, at, ok := p.runCall(call)
		if !ok {
			return
		}
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

// runCall runs one call; it reports false if the node closes before it is its turn.
func (p *Peer) runCall(call node.Call) (result any, at journal.Position, ok bool) {
	if _, revives := call.Op.(node.Revive); revives {
		select {
		case p.queues.reviving <- struct{}{}: // whoever came first is let in first
			defer func() { <-p.queues.reviving }()
		case <-p.ctx.Done():
			return nil, 0, false
		}
	}
	result, at = p.executor.Run(call)
	return result, at, true
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
