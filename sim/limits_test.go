package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// A node that takes one migration at a time puts the others off, and takes them later.
func TestMaxIncoming(t *testing.T) {
	opt := sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond}}
	opt.Core.MaxIncoming = 1
	f := newFixture(t, opt)
	other := f.c.Spawn(sim.KindTape, "d1")
	one := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	two := f.d.Migrate(other.Origin, f.c, f.b, wire.Options{})
	f.settle()
	f.ends(f.d, one, wire.OutcomeMoved, nil)
	f.ends(f.d, two, wire.OutcomeMoved, nil)
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
