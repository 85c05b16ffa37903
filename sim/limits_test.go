package sim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// A node that takes one migration at a time puts the others off, and takes them later. Without the limit the same two arrive side
// by side.
func TestMaxIncoming(t *testing.T) {
	for limit, want := range map[int]int{1: 1, 2: 2} {
		most := 0
		opt := sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond}}
		opt.Core.MaxIncoming = limit
		opt.Rule = func(c *sim.Cluster) string {
			most = max(most, arrivals(c.Node(1)))
			return ""
		}
		f := newFixture(t, opt)
		other := f.c.Spawn(sim.KindTape, "d1")
		one := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
		two := f.d.Migrate(other.Origin, f.c, f.b, wire.Options{})
		f.settle()
		f.ends(f.d, one, wire.OutcomeMoved, nil)
		f.ends(f.d, two, wire.OutcomeMoved, nil)
		if most != want {
			t.Errorf("%d migrations arrived at once, with room for %d", most, limit)
		}
	}
}

// arrivals is how many migrations towards a node run.
func arrivals(n *sim.Node) (count int) {
	if !n.Up() {
		return 0
	}
	for _, m := range n.Core().Migrations() {
		if m.Outcome == 0 && slices.Contains(m.Roles, subproto.Target) {
			count++
		}
	}
	return count
}

// A target with room for a handful of events gets a long tail through it.
func TestS2_SmallCredits(t *testing.T) {
	f := newFixture(t, sim.Options{
		Target: target.Config{MaxPendingEvents: 2, MaxPendingBytes: 64},
		Net:    sim.Speeds{Piece: 5 * time.Millisecond, Chunk: 100},
	})
	f.feed(f.c, "", 300*time.Microsecond, 300*time.Millisecond)
	f.Run(30 * time.Millisecond)
	f.move(f.d, f.a, f.b)
}

// A target that stops answering for a moment while many daemons move there has let one freeze pass, not many: it is asked
// again at once.
func TestS5_OneHitch(t *testing.T) {
	f := newFixture(t, sim.Options{Net: sim.Speeds{Link: time.Millisecond, Even: true}})
	var ids []wire.MigrationID
	for i := range 2 * source.MaxFreezes {
		d := f.a.Spawn(sim.KindFrozen, fmt.Sprint("more", i))
		ids = append(ids, f.d.Migrate(d.Origin, f.a, f.b, wire.Options{}))
	}
	f.until(f.a, ids[0], wire.PhaseCutover)
	f.Stall(f.b, f.a, source.DefaultFreezeBudget+100*time.Millisecond)
	f.Run(source.DefaultFreezeBudget + 50*time.Millisecond)
	passed := 0
	for _, id := range ids {
		if m, _ := f.a.Core().Migration(id); m.Reason == wire.ReasonFreezeBudget {
			passed++
		}
	}
	if passed < source.MaxFreezes {
		t.Errorf("%d freezes have run out at one moment: too few to show anything", passed)
	}
	f.move(f.d, f.a, f.b)
}
