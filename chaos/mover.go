package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
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

// mover moves one daemon from node to node without a pause, and cancels some of the moves.
type mover struct {
	c      *cluster
	daemon client.Daemon
	rng    *rand.Rand

	mu       sync.Mutex // guards what is below
	outcomes map[string]int
}

func newMover(c *cluster, d client.Daemon, seed uint64) *mover {
	return &mover{c: c, daemon: d, rng: rand.New(rand.NewPCG(seed, d.Epoch)), outcomes: make(map[string]int)}
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

// move asks for one move, at any node that answers, and watches it.
func (m *mover) move(ctx context.Context, from *member) string {
	to := from
	for to == from {
		to = m.c.members[m.rng.IntN(len(m.c.members))]
	}
	asked := m.c.members[m.rng.IntN(len(m.c.members))]
	if m.rng.IntN(2) == 0 {
		asked = from // the way that needs no third node
	}
	ctx, cancel := context.WithTimeout(ctx, moveLimit+time.Second)
	defer cancel()
	began, err := asked.admin.Migrate(ctx, client.MigrateRequest{
		Daemon: m.daemon.ID, Target: to.id.Hex(), From: from.id.Hex(), Timeout: moveLimit,
	})
	if err != nil {
		return "not asked: " + kindOf(err)
	}
	if m.rng.Float64() < cancelShare {
		go m.cancelIn(ctx, asked, began.ID, time.Duration(m.rng.Int64N(int64(cancelIn))))
	}
	end, err := asked.admin.Watch(ctx, began.ID, nil)
	m.c.h.note("move of %s from %s to %s, asked at %s: %s %s %v", m.daemon.Kind, from.name, to.name, asked.name, end.Outcome, end.Reason, err)
	if end.Outcome == "" {
		return "not seen to the end"
	}
	return end.Outcome
}

// cancelIn cancels a migration a moment later. Whether that comes in time is part of the game.
func (m *mover) cancelIn(ctx context.Context, asked *member, id string, after time.Duration) {
	wait(ctx, after)
	_, err := asked.admin.Cancel(ctx, id)
	m.c.h.note("cancel: %v", err)
}

func (m *mover) count(outcome string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes[outcome]++
}

// kindOf names an error for counting.
func kindOf(err error) string {
	var p *client.Problem
	if errors.As(err, &p) {
		return p.Kind
	}
	return fmt.Sprintf("%T", err)
}
