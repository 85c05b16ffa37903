package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// bench is one run.
type bench struct {
	o       Options
	c       *client.Client
	run     string
	home    client.Node
	targets []client.Node
	show    *show

	subjects  []*subject
	figures   *figures
	moves     atomic.Int32 // how many daemons move at present
	load      *load        // nil before it has begun
	collector *collector
}

// Run measures, prints the report and removes its daemons, also after ctx has ended. The error is that of
// what went wrong, else that of a condition that holds.
func Run(ctx context.Context, c *client.Client, o Options, out Output) error {
	b := &bench{o: o, c: c, run: newRun(), show: &show{Output: out}, figures: newFigures()}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	b.collector = newCollector(c, b.home.ID, o.Timeout)
	ending, stop := insistent(ctx, func() { b.show.note(" stopping  Ctrl-C again leaves the daemons where they are") })
	defer stop()
	began := time.Now()
	err := b.measure(ctx, ending)
	r := b.report()
	if b.load != nil {
		err = cmp.Or(err, b.verify(ending, &r.Events))
	}
	left := b.collector.remove(ending, b.daemons())
	r.Elapsed, r.Complete = time.Since(began), err == nil && ctx.Err() == nil
	if r.Complete {
		r.judge(o.Conditions)
	}
	var written error
	if b.load != nil {
		written = r.Write(out.Out, out.JSON)
	}
	return cmp.Or(b.conclude(ctx, r, err, left), written)
}

// measure starts the daemons, feeds them and moves them. When it returns, nothing is submitted any more, and nothing is
// awaited.
func (b *bench) measure(ctx, ending context.Context) error {
	if err := b.spawn(ctx); err != nil {
		return err
	}
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The streams outlive a Ctrl-C, though not the next: what was submitted is waited for, so that it can be checked.
	streams, fail := context.WithCancelCause(ending)
	defer fail(nil)
	b.load = &load{o: b.o, c: b.c, subjects: b.subjects, figures: b.figures, moves: &b.moves}
	b.load.fail = func(err error) {
		fail(err)
		cancel(err)
	}
	b.load.start(streams)
	err := b.rounds(working)
	b.load.stop()
	if cause := context.Cause(streams); cause != nil {
		return cause // whatever the moves say is its consequence
	}
	return err
}

// report collects what is known before the daemons are asked.
func (b *bench) report() *Report {
	r := &Report{
		Type: "summary", Run: b.run, Home: b.home.Label(), Targets: b.targetNames(), Kind: b.o.Kind, Daemons: b.o.Daemons,
		State: b.o.State, Producers: b.o.Producers, Rate: b.o.Rate, Findings: []Finding{},
	}
	if len(b.subjects) > 0 {
		r.Durability = b.subjects[0].daemon.Durability
	}
	if b.load != nil {
		b.figures.fill(r, b.load.ended.Sub(b.load.began))
	}
	return r
}

// judge holds the conditions against the report.
func (r *Report) judge(conditions []Condition) {
	for _, c := range conditions {
		if f, holds := c.Check(r); holds {
			r.Findings = append(r.Findings, f)
		}
	}
}

// targetNames is what the targets are called.
func (b *bench) targetNames() (names []string) {
	for _, t := range b.targets {
		names = append(names, t.Label())
	}
	return names
}

// daemons are those that were started.
func (b *bench) daemons() (list []client.Daemon) {
	for _, s := range b.subjects {
		list = append(list, s.daemon)
	}
	return list
}

// conclude chooses the error of a run: what stopped it, then what was found in it, then what was left of it.
func (b *bench) conclude(ctx context.Context, r *Report, err error, left []leftover) error {
	p := b.problem(ctx, r, err)
	switch {
	case p == nil && len(left) > 0:
		return leftBehind(left).Then("%s", removal(b.run, left))
	case p == nil:
		return nil
	case len(left) > 0:
		return p.Now("%s", leftText(left)).Then("%s", removal(b.run, left))
	case len(b.subjects) > 0:
		p.Now("the daemons of the run have been removed")
	}
	if strings.Contains(p.Next, b.run) {
		p.Next = "" // of a daemon that is not there any more
	}
	return p
}

// problem is what went wrong, nil if nothing has.
func (b *bench) problem(ctx context.Context, r *Report, err error) *client.Problem {
	var quiet *stalled
	switch {
	case errors.As(err, &quiet):
		return b.diagnose(ctx, quiet.s)
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, &client.Problem{Kind: "interrupted"})):
		return client.Problemf(client.CodeInterrupted, "interrupted", "interrupted")
	case err != nil:
		return wrap(err)
	case r.Events.Lost+r.Events.Twice+r.Events.Wrong > 0:
		return client.Problemf(client.CodeError, "not_exactly_once", "of %s acknowledged events %s are lost, %s were applied twice and %s otherwise wrong",
			comma(r.Events.Acknowledged), comma(r.Events.Lost), comma(r.Events.Twice), comma(r.Events.Wrong))
	case len(r.Findings) > 0:
		var parts []string
		for _, f := range r.Findings {
			parts = append(parts, f.String())
		}
		return client.Problemf(client.CodeThreshold, "threshold", "%s", strings.Join(parts, "; "))
	}
	return nil
}

// wrap is a problem with what was done in front of its detail.
func wrap(err error) *client.Problem {
	var p *client.Problem
	if !errors.As(err, &p) {
		return client.Problemf(client.CodeError, "error", "%v", err)
	}
	w := *p
	w.Detail = err.Error()
	return &w
}

// diagnose asks the node why a daemon has fallen silent: it alone can know.
func (b *bench) diagnose(ctx context.Context, s *subject) *client.Problem {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	at := b.place(s.at)
	p := client.Problemf(client.CodeDeadline, "deadline", "no event of %s, which is at %s, has been acknowledged for %s", s.daemon.Label(), at.Label(), span(b.o.Timeout))
	status, err := b.c.Status(ctx)
	switch {
	case err != nil:
		p.Detail += fmt.Sprintf(": %s does not answer: %v", b.home.Label(), err)
	case status.Journal.DiskError != "":
		p.Detail += fmt.Sprintf(": the disk of %s takes nothing: %s", b.home.Label(), status.Journal.DiskError)
	case s.at >= 0:
		p.Detail += b.silentTarget(ctx, at)
	}
	return p.Then("peer status, at %s", at.Label())
}

// silentTarget says what the node knows of its session with a target.
func (b *bench) silentTarget(ctx context.Context, at client.Node) string {
	peers, err := b.c.Peers(ctx)
	if err != nil {
		return ""
	}
	for _, p := range peers {
		if p.ID == at.ID && p.State != "connected" {
			return fmt.Sprintf(": %s is not connected with %s: %s", b.home.Label(), at.Label(), cmp.Or(p.LastError, "no reason is known"))
		}
	}
	return ""
}
