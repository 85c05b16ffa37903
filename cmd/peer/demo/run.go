package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
)

// session is who takes part in a run.
type session struct {
	nodes    []string
	daemon   client.Daemon // as it was born
	origin   uint64
	producer crypto.ProducerID
}

// nodeNames are the three nodes; the daemon is born on the first.
var nodeNames = []string{"alpha", "bravo", "charlie"}

// daemonName is what the daemon is called on every node.
const daemonName = "tour"

// run is the whole demo. Whatever happens, the processes and files are gone when it returns, except for the
// nodes' logs after a failure.
func run(ctx context.Context, o options, r *report) error {
	f, total, err := openFeed(o)
	if err != nil {
		return usagef("%v", err)
	}
	defer f.close()
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		return err
	}
	began := time.Now()
	c, err := newCluster(ctx, nodeNames, o.durability, key.ID())
	if err != nil {
		return finish(ctx, c, err)
	}
	producer, err := newProducerNode(key, c.members)
	if err != nil {
		return finish(ctx, c, err)
	}
	defer producer.Close()
	return finish(ctx, c, tour(ctx, tourOf{o: o, r: r, c: c, producer: producer, feed: f, total: total, began: began}))
}

// openFeed prepares the events, and how many bytes of them there are; 0 if they do not end.
func openFeed(o options) (feed, int64, error) {
	if o.input == "" {
		f, err := newGenerated(o)
		return f, 0, err
	}
	in, err := openInput(o.input)
	if err != nil {
		return nil, 0, err
	}
	return in, in.total, nil
}

// finish cleans up after a run that ended with err, and says where the logs are if there is a reason to
// read them.
func finish(ctx context.Context, c *cluster, err error) error {
	var failed *client.Problem
	stopped := ctx.Err() != nil && err != nil && !(errors.As(err, &failed) && failed.Kind == failedKind)
	// After an interruption there is nothing to look for in the logs.
	logs, cleanup := c.close(err != nil && !stopped)
	switch {
	case stopped:
		err = interrupted()
	case logs != "":
		err = withLogs(err, logs)
	}
	return errors.Join(err, cleanup)
}

// tourOf is what a tour needs.
type tourOf struct {
	o        options
	r        *report
	c        *cluster
	producer *peer.Peer
	feed     feed
	total    int64
	began    time.Time
}

// tour lets the daemon live, travel and be counted.
func tour(ctx context.Context, t tourOf) error {
	s, err := t.birth(ctx)
	if err != nil {
		return err
	}
	l := newLoad(t.producer, s.origin, t.c.members[0], t.o.rate)
	if err := l.open(ctx, t.o); err != nil {
		return err
	}
	t.r.began(t.o, s)
	e := t.travel(ctx, s, l)
	at := t.c.named(holderAfter(e.moves))
	e.holder = at.name
	if e.unknown == nil {
		e.unknown = e.gather(ctx, t.c, at, s)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.peaks, e.crashed = t.c.peaks(), t.c.crashed()
	return t.end(ctx, e, s, at)
}

// end prints the balance and, if the nodes are to be kept, waits for the word to end them.
func (t tourOf) end(ctx context.Context, e *evidence, s session, at *member) error {
	verdict, took := e.tally(), time.Since(t.began)
	t.r.ended(e, verdict, took)
	if t.o.keep {
		t.r.kept(t.c, s, at)
	}
	sum := newSummary(e, verdict, took)
	if !sum.Pass {
		sum.Logs = t.c.logs()
	}
	t.r.object(sum)
	if t.o.keep {
		<-ctx.Done() // what ends it then is no failure
	}
	if len(verdict.problems) > 0 {
		return failure(len(verdict.problems))
	}
	return nil
}

// holderAfter names the node that a daemon born on the first one is at after some moves.
func holderAfter(moves []move) string {
	at := nodeNames[0]
	for _, m := range moves {
		if m.outcome == client.OutcomeMoved {
			at = m.to
		}
	}
	return at
}

// birth spawns the daemon on the first node.
func (t tourOf) birth(ctx context.Context) (session, error) {
	s := session{nodes: nodeNames, producer: crypto.DeriveProducer(t.producer.ID(), "")}
	d, err := t.c.members[0].admin.Spawn(ctx, t.o.kind, daemonName)
	if err != nil {
		return s, err
	}
	s.daemon = d
	if _, err := fmt.Sscanf(d.Origin, "%x", &s.origin); err != nil {
		return s, fmt.Errorf("the node calls the daemon's origin %q: %w", d.Origin, err)
	}
	return s, nil
}

// travel runs the producer and the script side by side until both are done. If one fails the other is
// stopped, and the evidence says that the end is unknown.
func (t tourOf) travel(ctx context.Context, s session, l *load) *evidence {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e := &evidence{trail: &l.trail}
	sc := t.script(s, l, e)
	stop := make(chan struct{})
	submitted := make(chan struct{})
	go func() {
		defer close(submitted)
		if err := l.run(ctx, t.events(stop)); err != nil {
			cancel(fmt.Errorf("the producer: %w", err))
		}
	}()
	if err := sc.run(ctx); err != nil {
		cancel(err)
	}
	// Now the producer comes to its end: at once, or when the rest of its input is through.
	close(stop)
	if l.gate != nil {
		l.gate.raise(unlimited)
	}
	<-submitted
	e.acks, e.read, e.unknown = l.acks.figures(), l.text, context.Cause(ctx)
	return e
}

// script prepares the steps, and the gate that keeps the producer in step with them if the events end.
func (t tourOf) script(s session, l *load, e *evidence) *script {
	sc := &script{
		cluster: t.c, load: l, steps: plan(t.o.moves, len(t.c.members)), daemon: s.daemon.ID, epoch: 1,
		size: max(t.o.state, firstGuess),
		done: func(m move) { e.moves = append(e.moves, m); t.r.moved(m) },
	}
	e.steps = len(sc.steps)
	if t.total > 0 {
		sc.at = spread(t.total, len(sc.steps))
		l.gate = newGate(sc.at[1])
	}
	return sc
}

// events are those of the feed: all of them, or as many as come before stop if they do not end.
func (t tourOf) events(stop <-chan struct{}) feed {
	if t.total > 0 {
		return t.feed
	}
	return stoppable{feed: t.feed, stop: stop}
}

// firstGuess is the size of the snapshot of a daemon that has not been copied yet and has no size given.
const firstGuess = 8 << 10
