package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// A target that dies before the commit costs the migration, not the daemon.
func TestS5_TargetDies(t *testing.T) {
	for _, p := range phases[:4] {
		t.Run(p.String(), func(t *testing.T) {
			f := newFixture(t, sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond, Chunk: 100}})
			f.feed(f.c, "", time.Millisecond, 200*time.Millisecond)
			f.Run(100 * time.Millisecond)
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, p)
			f.b.Kill()
			f.Run(time.Second)
			f.b.Restart()
			f.settle()
			f.ends(f.a, id, wire.OutcomeStayed, nil)
			f.ends(f.d, id, wire.OutcomeStayed, nil)
			f.serves(f.a, 0)
			f.move(f.d, f.a, f.b)
		})
	}
}

// A source that dies with the handover unsent leaves a target that holds, says so and does not guess.
func TestS5_SourceDiesAfterCommit(t *testing.T) {
	f := newFixture(t, sim.Options{})
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.RunUntil(time.Minute, func() bool {
		host, ok := f.a.Host(f.daemon.Origin)
		if !ok {
			return false
		}
		_, gone := host.HandedOver()
		return gone
	})
	f.a.Kill() // at this instant nothing has left it
	f.Run(time.Second)
	f.a.Restart()
	f.Run(time.Minute)
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	f.ends(f.b, id, wire.OutcomeInDoubt, nil)
	if host, ok := f.b.Host(f.daemon.Origin); !ok || !host.Dark() {
		t.Fatal("the copy is gone, or serves")
	}
}

// A source that dies before the commit, without a hold, takes the daemon with it; the target lets go.
func TestS5_SourceDiesBeforeCommit(t *testing.T) {
	f := newFixture(t, sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond, Chunk: 100}})
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, id, wire.PhaseTransfer)
	f.a.Kill()
	f.Run(time.Second)
	f.a.Restart()
	f.settle()
	f.ends(f.d, id, wire.OutcomeLost, nil)
	if n := f.b.Handler().ActiveCount(); n != 0 {
		t.Fatalf("%d records left", n)
	}
}

// An orchestrator that has heard nothing of a move, not even that it began, asks for it again after its source has
// restarted: it learns that this very migration has moved the daemon.
func TestO4_AskedAgainAfterRestart(t *testing.T) {
	f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent})
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, id, wire.PhaseSnapshot)
	f.Block(f.d, f.a)
	f.Block(f.d, f.b)
	f.until(f.a, id, wire.PhaseComplete)
	f.Run(100 * time.Millisecond)
	f.a.Kill()
	f.a.Restart()
	f.Unblock(f.d, f.a)
	f.Unblock(f.d, f.b)
	f.settle()
	f.ends(f.d, id, wire.OutcomeMoved, nil)
}
