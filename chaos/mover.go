package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// How daemons are moved.
const (
	adminLimit  = 2 * time.Second // for one question to a node, which may be stopped
	moveLimit   = 4 * time.Second // given to a migration, and about how long it is watched
	movePause   = 30 * time.Millisecond
	cancelShare = 0.15
	cancelIn    = 20 * time.Millisecond // at most
)

// mover moves one daemon from node to node without a pause, and cancels some of the moves. What is counted can be read once run
// has returned.
type mover struct {
	c        *cluster
	daemon   client.Daemon
	rng      *rand.Rand
	outcomes map[string]int
	asked    map[route]told
}

// route is who gives a daemon to whom; ids of nodes.
type route struct{ from, to string }

// told counts what was said of the moves on one route.
type told struct {
	moved   int
	unclear int // in doubt when it was last heard of, not seen to the end, or asked for and not answered
	lost    int
}

// What is counted beside the outcomes of migrations.
const (
	notSeen  = "not seen to the end"
	notAsked = "not asked: "
	notHeard = "perhaps asked: "
)

func newMover(c *cluster, d client.Daemon, seed uint64) *mover {
	return &mover{
		c: c, daemon: d, rng: rand.New(rand.NewPCG(seed, d.Epoch)), outcomes: make(map[string]int), asked: make(map[route]told),
	}
}

// run goes on until stop is closed.
func (m *mover) run(ctx context.Context, stop <-chan struct{}) error {
	ctx, cancel := until(ctx, stop)
	defer cancel()
	for ctx.Err() == nil {
		if at := m.holder(ctx); at != nil {
			m.count(m.move(ctx, at))
		}
		wait(ctx, movePause)
	}
	return nil
}

// until returns a context that also ends when stop is closed.
func until(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// holder is the node that says it has the daemon, nil if none does.
func (m *mover) holder(ctx context.Context) *member {
	list, _ := m.c.views(ctx, m.daemon.ID) // who does not answer is asked again later
	for _, v := range list {
		if v.holds() {
			return v.at
		}
	}
	return nil
}

// move asks for one move, at any node that answers, and watches it. It returns what came of it.
func (m *mover) move(ctx context.Context, from *member) (route, string) {
	to := from
	for to == from {
		to = m.c.members[m.rng.IntN(len(m.c.members))]
	}
	asked := m.c.members[m.rng.IntN(len(m.c.members))]
	if m.rng.IntN(2) == 0 {
		asked = from // the way that needs no third node
	}
	way := route{from.id.Hex(), to.id.Hex()}
	ctx, cancel := context.WithTimeout(ctx, moveLimit+time.Second)
	defer cancel()
	began, err := asked.admin.Migrate(ctx, client.MigrateRequest{
		Daemon: m.daemon.ID, Target: to.id.Hex(), From: from.id.Hex(), Timeout: moveLimit,
	})
	if err != nil {
		if refused(err) {
			return way, notAsked + kindOf(err)
		}
		return way, notHeard + kindOf(err)
	}
	if m.rng.Float64() < cancelShare {
		go m.cancelIn(ctx, asked, began.ID, time.Duration(m.rng.Int64N(int64(cancelIn))))
	}
	end, err := asked.admin.Watch(ctx, began.ID, nil)
	m.c.h.note("move of %s from %s to %s, asked at %s: %s %s %v", m.daemon.Kind, from.name, to.name, asked.name, end.Outcome, end.Reason, err)
	if end.Outcome == "" {
		return way, notSeen
	}
	return way, end.Outcome
}

// cancelIn cancels a migration a moment later. Whether that comes in time is part of the game.
func (m *mover) cancelIn(ctx context.Context, asked *member, id string, after time.Duration) {
	wait(ctx, after)
	_, err := asked.admin.Cancel(ctx, id)
	m.c.h.note("cancel: %v", err)
}

func (m *mover) count(way route, outcome string) {
	m.outcomes[outcome]++
	t := m.asked[way]
	switch {
	case outcome == client.OutcomeMoved:
		t.moved++
	case outcome == client.OutcomeLost:
		t.lost++
	case outcome == client.OutcomeInDoubt, outcome == notSeen, strings.HasPrefix(outcome, notHeard):
		t.unclear++
	}
	m.asked[way] = t
}

// refused reports whether a request for a move has certainly begun nothing: the node said so, or was not reached.
func refused(err error) bool {
	var p *client.Problem
	if !errors.As(err, &p) {
		return false
	}
	switch p.Code {
	case client.CodeUsage, client.CodeUnknown, client.CodeRefused:
		return true
	}
	return p.Kind == "no_node" || p.Kind == "recovering"
}

// kindOf names an error for counting.
func kindOf(err error) string {
	var p *client.Problem
	if errors.As(err, &p) {
		return p.Kind
	}
	return fmt.Sprintf("%T", err)
}
