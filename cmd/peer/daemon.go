package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// newDaemon is the group of commands about daemons of the node that is asked.
func newDaemon(a *app) *cobra.Command {
	return group("daemon", "Start, see and end daemons", "  peer daemon spawn kv notes\n  peer daemon ls\n  peer daemon show notes --query 'keys'",
		newDaemonSpawn(a), newDaemonLs(a), newDaemonShow(a), newDaemonStop(a))
}

// newDaemonLs lists what serves, what is on its way back from the journal, and what left.
func newDaemonLs(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the daemons of this node, and those that left it", Args: takes(0, 0),
		Example: "  peer daemon ls\n  peer daemon ls --json",
		RunE: a.with(within(lookPatience, func(ctx context.Context, c *client.Client, _ []string) error {
			list, err := c.Daemons(ctx)
			if err != nil {
				return err
			}
			return printList(a, list, "no daemon has been here: start one with peer daemon spawn KIND NAME", "DAEMON\tKIND\tSTATE\tDURABILITY\tEPOCH\tSEQUENCE\tHOLDER\tID", daemonRow)
		})),
	}
}

// daemonRow leaves cells empty of which nothing is known: what a node remembers of the sequence of a daemon
// that left is from before the move, and would be read as loss.
func daemonRow(d client.Daemon) string {
	epoch, seq := number(d.Epoch), number(d.Sequence)
	if d.Epoch == 0 {
		epoch = ""
	}
	if d.Head == "" {
		seq = ""
	}
	return cells(d.Name, d.Kind, d.State, d.Durability, epoch, seq, d.Holder.Label(), shortID(d.ID))
}

// newDaemonShow has one flag for each thing that a script wants alone on standard output.
func newDaemonShow(a *app) *cobra.Command {
	var query string
	var public bool
	cmd := &cobra.Command{
		Use: "show DAEMON", Short: "Show one daemon, or ask it something", Args: takes(1, 1),
		Long: `Show one daemon of this node.

--query asks the daemon itself, without an event, and prints its answer; "peer daemon spawn --help" lists
what each kind can be asked. --public-key prints the key that the daemon was born with, which is what
"peer verify --key" takes.`,
		Example:           "  peer daemon show notes\n  peer daemon show notes --query 'get color'\n  peer daemon show notes --public-key > notes.pub",
		ValidArgsFunction: completing(a, completeDaemons),
	}
	cmd.Flags().StringVar(&query, "query", "", "ask the daemon and print its answer")
	cmd.Flags().BoolVar(&public, "public-key", false, "print the key that the daemon was born with")
	cmd.MarkFlagsMutuallyExclusive("query", "public-key")
	cmd.RunE = a.with(within(workPatience, func(ctx context.Context, c *client.Client, args []string) error {
		if cmd.Flags().Changed("query") {
			return ask(ctx, a, c, args[0], query)
		}
		d, err := c.Daemon(ctx, args[0])
		if err != nil {
			return err
		}
		return a.print(d, func(w io.Writer) {
			if public {
				fmt.Fprintln(w, d.PublicKey)
				return
			}
			writeDaemon(w, d)
		})
	}))
	return cmd
}

// ask prints what a daemon answers. The answers of the built-in kinds are JSON already.
func ask(ctx context.Context, a *app, c *client.Client, daemon, query string) error {
	answer, err := c.Inspect(ctx, daemon, []byte(query))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", a.shown(string(answer)))
	return err
}

// writeDaemon prints what people compare between nodes: id, epoch, sequence and head; and what to do, if there
// is something.
func writeDaemon(w io.Writer, d client.Daemon) {
	t := newTable(w, cells("daemon", d.Label()))
	t.row(cells("id", d.ID))
	t.row(cells("origin", d.Origin))
	t.row(cells("kind", d.Kind))
	t.row(cells("state", d.State))
	if d.Durability != "" {
		t.row(cells("durability", d.Durability))
	}
	if d.Epoch > 0 {
		t.row(cells("holder", nodeText(d.Holder)))
		t.row(cells("epoch", fmt.Sprintf("%d (%s so far)", d.Epoch, count(d.Handovers, "move"))))
	}
	if d.Expires != nil {
		t.row(cells("remembered", "for "+ago(time.Until(*d.Expires))))
	}
	if d.Head != "" {
		t.row(cells("sequence", number(d.Sequence)))
		t.row(cells("head", d.Head))
	}
	if d.Migration != "" {
		t.row(cells("migration", shortID(d.Migration)))
	}
	if p := d.Problem; p != nil {
		t.row(cells("why", p.Detail))
		t.row(cells("now", p.Outcome))
		t.row(cells("next", p.Next))
	}
	_ = t.flush()
}

// newDaemonStop does not ask whether that is meant: a script could not answer, and the help says what it does.
func newDaemonStop(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "stop DAEMON", Short: "End a daemon for good", Args: takes(1, 1),
		Long: `End a daemon for good: its state is dropped and its key is wiped, so nobody can serve it any more. To take
it off this node alive, move it with peer migrate.`,
		Example:           "  peer daemon stop notes",
		ValidArgsFunction: completing(a, completeDaemons),
		RunE: a.with(within(workPatience, func(ctx context.Context, c *client.Client, args []string) error {
			d, err := c.Stop(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(d, func(w io.Writer) {
				fmt.Fprintf(w, "%s has ended at sequence %s, epoch %d\n", d.Label(), number(d.Sequence), d.Epoch)
			})
		})),
	}
}

// completeDaemons offers the names of daemons to a shell.
func completeDaemons(a *app, ctx context.Context) []string {
	c, err := a.client()
	if err != nil {
		return nil
	}
	defer c.Close()
	list, _ := c.Daemons(ctx)
	var names []string
	for _, d := range list {
		names = append(names, fmt.Sprintf("%s\t%s, %s", d.Label(), d.Kind, d.State))
	}
	return names
}

// completing offers words for the first argument, the second, and so on. It asks the running node and
// offers nothing if there is none.
func completing(a *app, words ...func(*app, context.Context) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(words) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = fromEnv(cmd.Flags())
		return words[len(args)](a, ctx), cobra.ShellCompDirectiveNoFileComp
	}
}

// completingFlag offers words for a flag, whatever arguments there are already.
func completingFlag(a *app, words func(*app, context.Context) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return completing(a, words)(cmd, nil, begun)
	}
}
