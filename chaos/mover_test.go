package main

import (
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// TestMovesAreCountedByWhatTheyProve: what nobody has heard the end of may have moved; what was refused has not.
func TestMovesAreCountedByWhatTheyProve(t *testing.T) {
	m := newMover(nil, client.Daemon{}, 1)
	for _, outcome := range []string{
		client.OutcomeMoved, client.OutcomeMoved, client.OutcomeStayed, client.OutcomeInDoubt, client.OutcomeLost,
		notSeen, notHeard + "deadline", notAsked + "same_node",
	} {
		m.count(route{"a", "b"}, outcome)
	}
	if got, want := m.asked[route{"a", "b"}], (told{moved: 2, unclear: 3, lost: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if m.outcomes[client.OutcomeMoved] != 2 || m.outcomes[client.OutcomeStayed] != 1 {
		t.Error(m.outcomes)
	}
}

// TestOnlyARefusalBeginsNothing: a request whose answer was lost may have begun a migration.
func TestOnlyARefusalBeginsNothing(t *testing.T) {
	for p, want := range map[*client.Problem]bool{
		{Code: client.CodeRefused, Kind: "already_migrating"}: true,
		{Code: client.CodeUnknown, Kind: "unknown_daemon"}:    true,
		{Code: client.CodeUnreachable, Kind: "no_node"}:       true,
		{Code: client.CodeUnreachable, Kind: "recovering"}:    true,
		{Code: client.CodeUnreachable, Kind: "node_gone"}:     false,
		{Code: client.CodeDeadline, Kind: "deadline"}:         false,
		{Code: client.CodeInterrupted, Kind: "interrupted"}:   false,
	} {
		if refused(p) != want {
			t.Errorf("%s: refused %v", p.Kind, !want)
		}
	}
	if refused(errors.New("broken")) {
		t.Error("an error of another kind is no refusal")
	}
}
