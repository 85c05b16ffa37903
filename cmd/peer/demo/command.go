package demo

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

const long = `Start three nodes on this machine, let a producer feed a daemon without a pause, move the daemon from
node to node meanwhile, kill a target in the middle of a copy once, and count what was lost and what was
applied twice. Takes well under half a minute with the defaults and leaves nothing behind.

Exits with 0 only if every line that it prints holds.

  blackout   how long nobody could serve the daemon: from its freeze at the source to the word of the
             target that it serves
  lost       events of the producer that the daemon's own record does not have; twice, those it has more
             than once

With --json the last line on standard output is one object of the type "summary". After a failure the logs of the
nodes are kept, and the summary says where.`

// Command returns the command "demo". Its errors are client.Problems. It expects the flag --json among
// those of the commands above it.
func Command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a daemon move between three nodes while it is used",
		Long:  long,
		Example: "  peer demo\n  peer demo --state 1GiB --rate 20k --keep\n" +
			"  peer demo --kind wordcount --input \"$(go env GOROOT)/src\" --json",
		Args: noArgs,
	}
	f.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		// It is there on every real command line; without it there is nothing to ask for.
		f.json, _ = cmd.Flags().GetBool("json")
		o, err := f.options(cmd.Flags().Changed)
		if err != nil {
			return err
		}
		// A reader of the output that goes away, and a terminal that is closed, end the run like Ctrl-C:
		// through the clean-up.
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
		defer stop()
		return run(ctx, o, &report{out: cmd.OutOrStdout(), json: o.json})
	}
	return cmd
}

// noArgs refuses arguments, which mean nothing here.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("peer demo takes flags only, and was given %q", args[0])
	}
	return nil
}

// interrupted is the error of a run that was told to end.
func interrupted() error {
	return client.Problemf(client.CodeInterrupted, "interrupted", "the demo was interrupted").
		Now("its nodes have been ended and its files removed")
}
