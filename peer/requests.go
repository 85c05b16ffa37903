package peer

import (
	"context"
	"sync"

	"github.com/ferrymesh/ferry/node"
)

// waiters are the requests that the core has not answered yet.
type waiters struct {
	mu     sync.Mutex
	m      map[uint64]func(node.Reply)
	closed bool
}

// add reports false after the node has closed.
func (w *waiters) add(id uint64, f func(node.Reply)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	if w.m == nil {
		w.m = make(map[uint64]func(node.Reply))
	}
	w.m[id] = f
	return true
}

func (w *waiters) remove(id uint64) func(node.Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.m[id]
	delete(w.m, id)
	return f
}

func (w *waiters) answer(r node.Reply) {
	if f := w.remove(r.Request); f != nil {
		f(r)
	}
}

func (w *waiters) failAll() {
	w.mu.Lock()
	w.closed = true
	rest := w.m
	w.m = nil
	w.mu.Unlock()
	for id, f := range rest {
		f(node.Reply{Request: id, Err: ErrClosed})
	}
}

// request posts a request and waits for its answer.
func (p *Peer) request(ctx context.Context, make func(id uint64) node.Input) (node.Reply, error) {
	answer := newAnswer()
	id := p.requests.Add(1)
	if !p.waiters.add(id, answer.give) || !p.post(make(id)) {
		return node.Reply{}, ErrClosed
	}
	select {
	case r := <-answer:
		return r, r.Err
	case <-ctx.Done():
		p.waiters.remove(id)
		return node.Reply{}, ctx.Err()
	}
}

type answer chan node.Reply

func newAnswer() answer            { return make(answer, 1) }
func (a answer) give(r node.Reply) { a <- r }
