package peer

import (
	"sync/atomic"
	"time"

	"github.com/ferrymesh/ferry/node"
)

// A copy and the daemon it is of share the processors, and a copy that takes all it can get keeps them from whoever waits for an
// acknowledgment. While events come in, the copy therefore keeps to a rate that leaves room; with none it runs free.
const (
	busyRate = 64 << 20               // bytes per second
	busyFor  = 100 * time.Millisecond // how long a daemon counts as busy after an event
	// busyMost is how many bytes of events a copy gives way to. Whatever has been submitted since the view waits for the
	// target, so that a copy must not be slow when there is much of it.
	busyMost = 16 << 20
)

// eventCost is what an event takes beside its payload, in bytes.
const eventCost = 256

// traffic counts the events of a daemon that is being copied.
type traffic struct{ bytes atomic.Int64 }

// submitted counts a batch for whoever copies its daemon.
func (c *copies) submitted(origin uint64, op node.Apply) {
	if c.running.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.live[origin]; t != nil {
		n := 0
		for i := range op.Items {
			n += len(op.Items[i].Payload) + eventCost
		}
		t.bytes.Add(int64(n))
	}
}

// busy is a copy's look at its daemon's traffic. It is for one goroutine.
type busy struct {
	traffic *traffic
	seen    int64
	at      time.Time // when something new was seen
}

// now reports whether the copy should give way.
func (b *busy) now(t time.Time) bool {
	n := b.traffic.bytes.Load()
	if n != b.seen {
		b.seen, b.at = n, t
	}
	return n > 0 && n < busyMost && t.Sub(b.at) < busyFor
}
