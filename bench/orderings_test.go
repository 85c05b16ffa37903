package main

import (
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
)

func TestEveryOrderingPutsOutEverything(t *testing.T) {
	const n = 1000
	b := &buffers{}
	for name, events := range map[string][]crypto.CausalEvent{
		"in order": disorder(n, 0, nil), "delayed": disorder(n, 16, nil), "reversed": reversed(n, nil), "random": shuffled(n, nil),
	} {
		for _, pass := range []bool{false, true} {
			if sum := runBuffer(target.NewBuffer(0, 0, 0), events, pass); sum != n*(n+1)/2 {
				t.Errorf("%s: the buffer put out sequences that sum up to %d", name, sum)
			}
			for i, make := range b.shelf() {
				if sum := run(make(), events, pass); sum != n*(n+1)/2 {
					t.Errorf("%s: %s put out sequences that sum up to %d", name, shelfNames[i], sum)
				}
			}
		}
	}
}

func TestDisorderIsBounded(t *testing.T) {
	const delay = 16
	events := disorder(1000, delay, nil)
	seen := make(map[uint64]bool)
	for i, ev := range events {
		seq := int(ev.Link.Sequence)
		if away := i + 1 - seq; away > delay || away < -delay {
			t.Errorf("event %d is %d places away from its own", seq, away)
		}
		seen[ev.Link.Sequence] = true
	}
	if len(seen) != len(events) || slices.IsSortedFunc(events, func(a, b crypto.CausalEvent) int {
		return int(a.Link.Sequence) - int(b.Link.Sequence)
	}) {
		t.Error("the events are not a disorder of 1000 different ones")
	}
}
