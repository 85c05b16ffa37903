package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// done takes the result of a call to whoever asked for it.
func (c *Core) done(in Done) {
	c.settled(in.Call)
	switch op := in.Call.Op.(type) {
	case Apply:
		c.applied(in.Call.Origin, op, in.Result.(Applied))
	case OpenProducer:
		c.opened(op, in.Result.(Opened))
	case Read:
		r := in.Result.(ReadResult)
		c.out.Replies = append(c.out.Replies, Reply{Request: op.Request, Data: r.Data, Err: r.Err})
	case EndLife:
		err, _ := in.Result.(error)
		c.out.Replies = append(c.out.Replies, Reply{Request: op.Request, Err: err})
	case CloseView, Bury, Forget:
	case Prove:
		c.proven(op, in.Result.(Proof))
	case Revive:
		c.revived(in.Call.Origin, in.Result.(Revived))
	case source.Call:
		c.sourceDone(in)
	case target.Call:
		c.targetDone(in)
	}
}

// settles reports whether a daemon must not arrive here before the call has run: it could meet what an
// earlier migration of the same daemon has left, or be taken for it.
func settles(op any) bool {
	switch op.(type) {
	case target.CallRestore, target.CallAbort, target.CallDiscard, source.CallRetire:
		return true
	}
	return false
}

// queue puts a call on its daemon's queue.
func (c *Core) queue(call Call) {
	if settles(call.Op) {
		c.settling[call.Origin]++
	}
	if l := c.loadOf(call); l != nil {
		l.add(call.Op)
	}
	c.out.Calls = append(c.out.Calls, call)
}

// settled counts the calls of a daemon that have run.
func (c *Core) settled(call Call) {
	if settles(call.Op) {
		if c.settling[call.Origin]--; c.settling[call.Origin] == 0 {
			delete(c.settling, call.Origin)
		}
	}
	if l := c.loadOf(call); l != nil {
		l.remove(call.Op)
	}
}

// sourceDone steps the migration that has made the call with its result: another try may run under the same id by now. A view
// that the machine no longer wants is closed again.
func (c *Core) sourceDone(in Done) {
	e, _ := in.Call.by.(*sourceEntry)
	if shot, ok := in.Result.(Snapshot); ok {
		if e == nil || e.ended {
			if shot.View != nil {
				c.call(in.Call.Origin, in.Call.Migration, CloseView{shot.View})
			}
			return
		}
		e.snapshot = shot.View
		c.stepSource(e, shot.Snapshotted)
		return
	}
	if result, ok := in.Result.(source.Input); ok {
		c.stepSource(e, result)
	}
}

func (c *Core) targetDone(in Done) {
	e, _ := in.Call.by.(*targetEntry)
	if result, ok := in.Result.(target.MachineInput); ok {
		c.stepTarget(e, result)
	}
}

// applied ships what was sequenced before it acknowledges it, so that the target of a running migration
// never hears of an event later than its producer does.
func (c *Core) applied(origin uint64, op Apply, r Applied) {
	if d := c.daemons[origin]; d != nil && d.source != nil {
		c.stepSource(d.source, source.Applied{Entries: entries(r.Receipts)})
	}
	items := make([]wire.ReceiptItem, len(r.Receipts))
	for i := range r.Receipts {
		items[i] = receiptItem(&r.Receipts[i], op.Items[i].Seq)
	}
	c.reuse(r.Receipts)
	c.acknowledge(origin, op.Ticket, items, r.Err)
}

func entries(receipts []daemon.Receipt) []source.Entry {
	list := make([]source.Entry, 0, len(receipts))
	for i := range receipts {
		if !receipts[i].Duplicate {
			list = append(list, source.Entry{Event: receipts[i].Event, Head: receipts[i].Head})
		}
	}
	return list
}

func receiptItem(r *daemon.Receipt, seq uint64) wire.ReceiptItem {
	return wire.ReceiptItem{Seq: seq, Sequence: r.Event.Link.Sequence, Duplicate: r.Duplicate, Outputs: r.Outputs}
}

// refusal is the error of a reason, nil for none.
func refusal(r wire.Reason) error {
	if r == wire.ReasonNone {
		return nil
	}
	return &wire.RemoteError{Reason: r}
}

// answerTicket answers a batch: receipts for a prefix, and a refusal if an error stopped the rest.
func (c *Core) answerTicket(ticket uint64, items []wire.ReceiptItem, err error) {
	r, ok := c.takeRoute(ticket)
	if !ok {
		return
	}
	if r.forward != nil {
		c.answerForward(r, items, err)
		return
	}
	answered := len(items)
	for len(items) > 0 {
		n := fitting(items)
		c.sendBack(r, &wire.Receipts{Origin: r.origin, Label: r.label, Epoch: c.epochOf(r.origin), Items: items[:n]})
		items = items[n:]
	}
	if err != nil && answered < len(r.items) {
		c.refuseSubmission(r, r.items[answered].Seq, err)
	}
}

// fitting is how many receipts one frame can carry; always at least one.
func fitting(items []wire.ReceiptItem) int {
	room := wire.ReceiptRoom
	for i := range items {
		room -= wire.ReceiptLen(&items[i])
		if room < 0 && i > 0 {
			return i
		}
	}
	return len(items)
}

// epochOf is the epoch under which this node answers for a daemon: the one it holds, or, for a batch that
// was forwarded and answered by its successor, the successor's.
func (c *Core) epochOf(origin uint64) uint64 {
	if d := c.daemons[origin]; d != nil {
		if d.source != nil {
			if _, committed := d.source.m.Handover(); committed {
				return d.Epoch + 1
			}
		}
		return d.Epoch
	}
	if t := c.tombstones[origin]; t != nil {
		return t.epoch
	}
	return 0
}

// answerForward answers the source of a migration for one batch that it held.
func (c *Core) answerForward(r route, items []wire.ReceiptItem, err error) {
	msg := &wire.Forwarded{Ref: r.forward.Ref, Producer: r.forward.Producer, First: r.forward.Items[0].Seq, Items: items}
	if n := fitting(items); n < len(items) {
		msg.Items = items[:n]
		err = wire.ErrNotReady // the rest is answered as duplicates when the producer asks again
	}
	if err != nil && len(msg.Items) < len(r.forward.Items) { // with a receipt for each there is nothing left to refuse
		msg.Reason = wire.ReasonOf(err)
		msg.FailedSeq = r.forward.Items[len(msg.Items)].Seq
	}
	c.send(r.peer, msg)
}

// retryAfter is what a submitter is told to wait when the daemon is only briefly not to be had.
const retryAfter = 10 * time.Millisecond

// refuseSubmission answers with an error; a daemon that has moved is answered with Moved.
func (c *Core) refuseSubmission(r route, seq uint64, err error) {
	if errors.Is(err, wire.ErrMoved) {
		c.notHere(r, seq)
		return
	}
	msg := &wire.Refused{Origin: r.origin, Label: r.label, Seq: seq, Reason: wire.ReasonOf(err), Detail: wire.ClipDetail(err.Error())}
	if msg.Reason.Retryable() {
		msg.RetryAfter = retryAfter
	}
	c.sendBack(r, msg)
}

// notHere answers for a daemon that this node does not serve: with its tombstone, or not at all known. One
// that has been handed over and whose successor has not confirmed it is neither: the submitter waits.
func (c *Core) notHere(r route, seq uint64) {
	t := c.tombstones[r.origin]
	switch {
	case c.dormant[r.origin] != nil:
		c.refuseSubmission(r, seq, fmt.Errorf("node: the daemon is being brought back from the journal: %w", wire.ErrNotReady))
		return
	case c.daemons[r.origin] != nil:
		c.refuseSubmission(r, seq, c.daemons[r.origin].away())
		return
	case t == nil:
		c.refuseSubmission(r, seq, &wire.RemoteError{Reason: wire.ReasonDaemonNotFound, Detail: "no such daemon serves at this node"})
		return
	}
	c.sendBack(r, &wire.Moved{Origin: r.origin, Label: r.label, Node: t.node, Addrs: t.addrs, Epoch: t.epoch, Handover: t.handover})
}

func (c *Core) sendBack(r route, msg wire.Message) {
	if r.peer == c.cfg.Node {
		c.send(r.peer, msg)
		return
	}
	if s := c.sessions[r.session]; s != nil {
		c.sendOn(s, msg)
	}
}

// opened answers Open.
func (c *Core) opened(op OpenProducer, o Opened) {
	r, ok := c.takeRoute(op.Ticket)
	if !ok {
		return
	}
	if o.Err != nil {
		c.refuseSubmission(r, 0, o.Err)
		return
	}
	c.sendBack(r, &wire.Opened{Origin: r.origin, Label: r.label, Since: o.Since, Last: o.Last, Epoch: o.Epoch, Key: o.Key})
}

// inspect reads a daemon of this node.
func (c *Core) inspect(in Inspect) {
	if d := c.daemons[in.Origin]; d == nil || d.committed() {
		err := wire.ErrDaemonNotFound
		switch {
		case d != nil:
			err = d.away()
		case c.dormant[in.Origin] != nil:
			err = wire.ErrNotReady
		}
		c.out.Replies = append(c.out.Replies, Reply{Request: in.Request, Err: err})
		return
	}
	c.call(in.Origin, wire.MigrationID{}, Read{Request: in.Request, Query: in.Query})
}
