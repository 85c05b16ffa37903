// Chaos runs three real nodes behind bad networks, submits events to daemons that never stay long in one
// place, breaks the nodes meanwhile, and checks that none of it shows: every history of a key-value daemon is
// linearizable, every acknowledged event is in the log exactly once, every epoch has one holder, and the
// passport says so too.
//
//	chaos -runs 20 -seed 1          histories under faults, one cluster each
//	chaos -killpoints -kills 500    nodes that die in the middle of their durable steps
//
// A run follows from its seed as far as real processes can: the faults, their order and their times, the fate
// of packets and the operations are drawn from it; what the scheduler does is not.
//
// It needs Linux: nodes die with this process, and as root each gets a small disk of its own, which can be full.
//
//	plan      draws the faults
//	cluster   the nodes as processes, and the relays between them
//	nemesis   carries out the plan
//	mover     moves the daemons without a pause
//	kvload    the operations of a history; auditload, events by the window
//	model     what a key-value daemon may answer, for the linearizability checker
//	settle    waits for the end of every migration
//	check     everything that has to hold at the end
//	points    the named steps at which a node can be made to die
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	seed       uint64
	runs       int
	nodes      int
	kills      int
	killpoints bool
	points     string
	level      string
	peer       string
	keep       string
	length     time.Duration
	print      bool
}

// flags reads the command line.
func flags(args []string, errs io.Writer) (o options, err error) {
	set := flag.NewFlagSet("chaos", flag.ContinueOnError)
	set.SetOutput(errs)
	set.Uint64Var(&o.seed, "seed", 1, "seed of the first run; the next ones count on")
	set.IntVar(&o.runs, "runs", 20, "how many histories to make")
	set.IntVar(&o.nodes, "nodes", 3, "how many nodes a cluster has")
	set.IntVar(&o.kills, "kills", -1, "nodes to kill: in each run (default 2), or with -killpoints in all (default 500)")
	set.BoolVar(&o.killpoints, "killpoints", false, "kill nodes at the named durable steps and at random moments, and nothing else")
	set.StringVar(&o.points, "points", "", "file with the names of the durable steps, one a line (default: ask the program)")
	set.StringVar(&o.level, "durability", "", "of the daemons: memory (nothing is killed), every-event, both (default: the last two in turn)")
	set.StringVar(&o.peer, "peer", "", "the peer program (default: build it from the module around this one)")
	set.StringVar(&o.keep, "keep", "", "directory for what failing runs leave behind (default: a temporary one)")
	set.DurationVar(&o.length, "length", 6*time.Second, "how long the faults of a run go on")
	set.BoolVar(&o.print, "print", false, "print what happens while it does")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	switch {
	case set.NArg() > 0:
		return o, fmt.Errorf("chaos takes flags only, and was given %q", set.Args())
	case o.runs < 1 || o.nodes < 2 || o.nodes > 9 || o.length <= 0:
		return o, errors.New("chaos: -runs must be positive, -nodes from 2 to 9, -length positive")
	case !slices.Contains([]string{"", inMemory, "every-event", "both"}, o.level):
		return o, fmt.Errorf("chaos: -durability %q promises nothing that could be checked: memory, every-event or both", o.level)
	}
	return o, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0 if everything held, 1 if something did not or nothing was tested, 2 for a
// command line that means nothing.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := flags(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errs, err)
		return 2
	}
	h, err := newHarness(ctx, o, out)
	if err == nil {
		defer h.close()
		err = h.runAll(ctx)
	}
	if err != nil {
		fmt.Fprintln(errs, "chaos:", err)
		return 1
	}
	if !h.total.good() {
		return 1
	}
	return 0
}
