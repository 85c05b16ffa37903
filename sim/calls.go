package sim

import (
	"errors"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
)

// queue runs the calls of one daemon, one after the other.
type queue struct {
	calls []node.Call
	busy  bool
}

func (l *life) dispatch(call node.Call) {
	switch op := call.Op.(type) {
	case target.CallRestore:
		l.startRestore(call, op)
		return
	case target.CallAbort:
		if r := l.restores[call.Migration]; r != nil {
			r.from.fail(errors.New("the restore is not wanted any more"))
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
	from     *stream
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
	r := &restore{life: l, call: call, from: st}
	r.next, r.stop = iter.Pull(func(yield func(struct{}) bool) {
		r.result = l.executor.Restore(op, &reader{st: st, yield: yield}, r.claimed, l.wait)
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
		r.from.closed = true
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

// reader is the end of a stream that a restore reads from.
type reader struct {
	st    *stream
	yield func(struct{}) bool
}

func (r *reader) Read(p []byte) (int, error) {
	for len(r.st.data) == 0 {
		switch {
		case r.st.err != nil:
			return 0, r.st.err
		case r.st.last:
			return 0, io.EOF
		case !r.yield(struct{}{}):
			return 0, errStopped
		}
	}
	n := copy(p, r.st.data)
	r.st.data = r.st.data[n:]
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
