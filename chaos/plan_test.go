package main

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/internal/relay"
)

var errTest = errors.New("bad")

// drawn is the plan of a seed for three nodes and a client.
func drawn(seed uint64) []fault {
	p := &planner{
		rng: rand.New(rand.NewPCG(seed, 1)), nodes: []string{"a", "b", "c"}, ends: []string{"a", "b", "c", "client"},
		length: 6 * time.Second, kills: 2, disks: true,
	}
	return p.plan()
}

// TestPlansFollowFromTheSeed, are in order, stay within their time and give the rules a meaning; together they
// have every kind of fault.
func TestPlansFollowFromTheSeed(t *testing.T) {
	kinds := make(map[faultKind]int)
	for seed := range uint64(200) {
		plan := drawn(seed)
		if !reflect.DeepEqual(plan, drawn(seed)) {
			t.Fatalf("seed %d has two plans", seed)
		}
		if !slices.IsSortedFunc(plan, func(a, b fault) int { return int(a.At - b.At) }) {
			t.Errorf("seed %d: not in order: %v", seed, plan)
		}
		for _, f := range plan {
			kinds[f.Kind]++
			if err := f.Rules.Check(); err != nil || f.At < 0 || f.For < 0 || f.At+f.For > 7*time.Second || f.End == f.Other {
				t.Errorf("seed %d: %v, %v", seed, f, err)
			}
		}
	}
	if kinds[faultKill] != 400 || len(kinds) != 7 {
		t.Errorf("kinds of faults: %v", kinds)
	}
}

// TestProcessFaultsDoNotOverlap: a node that is dead cannot be stopped.
func TestProcessFaultsDoNotOverlap(t *testing.T) {
	for seed := range uint64(200) {
		var end time.Duration
		for _, f := range drawn(seed) {
			if f.Kind != faultKill && f.Kind != faultStop && f.Kind != faultFull {
				continue
			}
			if f.At < end {
				t.Errorf("seed %d: %v begins before %v", seed, f, end)
			}
			end = f.At + f.For
		}
	}
}

// TestFaultsOfTheNetworkAddUp: one that ends takes nothing away from another that goes on.
func TestFaultsOfTheNetworkAddUp(t *testing.T) {
	active := []fault{
		{End: "a", Rules: relay.Rules{Delay: 10, Loss: 0.1, Rate: 1000}},
		{End: "b", Rules: relay.Rules{Delay: 5, Loss: 0.3, Rate: 500}},
		{End: "b", Other: "a", Rules: relay.Rules{Cut: true}},
	}
	for _, c := range []struct {
		from, to string
		want     relay.Rules
	}{
		{"a", "b", relay.Rules{Delay: 15, Loss: 0.3, Rate: 500}},
		{"b", "a", relay.Rules{Delay: 15, Loss: 0.3, Rate: 500, Cut: true}},
		{"a", "c", relay.Rules{Delay: 10, Loss: 0.1, Rate: 1000}},
		{"c", "d", relay.Rules{}},
	} {
		if got := combine(active, c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %+v, want %+v", c.from, c.to, got, c.want)
		}
	}
}

func TestNamesOfPoints(t *testing.T) {
	got := names([]byte("# durable steps\nappend.before\n\n  sync.after \n"))
	if !slices.Equal(got, []string{"append.before", "sync.after"}) {
		t.Errorf("got %q", got)
	}
}
