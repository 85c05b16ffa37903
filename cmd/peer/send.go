package main

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

const sendLong = `Submit events to a daemon, wherever it is by now, and wait for the receipts. An event with a receipt stays
in the daemon's log, whoever holds it later.

DATA is one event. With - or without DATA, each line of standard input is one.

A producer is told from others by --id. With --seq the events are numbered from there on: the same id and
number are the same event, so a command that was interrupted can be repeated as it is, and nothing is
applied twice. The daemon knows the newest 64 numbers of each producer by heart; one that is older is refused,
whether or not it was applied. Without --seq the node counts: number all events of an id, or none.`

// sendFlags are the flags of "peer send".
type sendFlags struct {
	daemon, label, via string
	data               *string // nil for standard input
	count              int
	seq                uint64
	numbered           bool // by seq; otherwise the node counts
	rate               float64
	timeout            time.Duration
}

// newSend always goes over a stream, for one event as for a million, so that both behave alike.
func newSend(a *app) *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use: "send DAEMON [DATA|-]", Short: "Submit events to a daemon, wherever it is", Args: takes(1, 2), Long: sendLong,
		Example: `  peer send notes 'put color blue'
  peer send notes 'incr visits' --count 1000 --rate 200
  peer send notes 'put paid yes' --id cashier --seq 17
  peer send notes - < commands.txt`,
		ValidArgsFunction: completing(a, completeDaemons),
	}
	flags := cmd.Flags()
	cmd.RunE = a.with(func(ctx context.Context, c *client.Client, args []string) error {
		f.daemon, f.numbered = args[0], flags.Changed("seq")
		if len(args) == 2 && args[1] != "-" {
			f.data = &args[1]
		}
		if err := f.check(); err != nil {
			return err
		}
		return send(ctx, a, c, f)
	})
	flags.IntVar(&f.count, "count", 1, "submit DATA this often")
	flags.Float64Var(&f.rate, "rate", 0, "submit no more than this many events per second (default: no limit)")
	flags.StringVar(&f.label, "id", "", "name of the producer")
	flags.Uint64Var(&f.seq, "seq", 0, "number of the first event; the next ones count on (default: the node counts)")
	flags.StringVar(&f.via, "via", "", "a node that knows the daemon, if this one does not")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "give up when no receipt has come for this long")
	return cmd
}

// check refuses what could only surprise.
func (f *sendFlags) check() error {
	p := func(format string, args ...any) error { return usage(format, args...).Then("peer send --help") }
	switch {
	case f.count < 1 || f.rate < 0 || math.IsNaN(f.rate) || f.timeout <= 0:
		return p("--count and --timeout must be positive, --rate must not be negative")
	case f.data == nil && f.count != 1:
		return p("--count repeats DATA, and standard input was given instead")
	case f.seq > math.MaxUint64-uint64(f.count):
		return p("--seq %d leaves no number for the next event", f.seq)
	case f.numbered && f.seq == 0:
		// The node takes 0 for the wish that it counts: it would give the event a number that is somebody's next.
		return p("--seq: numbers begin at 1")
	case f.numbered && f.label == "":
		// Under the nameless producer the node counts for everybody: a number chosen here could be one
		// that is taken, and the event would be acknowledged as a repeat of another.
		return p("--seq needs --id: numbers mean something only to the producer that chose them")
	}
	return nil
}

// limiter is nil without a limit.
func (f *sendFlags) limiter() *rate.Limiter {
	if f.rate == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(f.rate), 1)
}

// send feeds and collects at the same time: neither the node nor a pipe holds all events of a long input.
func send(ctx context.Context, a *app, c *client.Client, f sendFlags) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := c.Stream(ctx, f.daemon, f.label, f.via)
	defer s.Close()
	r := newReceipts(a, f)
	fed := make(chan error, 1)
	go func() { fed <- feed(ctx, a, s, r, f) }()
	if err := r.collect(ctx, s); err != nil {
		return err
	}
	return cmp.Or(<-fed, r.summarize()) // both happen: what was acknowledged before the input failed is told
}
