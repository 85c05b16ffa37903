package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// After a thousand migrations and ten thousand submissions, and the time for which the ended ones answer
// repeats, a core remembers what it did before: nothing, but the daemon's last tombstones.
func TestTablesReturnToTheirFloor(t *testing.T) {
	const moves, submissions = 1_000, 10_000
	var opt sim.Options
	opt.Nodes = 3
	opt.Core.TombstoneLife = time.Minute
	c := sim.New(opt)
	var d node.Daemon
	for i := range moves {
		if i%10 == 0 { // a passport that grows for long is another test's subject
			d = c.Node(i%3).Spawn(sim.KindTape, fmt.Sprint("d", i))
		}
		for j := range submissions / moves {
			c.Node(j%3).SubmitVia(d.Origin, fmt.Sprint(j%5), c.Payload(8), c.Node(i%3).ID)
		}
		from, to := c.Node(i%3), c.Node((i+1)%3)
		id := c.Node((i+2)%3).Migrate(d.Origin, from, to, wire.Options{})
		over := func(n *sim.Node) bool { m, ok := n.Core().Migration(id); return ok && m.Outcome != 0 }
		if !c.RunUntil(time.Minute, func() bool { return over(from) && over(to) && over(c.Node((i+2)%3)) }) {
			t.Fatalf("migration %d has no outcome: %v", i, c.Err())
		}
	}
	c.Settle(time.Minute)
	c.Run(time.Hour)
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes() {
		for table, size := range n.Core().Sizes() {
			if size > 0 {
				t.Errorf("%s: %d in %s", n.Name, size, table)
			}
		}
		if got := n.Handler().ActiveCount(); got != 0 {
			t.Errorf("%s: %d records of the target", n.Name, got)
		}
	}
}
