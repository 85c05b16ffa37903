package node

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// TestP6_WhatWasDelayedIsGone: batches that a throttle has let go on are not kept by the list of those that still wait. They count
// nowhere any more, and can be 16 MiB.
func TestP6_WhatWasDelayedIsGone(t *testing.T) {
	c := New(Config{Node: crypto.NodeID{1}, Boot: 1})
	c.serve(Daemon{Origin: 7, Epoch: 1})
	d := c.daemons[7]
	var payloads []weak.Pointer[[wire.MaxPayload]byte]
	for i := range 3 {
		payload := new([wire.MaxPayload]byte)
		payloads = append(payloads, weak.Make(payload))
		c.delay(d, source.Submission{Items: []wire.Submission{{Seq: 1, Payload: payload[:]}}}, time.Duration(i)*time.Second)
	}
	c.now = c.now.Add(time.Second)
	c.releaseDelayed(d)
	if n := len(c.out.Calls); n != 2 || len(d.delayed) != 1 {
		t.Fatalf("%d batches go on, %d wait", n, len(d.delayed))
	}
	c.out = Effects{} // the daemon has applied them
	runtime.GC()
	for i, want := range []bool{false, false, true} {
		if kept := payloads[i].Value() != nil; kept != want {
			t.Errorf("batch %d is kept: %v", i, kept)
		}
	}
	c.now = c.now.Add(time.Hour)
	if c.releaseDelayed(d); d.delayed != nil {
		t.Error("the list of those that wait is kept, and nobody waits")
	}
	runtime.KeepAlive(c)
}
