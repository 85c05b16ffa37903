package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// line is a migration as a line of JSON: type "progress" while it runs, "summary" at the end.
type line struct {
	Type string `json:"type"`
	client.Migration
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
}

// follow watches a migration, shows how it goes, and prints how it ended. A migration in doubt can be that
// for long; leave says that the watch ends there.
func follow(ctx context.Context, a *app, c *client.Client, m client.Migration, began time.Time, leave bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	show := newProgress(a)
	show.begin(m)
	last, err := c.Watch(ctx, m.ID, func(m client.Migration) {
		if m.Outcome == client.OutcomeInDoubt && leave {
			stop()
		}
		if m.Outcome == "" || !m.Final() && !leave {
			show.update(m)
		}
	})
	show.end()
	if last.Outcome == client.OutcomeInDoubt && leave {
		err = last.Err()
	}
	if !last.Final() && (last.Outcome == "" || ends(err, "node_gone") || ends(err, "interrupted")) {
		return unfinished(err, m)
	}
	return cmp.Or(err, printOutcome(a, last, since(began)))
}

// ends reports whether a watch has ended by a problem of a kind.
func ends(err error, kind string) bool { return errors.Is(err, &client.Problem{Kind: kind}) }

// since is how long a move took that was watched from its beginning, and zero for one that had ended before.
func since(began time.Time) time.Duration {
	if began.IsZero() {
		return 0
	}
	return time.Since(began)
}

// unfinished completes the error of a watch that ended before the migration did.
func unfinished(err error, m client.Migration) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	switch p.Kind {
	case "interrupted":
		return p.Now("the migration of %s goes on", m.Label()).Then("peer migration watch %s", shortID(m.ID))
	case "node_gone":
		return p.Now("unknown here: %s is at %s or at %s; if it was in memory only, it may have ended with its node", m.Label(), m.Source.Label(), m.Target.Label()).
			Then("peer daemon ls, at %s", m.Target.Label())
	}
	return p
}

// printOutcome prints the end of a migration. For one that has not moved, the error says the rest.
func printOutcome(a *app, m client.Migration, elapsed time.Duration) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(line{"summary", m, elapsed})
	}
	if m.Outcome == client.OutcomeMoved {
		writeMoved(a.out, m, elapsed)
	}
	return nil
}

// writeMoved says what a move has cost. That nothing was lost and nothing applied twice is not a hope: the
// target has activated with the very digest of the log that the source was frozen at, and the table of
// producers is part of what it replayed.
func writeMoved(w io.Writer, m client.Migration, elapsed time.Duration) {
	fmt.Fprint(w, "moved and verified: ")
	if m.Stats.Blackout > 0 { // else nobody has told this node of the figures: they are the source's
		fmt.Fprintf(w, "blackout %s, %s events replayed, ", span(m.Stats.Blackout), number(m.Stats.EventsDuring))
	}
	fmt.Fprint(w, "0 lost, 0 twice")
	if elapsed > 0 {
		fmt.Fprintf(w, ", %s in all", span(elapsed))
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "passport: peer migration proof %s -o %s\n", shortID(m.ID), client.Quote(strings.ReplaceAll(m.Label(), "/", "_")+".passport"))
}
