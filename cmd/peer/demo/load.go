package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// load is the producer: an embedded node of this process, which has no daemons and gives nobody a right.
// The run's own goroutine is the only one that submits; trail and text are its own until it has ended.
type load struct {
	node     *peer.Peer
	producer *peer.Producer
	acks     *acks
	gate     *gate   // nil for events that do not end
	rate     float64 // events per second, 0 for as many as are acknowledged

	trail kinds.AuditTrail
	text  textCount
}

// newProducerNode starts the producer's node with the key given.
func newProducerNode(key *crypto.NodeKeypair, members []*member) (*peer.Peer, error) {
	rights := make(map[crypto.NodeID]wire.Rights)
	for _, m := range members {
		rights[m.id] = 0 // may be connected with, may ask for nothing
	}
	return peer.New(peer.Config{Key: key, Name: producerRow, Listen: "127.0.0.1:0", Authorize: peer.AllowOnly(rights)})
}

// newLoad prepares a producer for the daemon. It knows where the daemon's first node can be dialed, and
// nothing else of the others than their keys.
func newLoad(p *peer.Peer, origin uint64, first *member, rate float64) *load {
	p.Learn(first.id, first.listen)
	return &load{
		node: p, acks: newAcks(), rate: rate,
		producer: p.Producer(origin, peer.ProducerOptions{Via: first.id}),
	}
}

// open submits the event that a daemon begins with, if its kind has one, and waits for it: filling the
// accounts of a large ledger takes a while, which is no latency of anything.
func (l *load) open(ctx context.Context, o options) error {
	payload := kinds.Opening(o.kind, o.state)
	if payload == nil {
		return nil
	}
	if err := l.submit(ctx, payload, time.Now()); err != nil {
		return err
	}
	if err := l.acks.drained(ctx); err != nil {
		return err
	}
	l.acks.forgetFigures()
	return l.acks.figures().problem
}

// run submits a feed to its end and waits until everything is answered.
func (l *load) run(ctx context.Context, f feed) error {
	defer f.close()
	defer l.ended()
	clock := newSchedule(time.Now(), l.rate)
	defer clock.stop()
	for {
		payload, err := f.next()
		if errors.Is(err, io.EOF) {
			l.ended()
			return l.drain(ctx)
		}
		if err == nil {
			err = l.one(ctx, clock, payload)
		}
		if err != nil {
			return err
		}
	}
}

// ended says to whoever waits that nothing more will be submitted.
func (l *load) ended() {
	l.acks.end()
	if l.gate != nil {
		l.gate.end()
	}
}

// one submits one event when it is due. The gate comes first: time spent there is nobody's latency.
func (l *load) one(ctx context.Context, clock *schedule, payload []byte) error {
	if l.gate != nil {
		held, err := l.gate.pass(ctx, len(payload))
		if err != nil {
			return err
		}
		if held {
			clock.restart(time.Now())
		}
	}
	due, err := clock.next(ctx)
	if err != nil {
		return err
	}
	return l.submit(ctx, payload, due)
}

// submit records one event and hands it over under this side's own count, which the
// acknowledgment must confirm.
func (l *load) submit(ctx context.Context, payload []byte, due time.Time) error {
	seq := l.acks.send(time.Now())
	l.trail.Record(seq, payload)
	l.text.add(payload)
	return l.producer.GoAs(ctx, seq, payload, func(r node.Receipt, err error) {
		l.acks.answered(seq, due, time.Now(), r, err)
	})
}

// drainLimit is how long the last acknowledgments may take once nothing is submitted any more.
const drainLimit = 30 * time.Second

// drain waits for the acknowledgments of everything that has been submitted.
func (l *load) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	if err := l.acks.drained(ctx); err != nil {
		n := l.acks.figures()
		return fmt.Errorf("%d events are still not acknowledged: %w", n.sent-n.acknowledged-n.refused, err)
	}
	return nil
}
