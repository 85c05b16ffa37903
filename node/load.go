package node

import (
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// load is what others have put on a daemon's queue and has not been run (promise P6): producers on that of a
// daemon that serves, the source on that of one that arrives. What waits for the target of a migration, with the outputs that are to
// be told, is one as well.
type load struct{ items, bytes int }

// Limits of the load of a daemon that serves. What it cannot take at once is refused, and asked again. One
// that arrives is bounded by its credits; resendFactor allows for events that are sent again over a new
// session while the first copies still wait.
const (
	maxQueuedItems = source.MaxHeldItems
	maxQueuedBytes = source.MaxHeldBytes
	resendFactor   = 4
)

// loadOf returns the load that a call belongs to, nil if to none.
func (c *Core) loadOf(call Call) *load {
	switch call.Op.(type) {
	case Apply, OpenProducer:
		if d := c.daemons[call.Origin]; d != nil {
			return &d.queued
		}
	case target.CallReplay:
		if e, ok := call.by.(*targetEntry); ok {
			return &e.queued
		}
	}
	return nil
}

func weigh(op any) (w load) {
	switch op := op.(type) {
	case Apply:
		w.items = len(op.Items)
		for i := range op.Items {
			w.bytes += len(op.Items[i].Payload)
		}
	case OpenProducer:
		w.items = 1
	case uncovered:
		w.items = len(op.items)
		for i := range op.items {
			for _, out := range op.items[i].Outputs {
				w.bytes += len(out)
			}
		}
	case target.CallReplay:
		w.items = len(op.Events)
		for i := range op.Events {
			w.bytes += len(op.Events[i].Payload)
		}
	}
	return w
}

func (l *load) add(op any) {
	w := weigh(op)
	l.items, l.bytes = l.items+w.items, l.bytes+w.bytes
}

// remove takes a call off. One that was queued for an earlier stay of the daemon here was never put on.
func (l *load) remove(op any) {
	w := weigh(op)
	l.items, l.bytes = max(0, l.items-w.items), max(0, l.bytes-w.bytes)
}

// full reports whether a daemon takes nothing more for now.
func (d *local) full() bool { return d.queued.full() || d.unreported.full() }

func (l *load) full() bool { return l.items >= maxQueuedItems || l.bytes >= maxQueuedBytes }

// flooded reports whether a source has sent far more than its credits. Without credits nothing is bounded.
func (e *targetEntry) flooded(credits *target.MachineConfig) bool {
	return credits.CreditEvents > 0 && uint64(e.queued.items) > resendFactor*credits.CreditEvents+wire.MaxBatch ||
		credits.CreditBytes > 0 && uint64(e.queued.bytes) > resendFactor*credits.CreditBytes+wire.MaxFrame
}
