package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/wire"
)

// newMigration is the group of commands about moves.
func newMigration(a *app) *cobra.Command {
	return group("migration", "See, stop and prove moves", "  peer migration ls\n  peer migration watch 5f2k\n  peer migration proof --daemon notes -o notes.passport",
		newMigrationLs(a), newMigrationShow(a), newMigrationWatch(a), newMigrationCancel(a), newMigrationProof(a))
}

// newMigrationLs prints outcomes and reasons side by side, since what went wrong is what is looked for.
func newMigrationLs(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the moves that this node takes or took part in, oldest first", Args: takes(0, 0),
		Example: "  peer migration ls\n  peer migration ls --json",
		RunE: a.with(within(lookPatience, func(ctx context.Context, c *client.Client, _ []string) error {
			list, err := c.Migrations(ctx)
			if err != nil {
				return err
			}
			return printList(a, list, "no migration is remembered here: start one with peer migrate DAEMON NODE", "MIGRATION\tDAEMON\tFROM\tTO\tSTATE\tBLACKOUT\tSTARTED\tDETAIL", func(m client.Migration) string {
				return cells(shortID(m.ID), m.Label(), m.Source.Label(), m.Target.Label(), stateText(m), blackout(m), ago(time.Since(m.Started))+" ago", m.Detail)
			})
		})),
	}
}

// stateText is the outcome, or the phase of a migration that has none.
func stateText(m client.Migration) string {
	if m.Outcome != "" {
		return m.Outcome
	}
	return m.Phase
}

// blackout is empty for a move that had none, and not zero, which none can have.
func blackout(m client.Migration) string {
	if m.Stats.Blackout == 0 {
		return ""
	}
	return span(m.Stats.Blackout)
}

// newMigrationShow exits with 0 for a move that failed as well: it was asked about, not for.
func newMigrationShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show MIGRATION", Short: "Show one move", Args: takes(1, 1),
		Example:           "  peer migration show 5f2k",
		ValidArgsFunction: completing(a, completeMigrations),
		RunE: a.with(within(lookPatience, func(ctx context.Context, c *client.Client, args []string) error {
			m, err := c.Migration(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(m, func(w io.Writer) { writeMigration(w, m) })
		})),
	}
}

// writeMigration ends with what to do, if there is something.
func writeMigration(w io.Writer, m client.Migration) {
	t := newTable(w, cells("migration", m.ID))
	t.row(cells("daemon", m.Label()))
	t.row(cells("from", nodeText(m.Source)))
	t.row(cells("to", nodeText(m.Target)))
	t.row(cells("asked by", nodeText(m.Orchestrator)))
	t.row(cells("started", m.Started.Local().Format(time.RFC3339)))
	t.row(cells("phase", m.Phase+" ("+m.State+")"))
	t.row(cells("outcome", m.Outcome))
	t.row(cells("snapshot", fmt.Sprintf("%s of %s sent", size(m.Stats.SnapshotSent), size(m.Stats.SnapshotBytes))))
	t.row(cells("events", fmt.Sprintf("%s during the move, %s to replay", number(m.Stats.EventsDuring), number(m.Stats.Lag))))
	t.row(cells("blackout", blackout(m)))
	if p := m.Problem; p != nil {
		t.row(cells("why", p.Detail))
		t.row(cells("now", p.Outcome))
		t.row(cells("next", p.Next))
	}
	_ = t.flush()
}

// newMigrationWatch can be left and taken up again at will; it changes nothing.
func newMigrationWatch(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "watch MIGRATION", Short: "Follow a move to its end", Args: takes(1, 1),
		Long:              "Follow a move to its end. The exit code is that of peer migrate. One in doubt is followed on until that is resolved.",
		Example:           "  peer migration watch 5f2k\n  peer migration watch 5f2k --json",
		ValidArgsFunction: completing(a, completeMigrations),
		RunE: a.with(func(ctx context.Context, c *client.Client, args []string) error {
			m, err := c.Migration(ctx, args[0])
			if err != nil {
				return err
			}
			began := m.Started
			if m.Final() {
				began = time.Time{} // how long ago that was is not how long it took
			}
			return follow(ctx, a, c, m, began, false)
		}),
	}
}

// newMigrationCancel waits for what came of it. A wish that came too late is an error, since the daemon is
// not where whoever cancelled expects it.
func newMigrationCancel(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "cancel MIGRATION", Short: "Stop a move that is not yet committed", Args: takes(1, 1),
		Long: `Stop a move, as far as it has not been committed, and print what came of it: exit 0 if the daemon stays where
it was, exit 4 if the move was too far to be stopped. Exit 8: that is not known yet; a source that has fallen silent
is told again and again, and peer migration watch prints what came of it.`,
		Example:           "  peer migration cancel 5f2k",
		ValidArgsFunction: completing(a, completeMigrations),
		RunE: a.with(func(ctx context.Context, c *client.Client, args []string) error {
			m, err := c.Cancel(ctx, args[0])
			if err != nil {
				return err
			}
			return cancelled(ctx, a, c, m)
		}),
	}
}

// cancelled waits for what came of a wish to cancel. A migration in doubt can be that for long, and is not waited for.
func cancelled(ctx context.Context, a *app, c *client.Client, m client.Migration) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	last, err := c.Watch(ctx, m.ID, func(m client.Migration) {
		if m.Outcome == client.OutcomeInDoubt {
			stop()
		}
	})
	switch last.Outcome {
	case client.OutcomeInDoubt:
		return last.Err()
	case client.OutcomeStayed:
		how := "not moved" // it had ended, or was about to, for another reason
		if last.Reason == wire.ReasonCancelled.String() {
			how = "cancelled"
		}
		return a.print(last, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %s is still at %s and serving\n", how, last.Label(), last.Source.Label())
		})
	case client.OutcomeMoved:
		return client.Problemf(client.CodeRefused, "committed", "the migration was committed before it could be stopped").
			Now("%s serves at %s", last.Label(), last.Target.Label()).Then("peer migration show %s", shortID(last.ID))
	}
	return err
}

// completeMigrations offers the ids of migrations to a shell.
func completeMigrations(a *app, ctx context.Context) []string {
	c, err := a.client()
	if err != nil {
		return nil
	}
	defer c.Close()
	list, _ := c.Migrations(ctx)
	var ids []string
	for _, m := range list {
		ids = append(ids, fmt.Sprintf("%s\t%s to %s, %s", shortID(m.ID), m.Label(), m.Target.Label(), stateText(m)))
	}
	return ids
}
