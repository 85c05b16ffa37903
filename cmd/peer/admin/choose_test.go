package admin

import (
	"errors"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

func TestChoose(t *testing.T) {
	list := []choice[int]{
		{value: 1, name: "bank", ids: []string{"ab12", "ff01"}},
		{value: 2, name: "bank", ids: []string{"ab99", "ff02"}, lesser: true},
		{value: 3, name: "bankrupt", ids: []string{"cd00", "ff03"}},
		{value: 4, ids: []string{"ba77", "ff04"}},
		{value: 5, name: "twin", ids: []string{"01", "0a"}},
		{value: 6, name: "twin", ids: []string{"02", "0b"}},
	}
	for _, c := range []struct {
		arg  string
		want int
		kind string // of the problem
	}{
		{"bank", 1, ""}, // in full, and the other gives way
		{"bankr", 3, ""},
		{"ab9", 2, ""},
		{"ab12", 1, ""},
		{"ff03", 3, ""},
		{"ba7", 4, ""},
		{"ban", 0, "ambiguous"},
		{"ff", 0, "ambiguous"},
		{"twin", 0, "ambiguous"},
		{"nobody", 0, "unknown_thing"},
		{"", 0, "unknown_thing"},
	} {
		got, err := choose("thing", c.arg, list)
		if c.kind == "" && (err != nil || got != c.want) {
			t.Errorf("%q: got %d, %v, want %d", c.arg, got, err, c.want)
		}
		if c.kind != "" && !errors.Is(err, &client.Problem{Kind: c.kind}) {
			t.Errorf("%q: got %d, %v, want %s", c.arg, got, err, c.kind)
		}
	}
}

// TestChooseInFull: to change something, the beginning of a name is not enough, however alone it is, nor a few digits
// of an id or of a fingerprint.
func TestChooseInFull(t *testing.T) {
	list := []choice[int]{
		{value: 1, name: "job-10", ids: []string{"ab12ab12ab12", "ff01"}},
		{value: 2, name: "20260101-daily", ids: []string{"cd00cd00cd00", "ff02"}},
		{value: 3, name: "edge", ids: []string{"SHA256:abcdefghijkl", "abcdefghijkl"}, lesser: true},
	}
	for arg, want := range map[string]int{
		"job-10": 1, "ab12ab12ab12": 1, "ff02": 2, "edge": 3, "ab12ab12": 1, "SHA256:abcdefgh": 3, "abcdefgh": 3,
		"job-1": 0, "ab12ab1": 0, "20260101": 0, "SHA256:": 0, "SHA256:abcdefg": 0, "edg": 0, "nothing": 0, "": 0,
	} {
		got, err := chooseInFull("thing", arg, list)
		if got != want || (err == nil) != (want > 0) || err != nil && !errors.Is(err, &client.Problem{Kind: "unknown_thing"}) {
			t.Errorf("%q: got %d, %v, want %d", arg, got, err, want)
		}
	}
}

// TestChooseListsTheCandidates, in an order that does not change.
func TestChooseListsTheCandidates(t *testing.T) {
	_, err := choose("daemon", "n", []choice[int]{
		{name: "notes", ids: []string{"83ad5c"}}, {name: "notebook", ids: []string{"12"}}, {ids: []string{"n0"}},
	})
	if want := `"n" could be any of 3 daemons: n0, notebook (12), notes (83ad5c)`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	many := make([]choice[int], 40)
	for i := range many {
		many[i] = choice[int]{ids: []string{strings.Repeat("a", i+1)}}
	}
	if _, err := choose("daemon", "aa", many[2:]); err == nil || len(err.Error()) > 600 || !strings.Contains(err.Error(), "any of 38") {
		t.Errorf("got %v", err)
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"": true, "bank-7": true, "größe": true, "two words": false, "a/b": false, "\x1b[1m": false, "bad\xff": false,
		strings.Repeat("x", 64): true, strings.Repeat("x", 65): false,
	} {
		if got := checkName(name) == nil; got != ok {
			t.Errorf("%q: %v", name, got)
		}
	}
}
