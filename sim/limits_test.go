package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
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
