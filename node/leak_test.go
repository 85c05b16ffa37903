package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
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

// The timers of what is over go (promise P6), however many there have been: of a peer that announces daemons and takes them back at once,
// and of a daemon that goes to and fro. Each would be in the heap until its time otherwise, ten minutes or a day.
func TestTimersDoNotOutliveTheirOwners(t *testing.T) {
	const rounds, remembered = 20_000, 16_384
	t.Run("announced and taken back", func(t *testing.T) {
		c := withPeers()
		for i := range rounds {
			msg := arrival(i)
			for _, m := range []wire.Message{msg, &wire.MigrationFailed{Ref: msg.Ref, Reason: wire.ReasonCancelled}} {
				for _, call := range step(c, 1, m).Calls {
					c.Step(benchTime, node.Done{Call: call})
				}
			}
		}
		if s := c.Sizes(); s["ended"] != remembered || s["timers"] > 2*remembered {
			t.Errorf("%d timers for %d ended migrations", s["timers"], s["ended"])
		}
		c.Step(benchTime.Add(time.Minute), node.Tick{}) // what the migrations have asked for themselves is over
		if s := c.Sizes(); s["ended"] != remembered || s["timers"] != 1 {
			t.Errorf("a minute later %d timers for %d ended migrations", s["timers"], s["ended"])
		}
		c.Step(benchTime.Add(10*time.Minute), node.Tick{})
		if s := c.Sizes(); s["ended"] > 0 || s["timers"] > 0 {
			t.Errorf("ten minutes later %d timers for %d ended migrations", s["timers"], s["ended"])
		}
	})
	t.Run("to and fro", func(t *testing.T) {
		c := withPeers()
		now, of := benchTime, arrival(0)
		for range rounds {
			left := journal.Tombstone{Entity: of.Entity, Ref: of.Ref, To: crypto.NodeID{2}, Expires: uint64(now.Add(24 * time.Hour).UnixNano())}
			c.Step(now, node.FoundTombstone{Tombstone: left})
			c.Step(now, node.Serve{Daemon: node.Daemon{Entity: of.Entity, Origin: of.Origin, Epoch: 1}})
			now = now.Add(time.Second)
		}
		if n := c.Sizes()["timers"]; n > 1 {
			t.Errorf("%d timers, and one daemon has come and gone", n)
		}
	})
}
