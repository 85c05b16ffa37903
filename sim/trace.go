package sim

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// logInput adds what a core is told to the trace.
func (c *Cluster) logInput(l *life, in node.Input) {
	if c.opt.Trace == nil && !c.opt.Hash {
		return
	}
	switch in := in.(type) {
	case node.Frame:
		peer := "?"
		if e := l.ends[in.Session]; e != nil {
			peer = e.other.life.Name
		}
		c.log("%s < %s %s", l.Name, peer, c.describe(in))
	case node.Done:
		c.log("%s done %T %s", l.Name, in.Call.Op, result(in.Result))
	case node.Submit:
		c.log("%s submit %d to %s %q", l.Name, in.Request, c.logs[in.Origin].daemon.Name, in.Label)
	case node.Serve, node.Learn:
	case node.SessionUp:
		c.log("%s up %d %s", l.Name, in.Session, c.name(in.Peer))
	case node.SessionDown:
		c.log("%s down %d", l.Name, in.Session)
	case node.Copied:
		c.log("%s copied %x %d %v %v", l.Name, in.Migration[:2], in.Bytes, in.Done, in.Err)
	case node.Tick:
		c.log("%s tick", l.Name)
	default:
		c.log("%s %T", l.Name, in)
	}
}

func (c *Cluster) describe(f node.Frame) string {
	msg, err := wire.Decode(f.Header, f.Body)
	if err != nil {
		return fmt.Sprintf("%v %v", f.Header.Type, err)
	}
	text := msg.Type().String()
	if r, ok := msg.(wire.Referring); ok {
		id := r.Reference().Migration
		text += fmt.Sprintf(" %x", id[:2])
	}
	switch msg := msg.(type) {
	case *wire.Status:
		text += fmt.Sprintf(" %v", msg.Phase)
	case *wire.Final:
		text += fmt.Sprintf(" %d at %d", msg.Attempt.Count, msg.Head.Sequence)
	case *wire.ReplayComplete:
		text += fmt.Sprintf(" %d at %d", msg.Attempt.Count, msg.Head.Sequence)
	case *wire.Progress:
		text += fmt.Sprintf(" %d +%d", msg.Head.Sequence, msg.Buffered)
	case *wire.BufferedEvents:
		text += run(msg.Events, func(ev crypto.CausalEvent) uint64 { return ev.Link.Sequence })
	case *wire.Submit:
		text += run(msg.Items, func(s wire.Submission) uint64 { return s.Seq })
	case *wire.Forward:
		text += run(msg.Items, func(s wire.Submission) uint64 { return s.Seq })
	case *wire.Receipts:
		text += run(msg.Items, func(r wire.ReceiptItem) uint64 { return r.Seq })
	case *wire.Refused:
		text += fmt.Sprintf(" %d %v", msg.Seq, msg.Reason)
	case *wire.MigrationFailed:
		text += fmt.Sprintf(" %v: %s", msg.Reason, msg.Detail)
	case *wire.SessionError:
		text += fmt.Sprintf(" %v %v: %s", msg.Subject, msg.Reason, msg.Detail)
	case *wire.Answer:
		text += fmt.Sprintf(" %v %d", msg.State, msg.Attempt.Count)
	case *wire.Moved:
		text += fmt.Sprintf(" to %s at %d", c.name(msg.Node), msg.Epoch)
	}
	return text
}

// run describes a list by its length and the number of its first item. A liar's can be empty.
func run[T any](items []T, number func(T) uint64) string {
	if len(items) == 0 {
		return " 0"
	}
	return fmt.Sprintf(" %d from %d", len(items), number(items[0]))
}

// result names an error in a result, if there is one.
func result(r any) string {
	switch r := r.(type) {
	case node.Applied:
		if r.Err == nil {
			return fmt.Sprintf("%d", len(r.Receipts))
		}
		return fmt.Sprintf("%d %v", len(r.Receipts), r.Err)
	case target.Restored:
		if r.Err != nil {
			return r.Err.Error()
		}
	case node.Opened:
		return fmt.Sprintf("%d %v", r.Last, r.Err)
	}
	return ""
}

func (c *Cluster) logCall(l *life, call node.Call, r any) {
	if c.opt.Trace != nil || c.opt.Hash {
		c.log("%s runs %T %x %s", l.Name, call.Op, call.Migration[:2], result(r))
	}
}
