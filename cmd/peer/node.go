package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// newNode is the group of commands about other nodes.
func newNode(a *app) *cobra.Command {
	return group("node", "See the other nodes", "  peer node ls\n  peer node ls --pending", newNodeLs(a))
}

// newNodeLs shows the rights that the file gives now.
func newNodeLs(a *app) *cobra.Command {
	pending := false
	cmd := &cobra.Command{
		Use: "ls", Short: "List the nodes that this one knows", Args: takes(0, 0),
		Long: `List the nodes that this one knows: those it is connected to, those named with --peer, and those in its
file of authorized peers. RIGHTS are what a node may do here.

With --pending, list the callers that were turned away because nobody has authorized their keys.`,
		Example: "  peer node ls\n  peer node ls --pending --json",
		RunE: a.with(within(lookPatience, func(ctx context.Context, c *client.Client, _ []string) error {
			if pending {
				return listPending(ctx, a, c)
			}
			list, err := c.Peers(ctx)
			if err != nil {
				return err
			}
			return printList(a, list, "no other node is known: name one with peer serve --peer, or let one in with peer key authorize", nodeHeader, nodeRow)
		})),
	}
	cmd.Flags().BoolVar(&pending, "pending", false, "list unknown callers that were turned away")
	return cmd
}

// nodeHeader names the columns of nodeRow.
const nodeHeader = "NODE\tSTATE\tADDRESS\tRIGHTS\tFINGERPRINT\tLAST ERROR"

// nodeRow prefers the address that a node is connected from to the one it could be dialed at.
func nodeRow(p client.Peer) string {
	addr := p.Remote
	if addr == "" {
		addr = strings.Join(p.Addrs, ",")
	}
	return cells(p.Name, p.State, addr, p.Rights, p.Fingerprint, p.LastError)
}

// writeNodes is the same table for "peer status".
func writeNodes(w io.Writer, list []client.Peer) {
	t := newTable(w, nodeHeader)
	for _, p := range list {
		t.row(nodeRow(p))
	}
	_ = t.flush()
}

// listPending prints the key in full, because that is what has to be compared and given on. A command to paste is printed for a
// caller that is alone: of many, the one at hand may be anybody's who has called last.
func listPending(ctx context.Context, a *app, c *client.Client) error {
	list, err := c.Pending(ctx)
	if err != nil {
		return err
	}
	err = printList(a, list, "nobody unknown has called", "FINGERPRINT\tFROM\tATTEMPTS\tLAST\tKEY", func(p client.Pending) string {
		return cells(p.Fingerprint, p.Remote, p.Attempts, ago(time.Since(p.Last))+" ago", p.Key)
	})
	switch len(list) {
	case 0:
	case 1:
		a.note("if its operator reads you %s, let it in with: peer key authorize %s --name NAME", list[0].Fingerprint, client.Quote(list[0].Key))
	default:
		a.note("let in the one whose operator reads you its fingerprint, with: peer key authorize KEY --name NAME")
	}
	return err
}

// completeNodes offers the names of nodes to a shell.
func completeNodes(a *app, ctx context.Context) []string {
	c, err := a.client()
	if err != nil {
		return nil
	}
	defer c.Close()
	list, _ := c.Peers(ctx)
	var names []string
	for _, p := range list {
		names = append(names, fmt.Sprintf("%s\t%s", p.Label(), p.State))
	}
	return names
}
