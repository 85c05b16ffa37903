package sim

import (
	"encoding/binary"

	"github.com/ferrymesh/ferry/node"
)

// read is a query of a node's own user that is not answered yet.
type read struct {
	origin uint64
	acked  uint64 // what some producer had been told when it was asked
}

// Read asks a daemon of the node for its whole tape. Only the holder may answer, and with everything that was
// acknowledged before the question.
func (n *Node) Read(origin uint64) {
	id := n.c.nextID()
	n.life.reads[id] = read{origin: origin, acked: n.c.logs[origin].acked}
	n.life.step(node.Inspect{Request: id, Origin: origin})
}

// hasRead checks the answer to a query. What it shows counts as told to somebody: it must not disappear.
func (l *life) hasRead(reply node.Reply) {
	q := l.reads[reply.Request]
	delete(l.reads, reply.Request)
	j, last := l.c.logs[q.origin], uint64(0)
	if reply.Err != nil || j.wild {
		return
	}
	if n := len(reply.Data); n >= entryLen {
		last = binary.BigEndian.Uint64(reply.Data[n-entryLen:])
	}
	if last < q.acked {
		l.c.Failf("%s reads %s through %d, and %d had been acknowledged before it asked", l.Name, j.daemon.Name, last, q.acked)
	}
	j.acked = max(j.acked, last)
}
