package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// TestDrainLines: each event of a daemon is one line, also those of which only the last state was told, and what was told is not
// told again.
func TestDrainLines(t *testing.T) {
	bravo, charlie := client.Node{Name: "bravo"}, client.Node{Name: "charlie"}
	at := time.Now()
	one := client.DrainDaemon{Origin: "1", Name: "one", State: client.DrainWaiting, Changed: at}
	long := client.DrainDaemon{Origin: "2", Name: "longer", State: client.DrainWaiting, Changed: at}
	d := client.Drain{Node: client.Node{Name: "alpha"}, State: client.DrainRunning, Total: 2, Targets: []client.Node{bravo, charlie}, MaxParallel: 4}
	d.Daemons = []client.DrainDaemon{one, long}
	failed := one
	failed.Failures, failed.FailedAt, failed.FailedWhy = 1, charlie, "kind x is unknown there"
	trying, later, stays, moved := failed, failed, failed, failed
	trying.State, trying.Target = client.StateMoving, bravo
	later.Again = at.Add(2 * time.Second)
	stays.State, stays.Problem = client.DrainStays, client.Problemf(client.CodeStayed, "", "one was not moved: everything")
	moved.State, moved.Target, moved.Blackout = client.DrainMoved, bravo, 5*time.Millisecond
	other := long
	other.State, other.Problem = client.DrainStays, client.Problemf(client.CodeStayed, "", "longer is of a kind that is gone")
	const why = "[0/2] one    -> charlie  still at alpha and serving: kind x is unknown there; "
	for _, c := range []struct {
		now  client.DrainDaemon
		want []string
	}{
		{one, nil},
		{failed, []string{why + "waiting for its turn"}},
		{trying, []string{why + "trying bravo"}},
		{later, []string{why + "trying again in 2.00 s"}},
		{stays, []string{why + "no other target is left"}},
		{moved, []string{"[1" + why[2:] + "tried bravo", "[1/2] one    -> bravo    moved and verified, blackout 5.0 ms"}},
		{other, []string{"[0/2] longer is of a kind that is gone; it stays"}},
	} {
		var errs bytes.Buffer
		s := newDrainShow(&app{err: &errs}, d, true)
		errs.Reset()
		change := d
		change.Daemons = []client.DrainDaemon{c.now}
		s.update(change)
		s.update(change)
		var got []string
		for line := range strings.Lines(errs.String()) {
			got = append(got, strings.TrimSpace(line[len("12:00:01 "):]))
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// TestDrainsBecomeExitCodes: everything gone is 0, a daemon in doubt 8, and all else 11, with the state and a command.
func TestDrainsBecomeExitCodes(t *testing.T) {
	doubt := client.DrainDaemon{State: client.DrainInDoubt, Problem: client.Problemf(client.CodeInDoubt, "in_doubt", "x").Now("frozen").Then("peer migration watch x")}
	for _, c := range []struct {
		d    client.Drain
		code int
	}{
		{client.Drain{State: client.DrainDone, Total: 2, Moved: 1, Ended: 1}, client.CodeDone},
		{client.Drain{State: client.DrainIncomplete, Total: 2, Moved: 1}, client.CodeIncomplete},
		{client.Drain{State: client.DrainIncomplete, Total: 2, Moved: 2, Arriving: 1}, client.CodeIncomplete},
		{client.Drain{State: client.DrainCancelled, Total: 2, Moved: 1}, client.CodeIncomplete},
		{client.Drain{State: client.DrainIncomplete, Total: 2, Moved: 1, InDoubt: 1, Daemons: []client.DrainDaemon{{}, doubt}}, client.CodeInDoubt},
	} {
		code := client.CodeDone
		if p := drainProblem(c.d); p != nil {
			if code = p.Code; p.Outcome == "" || p.Next == "" {
				t.Errorf("%+v", p)
			}
		}
		if code != c.code {
			t.Errorf("%+v: exit code %d, want %d", c.d, code, c.code)
		}
	}
}
