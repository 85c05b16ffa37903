package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
)

// newDaemonSpawn names the kinds that are built in; the node that is asked may be of another version and
// know others, so the name is checked there.
func newDaemonSpawn(a *app) *cobra.Command {
	var durability string
	cmd := &cobra.Command{
		Use: "spawn KIND [NAME]", Short: "Start a new daemon", Args: takes(1, 2),
		Long: "Start a new daemon at this node: a new identity, at the beginning of its log.\n\n" + durabilityHelp +
			"\n\nThe kinds, what to submit to them and what to ask them:\n" + kindsHelp(),
		Example: "  peer daemon spawn kv notes\n  peer daemon spawn ledger bank --durability both",
		ValidArgsFunction: completing(a, func(*app, context.Context) []string {
			return kinds.Names()
		}),
		RunE: a.with(within(workPatience, func(ctx context.Context, c *client.Client, args []string) error {
			name := ""
			if len(args) == 2 {
				name = args[1]
			}
			d, err := c.SpawnWith(ctx, client.SpawnRequest{Kind: args[0], Name: name, Durability: durability})
			if err != nil {
				return err
			}
			return a.print(d, func(w io.Writer) {
				fmt.Fprintf(w, "%s  %s  %s  at %s  durability %s\n", d.Label(), d.Kind, shortID(d.ID), d.Holder.Label(), d.Durability)
			})
		})),
	}
	cmd.Flags().StringVar(&durability, "durability", "", durabilityFlag+" (default: the node's)")
	_ = cmd.RegisterFlagCompletionFunc("durability", cobra.FixedCompletions(levels(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// kindsHelp describes the built-in kinds.
func kindsHelp() string {
	var b strings.Builder
	for _, name := range kinds.Names() {
		fmt.Fprintf(&b, "\n%s: %s\n", name, kinds.Help(name))
	}
	return strings.TrimSuffix(b.String(), "\n")
}
