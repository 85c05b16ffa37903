package demo

import (
	"context"
	"sync"
)

// gate keeps the producer and the moves in step when the events come from an input that ends: a move
// begins once enough bytes have gone through, and no more go through than belong before the next one. So
// every move happens while there is load, however small the input is and however fast it is read.
//
// All methods are safe for concurrent use; the producer calls pass and end, the script the others.
type gate struct {
	mu      sync.Mutex
	changed sync.Cond
	passed  int64
	limit   int64
	ended   bool
}

// newGate returns a gate through which nothing has passed.
func newGate(limit int64) *gate {
	g := &gate{limit: limit}
	g.changed.L = &g.mu
	return g
}

// pass lets n bytes through, once the limit has not been reached; held tells that it had to wait for that.
func (g *gate) pass(ctx context.Context, n int) (held bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held = g.passed >= g.limit
	if err := g.wait(ctx, func() bool { return g.passed < g.limit }); err != nil {
		return held, err
	}
	g.passed += int64(n)
	g.changed.Broadcast()
	return held, nil
}

// end says that nothing more will pass.
func (g *gate) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.changed.Broadcast()
}

// reach waits until n bytes have passed, or the end.
func (g *gate) reach(ctx context.Context, n int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wait(ctx, func() bool { return g.passed >= n || g.ended })
}

// raise moves the limit, far enough for one payload at least: after every step something goes through.
func (g *gate) raise(limit int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = max(limit, g.passed+1)
	g.changed.Broadcast()
}

// wait returns when ready does, or when ctx ends. The caller holds the lock.
func (g *gate) wait(ctx context.Context, ready func() bool) error {
	if ready() {
		return ctx.Err()
	}
	stop := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.changed.Broadcast()
	})
	defer stop()
	for !ready() && ctx.Err() == nil {
		g.changed.Wait()
	}
	return ctx.Err()
}
