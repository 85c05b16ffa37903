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

// statusReport is what "peer status" prints.
type statusReport struct {
	client.Status
	Nodes []client.Peer `json:"nodes"`
}

// newStatus asks twice, for the node and for its neighbors; between the two things may change.
func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the running node at one glance", Args: takes(0, 0),
		Example: "  peer status\n  peer status --json",
		RunE: a.with(within(lookPatience, func(ctx context.Context, c *client.Client, _ []string) error {
			s, err := c.Status(ctx)
			if err != nil {
				return err
			}
			nodes, err := c.Peers(ctx)
			if err != nil {
				return err
			}
			return a.print(statusReport{s, nodes}, func(w io.Writer) { writeStatus(w, s, nodes) })
		})),
	}
}

// writeStatus prints the lines that call for an action only when there is one.
func writeStatus(w io.Writer, s client.Status, nodes []client.Peer) {
	fmt.Fprintf(w, "%s  up %s  %s  %d moving  %s\n", nodeText(s.Node), ago(time.Since(s.Started)),
		count(s.Daemons, "daemon"), s.Moving, count(s.Peers, "peer"))
	fmt.Fprintf(w, "listens on %s  durability %s  boot %d  kinds %s\n", strings.Join(s.Addrs, " "), s.Durability, s.Boot, strings.Join(s.Kinds, " "))
	fmt.Fprintf(w, "journal %s of log, %s of snapshots\n", size(uint64(s.Journal.LogBytes)), size(uint64(s.Journal.SnapshotBytes)))
	writeJournalState(w, s)
	if s.InDoubt > 0 {
		fmt.Fprintf(w, "%s in doubt: peer migration ls\n", count(s.InDoubt, "migration"))
	}
	if s.Drain != nil {
		writeDraining(w, *s.Drain)
	}
	if s.Warning != "" {
		fmt.Fprintf(w, "warning: %s\n", printable(s.Warning))
	}
	if s.Pending > 0 {
		fmt.Fprintf(w, "%s turned away: peer node ls --pending\n", count(s.Pending, "unknown caller"))
	}
	if len(nodes) > 0 {
		fmt.Fprintln(w)
		writeNodes(w, nodes)
	}
}

// writeJournalState says what the journal cannot do at present, and what it was not asked to do.
func writeJournalState(w io.Writer, s client.Status) {
	if s.Journal.DiskError != "" {
		fmt.Fprintf(w, "disk error: %s\nnothing is acknowledged until the disk takes writes again; nothing is lost: make room in the data directory\n", printable(s.Journal.DiskError))
	}
	if s.Recovering > 0 {
		fmt.Fprintf(w, "%s being brought back from the journal\n", count(s.Recovering, "daemon"))
	}
	if s.Damaged > 0 {
		fmt.Fprintf(w, "%s cannot be brought back: peer daemon ls\n", count(s.Damaged, "daemon"))
	}
	if s.InMemory > 0 {
		fmt.Fprintf(w, "%s of durability memory: gone when this process ends, unless moved away before\n", count(s.InMemory, "daemon"))
	}
}
