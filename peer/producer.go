package peer

import (
	"context"
	"errors"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Submit submits one event to a daemon, wherever it is, as this node's own producer, and waits for its
// acknowledgment. If ctx ends first the outcome is unknown: the event may still be applied.
func (p *Peer) Submit(ctx context.Context, origin uint64, payload []byte) (node.Receipt, error) {
	return p.Producer(origin, ProducerOptions{}).Submit(ctx, payload)
}

// ProducerOptions describe a producer.
type ProducerOptions struct {
	// Label tells several producers of this node apart; each has numbers of its own. At most wire.MaxLabel
	// bytes of printable text.
	Label string
	// Via is a node that knows the daemon or its holder; zero means this one.
	Via crypto.NodeID
}

// Producer submits events to one daemon and follows it wherever it goes. It retries under the same numbers
// until it is answered, so an event is applied once however often its node had to ask. Events of one
// producer are applied in the order in which they were submitted. Safe for concurrent use.
//
// It queues events itself and gives them to the core in batches of at most one frame: the first at once,
// whatever comes while that is unanswered together with what follows it. A lone event therefore waits for
// nothing, and many cost the loop and the core one step for each frame and not for each event.
type Producer struct {
	p      *Peer
	origin uint64
	opt    ProducerOptions
	room   chan struct{} // holds a token when a Go that waits may look again

	mu      sync.Mutex
	batches []*batch // not yet with the core, oldest first; all but the last are full
	given   int      // batches that the core has
	called  bool     // the loop has been asked to take a batch
	open    int      // submissions that are not answered
	blocked int      // calls of Go that wait for room
	closed  bool     // the node is
}

// producerWindow is how many submissions of one Producer wait for their answers; more wait to be started.
const producerWindow = 1024

// Producer returns a producer for a daemon. Two with the same daemon and label share their numbers.
func (p *Peer) Producer(origin uint64, opt ProducerOptions) *Producer {
	return &Producer{p: p, origin: origin, opt: opt, room: make(chan struct{}, 1)}
}

// ID returns the producer's id, as the daemon's log has it.
func (r *Producer) ID() crypto.ProducerID { return crypto.DeriveProducer(r.p.id, r.opt.Label) }

// Submit submits one event and waits for its acknowledgment.
func (r *Producer) Submit(ctx context.Context, payload []byte) (node.Receipt, error) {
	return r.SubmitAs(ctx, 0, payload)
}

// SubmitAs is Submit under a number of the caller's own choice, which makes a retry of the caller's
// idempotent. Numbers must grow; 0 lets the node count. An event or a label that no frame could carry is
// refused at once, as wire.CheckSubmission says, also while the daemon happens to be on this node.
func (r *Producer) SubmitAs(ctx context.Context, seq uint64, payload []byte) (node.Receipt, error) {
	if err := wire.CheckSubmission(r.opt.Label, payload); err != nil {
		return node.Receipt{}, err
	}
	type answer struct {
		receipt node.Receipt
		err     error
	}
	answered := make(chan answer, 1)
	b, ok := r.add(wire.Submission{Seq: seq, Payload: payload}, func(receipt node.Receipt, err error) {
		answered <- answer{receipt, err}
	}, unbounded)
	if !ok {
		return node.Receipt{}, ErrClosed
	}
	select {
	case a := <-answered:
		return a.receipt, a.err
	case <-ctx.Done():
		r.abandon(b)
		return node.Receipt{}, ctx.Err()
	}
}

// ErrWindowFull is returned by Go when its context ends before there was room.
var ErrWindowFull = errors.New("peer: too many submissions wait for their answers")

// Go submits one event and returns when it is queued; done is called with the answer, on the node's own
// goroutine, and must not block. Go itself blocks while 1,024 submissions of this producer are unanswered.
func (r *Producer) Go(ctx context.Context, payload []byte, done func(node.Receipt, error)) error {
	return r.GoAs(ctx, 0, payload, done)
}

// GoAs is Go under a number of the caller's own choice, like SubmitAs. After an error done is not called.
func (r *Producer) GoAs(ctx context.Context, seq uint64, payload []byte, done func(node.Receipt, error)) error {
	if err := wire.CheckSubmission(r.opt.Label, payload); err != nil {
		return err
	}
	for {
		b, ok := r.add(wire.Submission{Seq: seq, Payload: payload}, done, producerWindow)
		switch {
		case !ok:
			return ErrClosed
		case b != nil:
			return nil
		}
		if err := r.waitForRoom(ctx); err != nil {
			return err
		}
	}
}

// waitForRoom returns when it is worth another try. The caller has been counted as blocked.
func (r *Producer) waitForRoom(ctx context.Context) error {
	defer func() {
		r.mu.Lock()
		r.blocked--
		r.mu.Unlock()
	}()
	select {
	case <-r.room:
		return nil
	case <-ctx.Done():
		return errors.Join(ErrWindowFull, ctx.Err())
	case <-r.p.ctx.Done():
		return ErrClosed
	}
}
