package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

const migrateLong = `Move a daemon to another node while it goes on serving, and watch how it goes.

Exit 0: it serves at the target, and the target has proven that it has the same log to the last event.
Exit 7: it is still at the source and serving, as if nothing had happened; the message says why.
Exit 3, 4 or 5: the move was turned down before anything was sent, and nothing was changed.
Exit 8: in doubt. It is committed and not confirmed, and nobody serves it until the handover reaches the target;
or, with --from, the source fell silent, and serves it or has committed it. The message says what is known.
Exit 1 if it is lost: it was in memory only, and its process has died.
Ctrl-C stops the watching, not the move.`

// migrateFlags are the flags of "peer migrate".
type migrateFlags struct {
	req    client.MigrateRequest
	rate   string
	detach bool
}

// newMigrate leaves every limit at zero that is not given: the source knows its own defaults best.
func newMigrate(a *app) *cobra.Command {
	var f migrateFlags
	cmd := &cobra.Command{
		Use: "migrate DAEMON NODE", Short: "Move a daemon to another node while it serves", Args: takes(2, 2), Long: migrateLong,
		Example: `  peer migrate notes edge-b
  peer migrate notes edge-b --max-blackout 20ms --max-rate 50MiB
  peer migrate notes edge-c --from edge-b
  peer migrate notes edge-b --detach`,
		ValidArgsFunction: completing(a, completeDaemons, completeNodes),
		RunE: a.with(func(ctx context.Context, c *client.Client, args []string) error {
			f.req.Daemon, f.req.Target = args[0], args[1]
			return migrate(ctx, a, c, f)
		}),
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.req.MaxBlackout, "max-blackout", 0, "do not cut over while a longer blackout is predicted (default: the source's)")
	flags.DurationVar(&f.req.Stall, "stall", 0, "give up after this long without progress (default: the source's)")
	flags.DurationVar(&f.req.Timeout, "timeout", 0, "give up after this long altogether (default: the source's)")
	flags.StringVar(&f.rate, "max-rate", "", "send the state no faster than this per second, such as 50MiB (default: no limit)")
	flags.StringVar(&f.req.From, "from", "", "node that has the daemon, if it is not this one; it must have given this node the right migrate-out")
	_ = cmd.RegisterFlagCompletionFunc("from", completingFlag(a, completeNodes))
	flags.BoolVar(&f.detach, "detach", false, "do not watch: print the migration and return")
	return cmd
}

// migrate counts the time from before the request, as whoever waits for it does.
func migrate(ctx context.Context, a *app, c *client.Client, f migrateFlags) error {
	if f.rate != "" {
		n, err := humanize.ParseBytes(f.rate)
		if err != nil || n == 0 {
			return usage("--max-rate %q is not a number of bytes per second, such as 50MiB", f.rate).Then("peer migrate --help")
		}
		f.req.MaxRate = n
	}
	began := time.Now()
	m, err := c.Migrate(ctx, f.req)
	if err != nil {
		return err
	}
	if f.detach {
		return a.print(m, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n", m.ID)
			a.note("%s is on its way to %s; follow it with: peer migration watch %s", m.Label(), m.Target.Label(), shortID(m.ID))
		})
	}
	return follow(ctx, a, c, m, began, true)
}
