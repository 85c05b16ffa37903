package node

import "github.com/ferrymesh/ferry/wire"

// At durability both an event is acknowledged when it is durable here and, while a target replays, there as
// well: then the loss of this node's disk loses nothing that was acknowledged (protocol §7.1.1).

// uncovered is an acknowledgment that waits until the target has reported the entry.
type uncovered struct {
	ticket  uint64
	through uint64 // the highest sequence in items
	items   []wire.ReceiptItem
	err     error
}

// acknowledge answers a batch that is durable here.
func (c *Core) acknowledge(origin, ticket uint64, items []wire.ReceiptItem, err error) {
	d := c.daemons[origin]
	if d == nil || d.source == nil || d.Durability < wire.DurabilityBoth {
		c.answerTicket(ticket, items, err)
		return
	}
	u := uncovered{ticket: ticket, items: items, err: err}
	for _, it := range items {
		u.through = max(u.through, it.Sequence)
	}
	d.uncovered = append(d.uncovered, u)
	d.unreported.add(u)
	c.releaseCovered(d.source)
}

// releaseCovered answers what the target has, in order; everything, when no target replays any more.
func (c *Core) releaseCovered(e *sourceEntry) {
	d := e.d
	if d.source != nil && d.source != e {
		return // a late word about a migration that has ended says nothing of the one that runs
	}
	through, waits := e.m.Covered()
	n := 0
	for n < len(d.uncovered) && (!waits || e.ended || d.uncovered[n].through <= through) {
		n++
	}
	due := d.uncovered[:n]
	d.uncovered = d.uncovered[n:]
	for _, u := range due {
		d.unreported.remove(u)
		c.answerTicket(u.ticket, u.items, u.err)
	}
	clear(due) // the list goes on in the same memory, and must not keep the outputs
	if len(d.uncovered) == 0 {
		d.uncovered = nil
	}
}
