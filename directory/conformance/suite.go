package conformance

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/wire"
)

// Backend is a directory under test.
type Backend struct {
	directory.Directory
	// Reopen closes the directory and opens what it has kept. It is nil for one
	// that keeps nothing.
	Reopen func() directory.Directory
}

// Run holds the backend that open makes, empty each time, to the contract.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"Unknown", (*suite).unknown},
		{"Register", (*suite).register},
		{"Commit", (*suite).commit},
		{"Abort", (*suite).abort},
		{"AbortEndsWithItsEpoch", (*suite).abortEnds},
		{"StaleEpoch", (*suite).stale},
		{"Evidence", (*suite).evidence},
		{"Limits", (*suite).limits},
		{"Force", (*suite).force},
		{"RaceOfAttempts", (*suite).raceOfAttempts},
		{"RaceOfDecisions", (*suite).raceOfDecisions},
		{"RaceOfBirths", (*suite).raceOfBirths},
		{"Watch", (*suite).watch},
		{"WatchEnds", (*suite).watchEnds},
		{"Reopen", (*suite).reopen},
		{"LostAnswers", (*suite).lostAnswers},
		{"Cancelled", (*suite).cancelled},
		{"SameAsMemory", (*suite).sameAsMemory},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&suite{T: t, Backend: open(t), ctx: t.Context()}) })
	}
}

type suite struct {
	*testing.T
	Backend
	ctx context.Context
}

// fails demands an error of a class.
func (s *suite) fails(err, want error, what string) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s: %v, want %v", what, err, want)
	}
}

// equal demands two equal values.
func (s *suite) equal(got, want any, what string) {
	s.Helper()
	if !reflect.DeepEqual(got, want) {
		s.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// born registers a new daemon.
func (s *suite) born(number uint64) *Daemon {
	s.Helper()
	d := NewDaemon(s.T, number)
	if _, err := s.Register(s.ctx, d.Birth()); err != nil {
		s.Fatalf("register: %v", err)
	}
	return d
}

// claims makes a claim that must be answered.
func (s *suite) claims(c directory.Claim, want wire.Decision) directory.Outcome {
	s.Helper()
	out, err := s.Claim(s.ctx, c)
	if err != nil || out.Decision != want || out.Attempt != c.Attempt() {
		s.Fatalf("claim of %s for %v: %+v, %v, want %s", c.Decision, c.Attempt(), out, err, want)
	}
	return out
}

// moves moves a daemon and lets it follow.
func (s *suite) moves(d *Daemon, to int) directory.Outcome {
	s.Helper()
	out := s.claims(d.Move(to), wire.DecisionCommit)
	d.Accept(out.Cert)
	return out
}

// at demands that the directory knows what the daemon's passport says.
func (s *suite) at(d *Daemon, what string) directory.Entry {
	s.Helper()
	e, err := s.Lookup(s.ctx, d.Origin())
	if err != nil {
		s.Fatalf("%s: lookup: %v", what, err)
	}
	if e.Entity != d.Genesis.Entity || e.Epoch != d.Epoch() || e.Holder != d.holder() || e.Key != d.Passport.Key() || e.Previous != d.Passport.Previous() {
		s.Errorf("%s: entry %+v, want epoch %d at %s", what, e, d.Epoch(), d.holder())
	}
	return e
}
