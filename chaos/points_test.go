package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// TestKillsNeedSteps: a program that names no durable step is not tested by killing it at them.
func TestKillsNeedSteps(t *testing.T) {
	for _, program := range []string{"/bin/true", "/bin/false"} {
		var out bytes.Buffer
		code := run(t.Context(), []string{"-killpoints", "-kills", "1", "-peer", program, "-keep", t.TempDir()}, &out, &out)
		if code != 1 || !strings.Contains(out.String(), "the durable steps at which nodes can die") {
			t.Errorf("%s: exit code %d:\n%s", program, code, out.String())
		}
	}
}

// TestStepsMustBeReached: at some step a node must have died, and at each that was tried often.
func TestStepsMustBeReached(t *testing.T) {
	steps := []string{"one", "two"}
	for name, c := range map[string]struct {
		died, tried [2]int
		want        string // in the error, "" for none
	}{
		"both":              {[2]int{1, 1}, [2]int{9, 1}, ""},
		"one tried seldom":  {[2]int{1, 0}, [2]int{1, enoughTries - 1}, ""},
		"one tried often":   {[2]int{1, 0}, [2]int{1, enoughTries}, `the step "two"`},
		"none tried seldom": {[2]int{0, 0}, [2]int{1, 1}, "any of 2 steps"},
	} {
		total := totals{points: map[string]int{"one": c.died[0], "two": c.died[1]}, tried: map[string]int{"one": c.tried[0], "two": c.tried[1]}}
		if err := total.reached(steps); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestKillsAreSharedOut: no cluster gets more than its share, and none but a few.
func TestKillsAreSharedOut(t *testing.T) {
	for left, want := range map[int]int{1: 1, 20: 20, 21: 11, 30: 15, 500: 20} {
		if got := share(left); got != want {
			t.Errorf("of %d: %d, want %d", left, got, want)
		}
	}
}

// TestARunCountsIfEverythingMoved: one in which a daemon stayed where it was has shown nothing of it.
func TestARunCountsIfEverythingMoved(t *testing.T) {
	moved := func(kind string, times int) *subject {
		d := client.Daemon{Kind: kind}
		s := &subject{daemon: d, mover: newMover(nil, d, 1)}
		for range times {
			s.mover.count(route{"a", "b"}, client.OutcomeMoved)
		}
		return s
	}
	for _, c := range []struct {
		kv, words, ops int
		want           string
	}{
		{1, 1, leastOps, ""}, {0, 9, leastOps, "the kv never moved"}, {9, 0, leastOps, "the wordcount never moved"}, {9, 9, leastOps - 1, "only 99 operations"},
	} {
		if got := void([]*subject{moved("kv", c.kv), moved("wordcount", c.words)}, c.ops); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
