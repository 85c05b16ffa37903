package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/peer"
)

// The shape of the history of a key-value daemon. Few keys make operations meet; the checker's work grows
// with how many are open at a time, so the workers are few and take their time.
const (
	kvKeys      = 3
	kvWorkers   = 3 // of each client
	kvPace      = 25 * time.Millisecond
	askLimit    = 1500 * time.Millisecond // after which an operation is asked for again, or given up
	giveUpShare = 0.15
	askAgain    = 20 * time.Millisecond
)

// kvWorker is one sequential client: it has one operation at a time, and repeats it under the same number
// until it is answered. Now and then it gives one up, whose outcome stays open, and goes on as another
// producer: under the old name a later number could overtake the lost one and refuse it for good.
type kvWorker struct {
	c      *cluster
	n      *clientNode
	daemon client.Daemon
	h      *history
	rng    *rand.Rand
	name   string

	lives    int // names used up
	producer *peer.Producer
	seq      uint64
	versions [kvKeys]uint64 // as last heard, for swaps that have a chance
}

// rebirth takes the next name.
func (w *kvWorker) rebirth() (err error) {
	w.lives++
	w.seq = 0
	w.producer, err = w.n.producer(w.c, w.daemon, fmt.Sprintf("%s.%d", w.name, w.lives))
	return err
}

// run makes operations until stop is closed, and then finishes the open one if it can before ctx ends.
func (w *kvWorker) run(ctx context.Context, stop <-chan struct{}) error {
	if err := w.rebirth(); err != nil {
		return err
	}
	pace := time.NewTicker(kvPace)
	defer pace.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return nil
		case <-pace.C:
		}
		if err := w.one(ctx, stop); err != nil {
			return err
		}
	}
}

// one makes one operation. While the run goes on it may give up; after that it insists.
func (w *kvWorker) one(ctx context.Context, stop <-chan struct{}) error {
	w.seq++
	key := w.rng.IntN(kvKeys)
	command := w.command(key)
	op := w.h.begin(w.producer.ID(), w.seq, command)
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, askLimit)
		r, err := w.producer.SubmitAs(limited, w.seq, []byte(command))
		cancel()
		if err == nil {
			w.h.end(op, r)
			w.heard(key, op)
			return nil
		}
		w.c.h.note("%s: %s: %v", w.name, command, err)
		if err := refusal(ctx, err); err != nil {
			return fmt.Errorf("%s: operation %d, %s, was refused: %w", w.name, w.seq, command, err)
		}
		if !closed(stop) && w.rng.Float64() < giveUpShare {
			return w.rebirth()
		}
		wait(ctx, askAgain)
	}
	return fmt.Errorf("%s: operation %d has no answer although everything was repaired", w.name, w.seq)
}

// command draws an operation on a key. Values are unique in the run.
func (w *kvWorker) command(key int) string {
	value := fmt.Sprintf("%s.%d.%d", w.name, w.lives, w.seq)
	switch n := w.rng.IntN(10); {
	case n < 4:
		return fmt.Sprintf("get k%d", key)
	case n < 7:
		return fmt.Sprintf("put k%d %s", key, value)
	}
	return fmt.Sprintf("cas k%d %d %s", key, w.versions[key], value)
}

// heard remembers the version of a key. The operation is the worker's own, and nobody writes to it any more.
func (w *kvWorker) heard(key int, op *operation) {
	if r := parseReply(op); r.kind == replyAbsent || r.version != 0 {
		w.versions[key] = r.version
	}
}

// closed reports whether a channel is.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// wait waits, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
