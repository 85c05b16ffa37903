package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// rounds makes all moves: in each round every daemon makes one, and between two rounds nothing moves for a while.
func (b *bench) rounds(ctx context.Context) error {
	if err := b.rest(ctx); err != nil {
		return err
	}
	for n := 1; n <= b.o.Moves; n++ {
		if err := b.round(ctx, n); err != nil {
			return err
		}
		if err := b.rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rest lets the producers meet daemons that stay where they are.
func (b *bench) rest(ctx context.Context) error {
	t := time.NewTimer(b.o.Rest)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// round moves every daemon once, some at a time. The first that does not move ends the round, after those that are under
// way.
func (b *bench) round(ctx context.Context, n int) error {
	began, to := time.Now(), target(n, len(b.targets))
	todo := make(chan *subject)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var movers sync.WaitGroup
	for range min(b.o.Parallel, len(b.subjects)) {
		movers.Go(func() {
			for s := range todo {
				if err := b.move(ctx, s, n, to); err != nil {
					cancel(fmt.Errorf("round %d of %d: %w", n, b.o.Moves, err))
				}
			}
		})
	}
	b.hand(ctx, todo)
	movers.Wait()
	b.figures.round(time.Since(began))
	if err := context.Cause(ctx); err != nil {
		return err
	}
	b.show.round(b, n, to, time.Since(began))
	return nil
}

// hand gives the daemons to the movers.
func (b *bench) hand(ctx context.Context, todo chan<- *subject) {
	defer close(todo)
	for _, s := range b.subjects {
		select {
		case todo <- s:
		case <-ctx.Done():
			return
		}
	}
}

// place is the node with a number: -1 is home.
func (b *bench) place(at int) client.Node {
	if at < 0 {
		return b.home
	}
	return b.targets[at]
}

// move makes one move and takes its figures.
func (b *bench) move(ctx context.Context, s *subject, n, to int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	req := client.MigrateRequest{Daemon: s.daemon.ID, Target: b.place(to).ID}
	if s.at >= 0 {
		req.From = b.place(s.at).ID
	}
	b.moves.Add(1)
	s.state.Store(int32(moving))
	defer b.moves.Add(-1)
	m, err := b.c.Migrate(ctx, req)
	if err == nil {
		m, err = watch(ctx, b.c, m.ID, b.o.Timeout)
	}
	if err != nil {
		return err // it may still be moving: what it is asked for later is not measured
	}
	s.at = to
	b.figures.moved(m.Stats)
	s.state.Store(int32(atHome))
	if to >= 0 {
		s.state.Store(int32(away))
	}
	return b.show.moved(n, m)
}

// watch waits for the end of a migration. One that stays in doubt for too long is given up: its problem says
// what resolves it.
func watch(ctx context.Context, c *client.Client, id string, doubt time.Duration) (client.Migration, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var timer *time.Timer
	m, err := c.Watch(watching, id, func(m client.Migration) {
		if m.Outcome == client.OutcomeInDoubt && timer == nil {
			timer = time.AfterFunc(doubt, stop)
		}
	})
	if timer != nil {
		timer.Stop()
	}
	if m.Outcome == client.OutcomeInDoubt && ctx.Err() == nil {
		return m, m.Err()
	}
	return m, err
}
