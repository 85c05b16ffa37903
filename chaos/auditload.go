package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
)

// The shape of the audit load: many events in flight, so that every cutover meets some.
const (
	auditWindow = 64
	auditPace   = 4 * time.Millisecond
	bulkEvery   = 8 // of the events of a run that fills journals
	bulkBytes   = 64 << 10
)

// auditWorker is one producer that does not wait for its receipts, up to a window. It never gives up and
// never repeats: that is the node's work, and what is under test.
type auditWorker struct {
	c        *cluster
	h        *history
	name     string
	bulk     bool // some events are large, so that segments of journals are used up
	producer *peer.Producer
	trail    kinds.AuditTrail

	open sync.WaitGroup // submissions without an answer

	mu      sync.Mutex // guards refused
	refused error      // the first answer that no submission may have
}

// newAuditWorker takes one name for good.
func newAuditWorker(c *cluster, n *clientNode, d client.Daemon, h *history) (*auditWorker, error) {
	w := &auditWorker{c: c, h: h, name: n.name, bulk: c.h.o.killpoints}
	var err error
	w.producer, err = n.producer(c, d, "audit")
	return w, err
}

// run submits until stop is closed, and then waits for the answers until ctx ends.
func (w *auditWorker) run(ctx context.Context, stop <-chan struct{}) error {
	pace := time.NewTicker(auditPace)
	defer pace.Stop()
	room := make(chan struct{}, auditWindow)
	for seq := uint64(1); ; seq++ {
		select {
		case <-stop:
			return w.drain(ctx)
		case <-ctx.Done():
			return nil
		case <-pace.C:
		}
		select {
		case <-stop:
			return w.drain(ctx)
		case <-ctx.Done():
			return nil
		case room <- struct{}{}:
		}
		if err := w.submit(ctx, seq, room); err != nil {
			return err
		}
	}
}

// submit hands one event over. What follows is the node's own goroutine.
func (w *auditWorker) submit(ctx context.Context, seq uint64, room <-chan struct{}) error {
	payload := fmt.Sprintf("%s counts %d", w.name, seq)
	op := w.h.begin(w.producer.ID(), seq, payload)
	if w.bulk && seq%bulkEvery == 0 {
		payload += strings.Repeat(" more", bulkBytes/5)
	}
	w.trail.Record(seq, []byte(payload))
	w.open.Add(1)
	return w.producer.GoAs(ctx, seq, []byte(payload), func(r node.Receipt, err error) {
		defer w.open.Done()
		<-room
		if err != nil {
			w.c.h.note("%s: event %d: %v", w.name, seq, err)
			w.refuse(seq, refusal(ctx, err))
			return
		}
		w.h.end(op, r)
	})
}

// refuse remembers an answer that must not be, if it is one.
func (w *auditWorker) refuse(seq uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.refused == nil {
		w.refused = fmt.Errorf("%s: event %d was refused: %w", w.name, seq, err)
	}
}

// drain waits for the answers to what is still open.
func (w *auditWorker) drain(ctx context.Context) error {
	answered := make(chan struct{})
	go func() { w.open.Wait(); close(answered) }()
	select {
	case <-answered:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.refused
	case <-ctx.Done():
		return fmt.Errorf("%s: events have no answer although everything was repaired", w.name)
	}
}
