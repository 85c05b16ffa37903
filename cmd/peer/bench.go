package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/bench"
	"github.com/ferrymesh/ferry/cmd/peer/client"
)

const benchLong = `Measure nodes that run: start daemons at this one, feed them at a steady rate, move each of them to the
nodes named and back, count what was lost and what was applied twice, and remove the daemons. Without NODE
they move to every node that this one knows, one after the other.

The other nodes must let this one submit, migrate-in and migrate-out, and this one must let them migrate-in.
Whether they do is found out before anything is started.

  blackout     how long nobody could serve a daemon: as the source of the move reports it, and as producers
               meet it, from the last answer of the old holder to the first of the new one, while they wait
  at rest      acknowledgments of events submitted while no daemon of the run moved
  during moves those of events submitted to a daemon while it moved, the blackout included
  lost, twice  acknowledged and not applied, applied more than once, by the daemons' own records at the end

Latencies count from when an event was due, however long the one before it took. Producers are at this node:
an answer of a daemon that is away includes the way to it and back.

Ctrl-C stops, and the daemons are removed; Ctrl-C again leaves them. Those of a run that was killed are
removed with --remove and the name of the run.

--fail-if takes a figure, one of > >= < <= == !=, and a value with its unit. If it holds at the end, the exit
code is 10, and the message says which and by how much. The figures:
`

// maxBenchNodes is how many nodes a run can move daemons to.
const maxBenchNodes = 64

// newBench is a thin command: package bench knows what to do.
func newBench(a *app) *cobra.Command {
	var f bench.Flags
	remove := ""
	cmd := &cobra.Command{
		Use: "bench [NODE]...", Short: "Measure this node and others with daemons that come and go", Args: takes(0, maxBenchNodes),
		Long: benchLong + bench.MetricsHelp(),
		Example: `  peer bench
  peer bench edge-b --state 1GiB --rate 5k --moves 20
  peer bench edge-b edge-c --daemons 50 --state 1MiB --parallel 8 --durability both
  peer bench edge-b --fail-if 'blackout_p99>50ms' --fail-if 'transfer_p50<100MiB/s' --json
  peer bench --remove bench-k3x5qa`,
		ValidArgsFunction: completing(a, slices.Repeat([]func(*app, context.Context) []string{completeNodes}, maxBenchNodes)...),
	}
	f.Add(cmd.Flags())
	cmd.Flags().StringVar(&remove, "remove", "", "remove the daemons of a run that ended without doing so, and measure nothing")
	cmd.RunE = a.with(func(ctx context.Context, c *client.Client, args []string) error {
		// A terminal that is closed, and a reader of the output that goes away, end the run like Ctrl-C: through
		// the removal of the daemons. SIGPIPE is ignored and not waited for, since a connection to the node that
		// breaks raises it too; the error of the write remains.
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		signal.Ignore(syscall.SIGPIPE)
		if remove != "" {
			return removeBench(ctx, a, c, remove)
		}
		o, err := f.Options(args, cmd.Flags().Changed)
		if err != nil {
			return err
		}
		return bench.Run(ctx, c, o, bench.Output{Out: a.out, Notes: a.err, JSON: a.json})
	})
	return cmd
}

// removal is what "peer bench --remove" prints.
type removal struct {
	Run     string `json:"run"`
	Removed int    `json:"removed"`
}

// removePatience is how long a daemon may take to come to a state in which it can be removed.
const removePatience = 30 * time.Second

// removeBench prints what it has done also if some daemons are left.
func removeBench(ctx context.Context, a *app, c *client.Client, run string) error {
	n, err := bench.Remove(ctx, c, run, removePatience)
	if n == 0 && err != nil {
		return err
	}
	return cmp.Or(err, a.print(removal{run, n}, func(w io.Writer) { fmt.Fprintf(w, "%s: %s removed\n", run, count(n, "daemon")) }))
}
