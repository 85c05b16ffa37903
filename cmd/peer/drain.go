package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

const drainLong = `Move every daemon of this node to other nodes while they go on serving, and watch how it goes. From the first moment
this node starts no daemon and takes none in, also when all have left, until peer drain --cancel or the end of its process.

The targets are those of --to. Without it they are the nodes that were named to this one (peer serve --peer) or that may move
daemons to or from it; those it is connected to come first, and the one that has got the fewest daemons before the others. A
target that turns a daemon down is not asked for it again before all others were, and one in trouble is left alone for
a while. What may pass is tried again until the deadline; moves that are under way then go on.

Exit 0: all were moved and verified, and the node can be stopped.
Exit 11: incomplete. What is left, why, where it is and what to do is listed. The node goes on serving it.
Exit 8: a daemon is in doubt; the message says how that is resolved.
Exit 3: there is no node to move them to, and nothing was changed.
Ctrl-C stops the watching, not the drain (exit 130). While one is running, peer drain watches that one.

Before a node is stopped for good, look with peer status whether it keeps the directory.`

// drainFlags are the flags of "peer drain".
type drainFlags struct {
	req            client.DrainRequest
	detach, cancel bool
}

// newDrain leaves every limit at zero that is not given: then it contradicts no drain that is running.
func newDrain(a *app) *cobra.Command {
	var f drainFlags
	cmd := &cobra.Command{
		Use: "drain", Short: "Move all daemons of this node away, and let none in", Args: takes(0, 0), Long: drainLong,
		Example: `  peer drain
  peer drain --to edge-b,edge-c --deadline 5m
  peer drain --detach
  peer drain --cancel`,
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.req.To, "to", nil, "nodes to move the daemons to (default: see above)")
	flags.DurationVar(&f.req.Deadline, "deadline", 0, "begin no move after this long (default 10m)")
	flags.IntVar(&f.req.MaxParallel, "max-parallel", 0, "move at most this many at once (default 4)")
	flags.BoolVar(&f.detach, "detach", false, "do not watch: return when it has begun")
	flags.BoolVar(&f.cancel, "cancel", false, "begin no further move, and let daemons in again")
	for _, other := range []string{"to", "deadline", "max-parallel", "detach"} {
		cmd.MarkFlagsMutuallyExclusive("cancel", other)
	}
	complete := completing(a, completeNodes)
	_ = cmd.RegisterFlagCompletionFunc("to", func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, nil, word)
	})
	cmd.RunE = a.with(func(ctx context.Context, c *client.Client, _ []string) error {
		if f.cancel {
			return cancelDrain(ctx, a, c)
		}
		if err := f.check(cmd.Flags().Changed); err != nil {
			return err
		}
		return drain(ctx, a, c, f)
	})
	return cmd
}

// check refuses a limit that was given and limits nothing: zero would mean that none was given.
func (f drainFlags) check(given func(string) bool) error {
	switch {
	case given("deadline") && f.req.Deadline <= 0:
		return usage("--deadline is a time from now, such as 5m").Then("peer drain --help")
	case given("max-parallel") && f.req.MaxParallel <= 0:
		return usage("--max-parallel is a number of moves, 1 or more").Then("peer drain --help")
	case given("to") && len(f.req.To) == 0:
		return usage("--to names no node").Then("peer drain --help")
	}
	return nil
}

// drain begins one, or joins the one that is running if that is what was asked for.
func drain(ctx context.Context, a *app, c *client.Client, f drainFlags) error {
	d, err := c.StartDrain(ctx, f.req)
	joined := errors.Is(err, &client.Problem{Kind: "draining"})
	if joined {
		d, err = c.Drain(ctx)
	}
	if err != nil {
		return err
	}
	if f.detach {
		return a.print(d, func(w io.Writer) {
			fmt.Fprintln(w, drainHeadline(d, joined))
			a.note("watch it with: peer drain; end it with: peer drain --cancel")
		})
	}
	return followDrain(ctx, a, c, d, joined)
}

// followDrain watches to the end and prints how it ended.
func followDrain(ctx context.Context, a *app, c *client.Client, d client.Drain, joined bool) error {
	show := newDrainShow(a, d, joined)
	show.ask = func(migration string) (client.Migration, error) { return c.Migration(ctx, migration) }
	last, err := c.WatchDrain(ctx, show.update)
	if err != nil {
		return leftDrain(err, d.Node.Label())
	}
	whole := show.whole(last)
	if err := a.print(drainLine{"summary", whole, time.Since(d.Started)}, func(w io.Writer) { writeDrained(w, whole) }); err != nil {
		return err
	}
	if p := drainProblem(whole); p != nil {
		return p
	}
	return nil
}

// leftDrain completes the error of a watch that ended before the drain did.
func leftDrain(err error, node string) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	switch p.Kind {
	case "interrupted":
		return p.Now("detached: the drain of %s goes on", node).Then("peer drain to watch it again, or peer drain --cancel to end it")
	case "node_gone":
		return p.Now("unknown; if %s has ended, the daemons that had not left are in its journal, and it is not being emptied when it is back", node).
			Then("peer status")
	}
	return p
}

// cancelDrain says what it leaves behind: moves that were begun are not stopped by it.
func cancelDrain(ctx context.Context, a *app, c *client.Client) error {
	d, err := c.CancelDrain(ctx)
	if err != nil {
		return err
	}
	return a.print(d, func(w io.Writer) {
		fmt.Fprintf(w, "%s is not being emptied any more: %d of %s moved", d.Node.Label(), d.Moved, count(d.Total, "daemon"))
		if n := d.Moving + d.InDoubt; n > 0 {
			fmt.Fprintf(w, ", %d on their way", n)
		}
		fmt.Fprintln(w, "; daemons are started and taken in here again")
	})
}

// drainProblem is why the node cannot be stopped yet; nil if it can.
func drainProblem(d client.Drain) *client.Problem {
	node := d.Node.Label()
	switch {
	case d.State == client.DrainDone:
		return nil
	case d.InDoubt > 0:
		for _, e := range d.Daemons {
			if e.State == client.DrainInDoubt && e.Problem != nil {
				return client.Problemf(client.CodeInDoubt, "in_doubt", "%s in doubt: %s", count(d.InDoubt, "daemon"), e.Problem.Detail).
					Now("%s", e.Problem.Outcome).Then("%s", e.Problem.Next)
			}
		}
	}
	p := client.Problemf(client.CodeIncomplete, "incomplete", "%s", whyIncomplete(d))
	if d.State == client.DrainCancelled {
		return p.Now("they are where the list says; %s starts daemons and takes them in again", node).Then("peer drain")
	}
	return p.Now("they are where the list says; %s starts no daemon and takes none in", node).
		Then("peer drain once more when the reasons are gone, or peer drain --cancel")
}

// whyIncomplete says what has ended the drain, with how much left.
func whyIncomplete(d client.Drain) string {
	left := fmt.Sprintf("%d of %s still at %s", d.Left(), count(d.Total, "daemon"), d.Node.Label())
	switch {
	case d.State == client.DrainCancelled:
		return left + ": the drain was cancelled"
	case d.Left() == 0:
		return fmt.Sprintf("%s still on the way to %s", count(d.Arriving, "daemon"), d.Node.Label())
	case !time.Now().Before(d.Deadline):
		return left + ": the deadline has passed"
	}
	return left + ", and no target takes them"
}
