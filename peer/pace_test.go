package peer

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// A copy gives way while events of its daemon come in and for a while after, but not to those of another daemon, and not once
// so many wait for the target that it had better be done.
func TestCopyGivesWayToItsDaemon(t *testing.T) {
	var c copies
	const origin = 7
	traffic, stop := c.watch(origin)
	b := busy{traffic: traffic}
	at := time.Unix(1000, 0)
	one := node.Apply{Items: []wire.Submission{{Payload: make([]byte, 100)}}}
	c.submitted(origin+1, one)
	if b.now(at) {
		t.Error("it gives way to another daemon")
	}
	c.submitted(origin, one)
	if !b.now(at) || !b.now(at.Add(busyFor-1)) || b.now(at.Add(busyFor)) {
		t.Error("it does not give way for as long as it should")
	}
	for traffic.bytes.Load() < busyMost {
		c.submitted(origin, node.Apply{Items: []wire.Submission{{Payload: make([]byte, wire.MaxPayload)}}})
	}
	if b.now(at) {
		t.Errorf("it gives way with %d bytes of events behind it", traffic.bytes.Load())
	}
	stop()
	if c.submitted(origin, one); len(c.live) != 0 || c.running.Load() != 0 {
		t.Error("something is left of a copy that has ended")
	}
}
