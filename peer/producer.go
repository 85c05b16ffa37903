package peer

import (
	"context"
	"errors"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
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

// start posts a request whose answer goes to f, on the node's own goroutine.
func (p *Peer) start(make func(id uint64) node.Input, f func(node.Reply)) uint64 {
	id := p.requests.Add(1)
	if !p.waiters.add(id, f) {
		f(node.Reply{Request: id, Err: ErrClosed})
		return id
	}
	if !p.post(make(id)) {
		p.waiters.answer(node.Reply{Request: id, Err: ErrClosed})
	}
	return id
}

// request posts a request and waits for its answer.
func (p *Peer) request(ctx context.Context, make func(id uint64) node.Input) (node.Reply, error) {
	answer := newAnswer()
	id := p.start(make, answer.give)
	select {
	case r := <-answer:
		return r, r.Err
	case <-ctx.Done():
		p.waiters.remove(id)
		p.post(node.Withdraw{Request: id})
		return node.Reply{}, ctx.Err()
	}
}

type answer chan node.Reply

func newAnswer() answer            { return make(answer, 1) }
func (a answer) give(r node.Reply) { a <- r }

// Submit submits one event to a daemon, wherever it is, as this node's own producer, and waits for its
// acknowledgement. If ctx ends first the outcome is unknown: the event may still be applied.
func (p *Peer) Submit(ctx context.Context, origin uint64, payload []byte) (node.Receipt, error) {
	return p.Producer(origin, ProducerOptions{}).Submit(ctx, payload)
}

// ProducerOptions describe a producer.
type ProducerOptions struct {
	// Label tells several producers of this node apart; each has numbers of its own.
	Label string
	// Via is a node that knows the daemon or its holder; zero means this one.
	Via crypto.NodeID
}

// Producer submits events to one daemon and follows it wherever it goes. It retries under the same numbers
// until it is answered, so an event is applied once however often its node had to ask. Events of one
// producer are applied in the order in which they were submitted. Safe for concurrent use.
type Producer struct {
	p      *Peer
	origin uint64
	opt    ProducerOptions
	window chan struct{} // bounds what is not answered yet
}

// producerWindow is how many submissions of one Producer wait for their answers; more wait to be started.
const producerWindow = 1024

// Producer returns a producer for a daemon. Two with the same daemon and label share their numbers.
func (p *Peer) Producer(origin uint64, opt ProducerOptions) *Producer {
	return &Producer{p: p, origin: origin, opt: opt, window: make(chan struct{}, producerWindow)}
}

// ID returns the producer's id, as the daemon's log has it.
func (r *Producer) ID() crypto.ProducerID { return crypto.DeriveProducer(r.p.id, r.opt.Label) }

// Submit submits one event and waits for its acknowledgement.
func (r *Producer) Submit(ctx context.Context, payload []byte) (node.Receipt, error) {
	return r.SubmitAs(ctx, 0, payload)
}

// SubmitAs is Submit under a number of the caller's own choice, which makes a retry of the caller's
// idempotent. Numbers must grow; 0 lets the node count.
func (r *Producer) SubmitAs(ctx context.Context, seq uint64, payload []byte) (node.Receipt, error) {
	reply, err := r.p.request(ctx, r.input(seq, payload))
	return reply.Receipt, err
}

func (r *Producer) input(seq uint64, payload []byte) func(uint64) node.Input {
	return func(id uint64) node.Input {
		return node.Submit{Request: id, Origin: r.origin, Label: r.opt.Label, Seq: seq, Payload: payload, Via: r.opt.Via}
	}
}

// ErrWindowFull is returned by Go when its context ends before there was room.
var ErrWindowFull = errors.New("peer: too many submissions wait for their answers")

// Go submits one event and returns when it is queued; done is called with the answer, on the node's own
// goroutine, and must not block. Go itself blocks while 1,024 submissions of this producer are unanswered.
func (r *Producer) Go(ctx context.Context, payload []byte, done func(node.Receipt, error)) error {
	return r.GoAs(ctx, 0, payload, done)
}

// GoAs is Go under a number of the caller's own choice, like SubmitAs.
func (r *Producer) GoAs(ctx context.Context, seq uint64, payload []byte, done func(node.Receipt, error)) error {
	select {
	case r.window <- struct{}{}:
	case <-ctx.Done():
		return errors.Join(ErrWindowFull, ctx.Err())
	case <-r.p.ctx.Done():
		return ErrClosed
	}
	r.p.start(r.input(seq, payload), func(reply node.Reply) {
		<-r.window
		done(reply.Receipt, reply.Err)
	})
	return nil
}
