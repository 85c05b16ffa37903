package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// ack is one acknowledged event.
type ack struct {
	sent, acked time.Time
	holder      crypto.NodeID
}

// load is a producer in this process that submits to a ledger at a steady rate, wherever the ledger is.
type load struct {
	node     *peer.Peer
	producer *peer.Producer
	commands *kinds.Load
	stopped  chan struct{}
	running  sync.WaitGroup // the loop, and the events that are not acknowledged

	mu   sync.Mutex
	acks []ack
	err  error
}

// load starts a producer for a daemon of a pair and submits the event that gives the daemon its state.
// Nothing else is submitted until run.
func (p *pair) load(origin, state uint64) (*load, error) {
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		return nil, err
	}
	anybody := func(crypto.NodeID) (wire.Rights, bool) { return 0, true } // may connect, may ask for nothing
	w := &load{stopped: make(chan struct{})}
	if w.node, err = peer.New(peer.Config{Key: key, Name: "producer", Listen: "127.0.0.1:0", Authorize: anybody}); err != nil {
		return nil, err
	}
	for _, at := range p.at {
		w.node.Learn(at.ID, at.Addr)
	}
	w.producer = w.node.Producer(origin, peer.ProducerOptions{Via: p.at[p.holder].ID})
	if w.commands, err = kinds.NewLoad("ledger", 1, state); err == nil {
		_, err = w.producer.Submit(context.Background(), kinds.Opening("ledger", state))
	}
	if err != nil {
		w.node.Close()
		return nil, err
	}
	return w, nil
}

// run submits so many events a second until stop.
func (w *load) run(rate float64) {
	w.running.Go(func() {
		begun := time.Now()
		for i := 0; ; i++ {
			due := begun.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			time.Sleep(time.Until(due))
			select {
			case <-w.stopped:
				return
			default:
				w.submit()
			}
		}
	})
}

// submit submits one event. Its latency begins here and not when it was due: a sleep ends up to a
// millisecond late, which is not the library's doing and would hide what is.
func (w *load) submit() {
	payload, sent := w.commands.Next(nil), time.Now()
	w.running.Add(1)
	err := w.producer.Go(context.Background(), payload, func(r node.Receipt, err error) {
		defer w.running.Done()
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil && w.err == nil {
			w.err = fmt.Errorf("an event of the load: %w", err)
		}
		w.acks = append(w.acks, ack{sent, time.Now(), r.Holder})
	})
	if err != nil { // it was not submitted, and nobody will call
		w.running.Done()
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
	}
}

// stop ends the producer and returns the first error it met.
func (w *load) stop() error {
	close(w.stopped)
	w.running.Wait()
	if err := w.node.Close(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// take returns the acknowledgments since the last call, in the order in which they came.
func (w *load) take() []ack {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.acks
	w.acks = nil
	return list
}

// latencies returns how long the events took that were sent between two moments, without those that were
// under way in the blackout, if the holder changed.
func latencies(acks []ack, from, to time.Time) (list []float64) {
	begin, end := blackoutOf(acks)
	for _, a := range acks {
		inside := a.sent.After(from) && a.sent.Before(to)
		dark := a.sent.Before(end) && a.acked.After(begin)
		if inside && !dark {
			list = append(list, float64(a.acked.Sub(a.sent)))
		}
	}
	return list
}

// blackoutOf is the time between the last acknowledgment of one holder and the first of the next.
func blackoutOf(acks []ack) (begin, end time.Time) {
	for i := 1; i < len(acks); i++ {
		if acks[i].holder != acks[i-1].holder {
			return acks[i-1].acked, acks[i].acked
		}
	}
	return begin, end
}
