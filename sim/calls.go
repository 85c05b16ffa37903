package sim

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// queue runs the calls of one daemon, one after the other.
type queue struct {
	calls []node.Call
	busy  bool
}

func (l *life) dispatch(call node.Call) {
	if l.c.near != nil {
		l.c.near(l, call)
	}
	switch op := call.Op.(type) {
	case target.CallRestore:
		l.startRestore(call, op)
		return
	case target.CallCutOff:
		l.after(between(l.c.source("calls"), 0, l.c.opt.Net.Call), func() {
			l.step(node.Done{Call: call, Result: l.cutOff(call.Migration)})
		})
		return
	case target.CallFeed:
		l.feed(call.Migration, op.Stream)
		return
	case node.CloseView:
		l.executor.Run(call)
		return
	case target.CallAbort:
		if r := l.restores[call.Migration]; r != nil {
			r.unwanted = true
			r.wakeUp()
		}
	}
	q := l.queues[call.Origin]
	if q == nil {
		q = &queue{}
		l.queues[call.Origin] = q
	}
	q.calls = append(q.calls, call)
	l.work(call.Origin, q)
}

// work runs the next call of a queue after a while, and reports its result after another.
func (l *life) work(origin uint64, q *queue) {
	if q.busy {
		return
	}
	if len(q.calls) == 0 {
		delete(l.queues, origin)
		return
	}
	q.busy = true
	call := q.calls[0]
	q.calls = q.calls[1:]
	r := l.c.source("calls")
	l.after(between(r, 0, l.c.opt.Net.Call), func() {
		result, durable := l.executor.Run(call)
		l.c.logCall(l, call, result)
		l.c.check()
		q.busy = false
		if view, ok := result.(node.Checkpointed); ok {
			l.compact(view)
		} else {
			l.report(origin, between(r, 0, l.c.opt.Net.Call), durable, node.Done{Call: call, Result: result})
		}
		l.work(origin, q)
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// restore is a coroutine that reads a snapshot from its stream. It is resumed when bytes arrive.
type restore struct {
	life     *life
	call     node.Call
	from     *stream // nil while it is cut
	offset   uint64  // of the next byte, in the snapshot
	unwanted bool
	next     func() (struct{}, bool)
	stop     func()
	resuming bool
	done     bool
	result   target.Restored
	reported time.Time
}

var errStopped = errors.New("sim: the process died")

func (l *life) startRestore(call node.Call, op target.CallRestore) {
	st := l.streams[op.Stream]
	delete(l.streams, op.Stream)
	if st == nil {
		l.after(0, func() { l.step(node.Done{Call: call, Result: target.Restored{Err: io.ErrUnexpectedEOF}}) })
		return
	}
	r := &restore{life: l, call: call, from: st, offset: op.From}
	r.next, r.stop = iter.Pull(func(yield func(struct{}) bool) {
		r.result = l.executor.Restore(op, &reader{restore: r, yield: yield}, r.claimed, l.wait)
	})
	st.reader = r
	l.restores[op.Migration] = r
	r.wakeUp()
}

// wakeUp resumes the restore after a while.
func (r *restore) wakeUp() {
	if r.resuming || r.done {
		return
	}
	r.resuming = true
	l := r.life
	l.after(between(l.c.source("calls"), 0, l.c.opt.Net.Call), func() {
		r.resuming = false
		if _, more := r.next(); more {
			return
		}
		r.done = true
		if l.restores[r.call.Migration] == r {
			delete(l.restores, r.call.Migration)
		}
		if r.from != nil {
			r.from.closed = true
		}
		r.report(node.Done{Call: r.call, Result: r.result})
		l.c.check()
	})
}

func (r *restore) claimed(head crypto.Head) {
	r.report(node.Claimed{Migration: r.call.Migration, Head: head})
}

// report tells the core, in order.
func (r *restore) report(in node.Input) {
	l := r.life
	r.reported = later(r.reported, l.c.now.Add(between(l.c.source("calls"), 0, l.c.opt.Net.Call)))
	l.at(r.reported, func() { l.step(in) })
}

// cutOff lets a restore read no more from its stream.
func (l *life) cutOff(id wire.MigrationID) target.CutOff {
	r := l.restores[id]
	if r == nil || r.unwanted {
		return target.CutOff{Err: errReset}
	}
	r.letGo()
	return target.CutOff{Offset: r.offset}
}

// letGo takes the stream from the restore. Its sender learns that nobody reads it.
func (r *restore) letGo() {
	if r.from != nil {
		r.from.reader, r.from.closed = nil, true
		r.from = nil
	}
}

// feed lets a restore go on with another stream.
func (l *life) feed(id wire.MigrationID, stream uint64) {
	st, r := l.streams[stream], l.restores[id]
	delete(l.streams, stream)
	switch {
	case st == nil:
	case r == nil || r.from != nil:
		st.fail(errReset)
	default:
		r.from, st.reader = st, r
		r.wakeUp()
	}
}

// reader is what a restore reads from: one stream after the other.
type reader struct {
	*restore
	yield func(struct{}) bool
}

func (r *reader) Read(p []byte) (int, error) {
	for r.from == nil || len(r.from.data) == 0 {
		switch {
		case r.unwanted:
			return 0, errReset
		case r.from != nil && r.from.err != nil:
			r.letGo()
		case r.from != nil && r.from.last:
			return 0, io.EOF
		case !r.yield(struct{}{}):
			return 0, errStopped
		}
	}
	st := r.from
	if st.offset != r.offset {
		return 0, fmt.Errorf("sim: bytes from %d instead of %d: %w", st.offset, r.offset, wire.ErrBadSnapshot)
	}
	n := copy(p, st.data)
	st.data = st.data[n:]
	st.offset += uint64(n)
	r.offset += uint64(n)
	return n, nil
}

func (c *Cluster) sortedRestores(l *life) []*restore {
	var list []*restore
	for _, r := range l.restores {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *restore) int {
		return slices.Compare(a.call.Migration[:], b.call.Migration[:])
	})
	return list
}
