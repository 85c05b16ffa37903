package demo

import (
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

func TestHalfCopied(t *testing.T) {
	for _, c := range []struct {
		sent, size uint64
		outcome    string
		want       bool
	}{
		{0, 0, "", false}, {49, 100, "", false}, {50, 100, "", true}, {99, 100, "", true},
		{100, 100, "", false}, {51, 101, "", true}, {50, 101, "", false}, {60, 100, client.OutcomeStayed, false},
	} {
		m := client.Migration{Outcome: c.outcome, Stats: client.Stats{SnapshotSent: c.sent, SnapshotBytes: c.size}}
		if got := halfCopied(m); got != c.want {
			t.Errorf("%d of %d, outcome %q: got %v", c.sent, c.size, c.outcome, got)
		}
	}
}

// TestJudge: a step is good only if it led to what it was meant to lead to, and only a move counts as one.
func TestJudge(t *testing.T) {
	attempt, normal := step{from: 1, to: 2, kill: true}, step{from: 1, to: 2}
	for _, c := range []struct {
		step    step
		killed  bool
		outcome string
		problem string
	}{
		{attempt, true, client.OutcomeStayed, ""},
		{attempt, false, client.OutcomeMoved, "not killed"},
		{attempt, false, client.OutcomeStayed, "not killed"},
		{attempt, true, client.OutcomeMoved, `"moved", not "stayed"`},
		{attempt, true, client.OutcomeInDoubt, `"in_doubt", not "stayed"`},
		{normal, false, client.OutcomeMoved, ""},
		{normal, false, client.OutcomeStayed, `"stayed", not "moved"`},
		{normal, false, client.OutcomeInDoubt, `"in_doubt", not "moved"`},
	} {
		s := script{epoch: 5}
		m := move{killed: c.killed, outcome: c.outcome}
		s.judge(&m, c.step)
		if (m.problem == "") != (c.problem == "") || !strings.Contains(m.problem, c.problem) {
			t.Errorf("%+v, %s: got %q, want %q", c.step, c.outcome, m.problem, c.problem)
		}
		if moved := s.epoch == 6; moved != (c.problem == "" && !c.step.kill) {
			t.Errorf("%+v, %s: epoch %d afterwards", c.step, c.outcome, s.epoch)
		}
	}
}

func TestCap(t *testing.T) {
	for size, want := range map[uint64]uint64{0: 1, 1: 1, 64 << 20: 32 << 20} {
		s := script{size: size}
		if got := s.cap(); got != want {
			t.Errorf("%d bytes: got %d bytes/s, want %d", size, got, want)
		}
	}
}
