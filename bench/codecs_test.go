package main

import (
	"testing"

	"github.com/ferrymesh/ferry/bench/codecs/mp"
	"github.com/ferrymesh/ferry/bench/codecs/pb"
)

// What is compared must be the same events in all codecs.
func TestCodecsCarryTheSameEvents(t *testing.T) {
	c, err := newCodecs()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := c.proto.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	packed, err := c.msgp.MarshalMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	var proto pb.Batch
	var tuple mp.Batch
	if err := proto.UnmarshalVT(encoded); err != nil {
		t.Fatal(err)
	}
	if _, err := tuple.UnmarshalMsg(packed); err != nil {
		t.Fatal(err)
	}
	for i, ev := range c.batch.Events {
		p, m := proto.Events[i], tuple.Events[i]
		if p.Sequence != ev.Link.Sequence || m.Sequence != ev.Link.Sequence || m.Parent != ev.Link.Parent || string(p.Payload) != string(m.Payload) {
			t.Errorf("event %d differs: %v, %v", i, p, m)
		}
	}
}
