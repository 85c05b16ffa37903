package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/target"
)

// settleLimit is how long migrations may take to end in a cluster in which nothing is broken any more. A copy that was promised
// nobody is kept the longest, after the last word of its source.
const settleLimit = target.DefaultOrphan + 15*time.Second

// settle waits until every migration that a node remembers is said there to have moved or stayed: with everything repaired none
// stays in doubt, and none goes on (promise P5).
func (c *cluster) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	var open error
	for ctx.Err() == nil {
		now := c.open(ctx)
		if now == nil {
			return nil
		}
		if open == nil || ctx.Err() == nil { // what was cut off by the limit says nothing
			open = now
		}
		wait(ctx, watchPace)
	}
	return open
}

// open returns an error for each migration that has no such outcome at some node, and for each node that does not tell.
func (c *cluster) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	var open error
	for _, m := range c.members {
		list, err := m.admin.Migrations(ctx)
		if err != nil {
			open = errors.Join(open, fmt.Errorf("%s does not say what it moves: %w", m.name, err))
		}
		for _, v := range list {
			if v.Outcome != client.OutcomeMoved && v.Outcome != client.OutcomeStayed {
				open = errors.Join(open, fmt.Errorf("%s, %v: %s from %s to %s is %q (%s) although everything was repaired: %s",
					m.name, v.Roles, v.ID, v.Source.Name, v.Target.Name, v.Outcome, v.State, v.Detail))
			}
		}
	}
	return open
}
