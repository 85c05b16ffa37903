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

// A source that dies promised comes back when its daemon has moved on, twice, and the migration has been forgotten: it learns
// from the proof of the next node, a tombstone by then or the passport of a daemon that has come back, that its own is over
// (protocol §4.9.5).
func TestDirectory_PromisedSourceComesBackLate(t *testing.T) {
	for name, back := range map[string]bool{"tombstone": false, "passport": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent, Directory: true})
			f.feed(f.c, "", time.Millisecond, 30*time.Millisecond)
			f.Run(50 * time.Millisecond)
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			if !f.RunUntil(time.Minute, func() bool { return f.Claims() > 0 }) {
				t.Fatal("the certificate never arrived")
			}
			f.a.Kill()
			f.on(f.b, f.c)
			at := f.c
			if back {
				f.on(f.c, f.b)
				at = f.b
			}
			f.b.Kill() // what it knew of the migration is on its disk, or nowhere
			f.b.Restart()
			f.Run(time.Minute)
			f.a.Restart()
			f.settle()
			f.ends(f.a, id, wire.OutcomeMoved, nil)
			if f.holder() != at {
				t.Fatalf("%s holds it", f.holder().Name)
			}
			f.move(f.d, at, f.a)
		})
	}
}

// on moves the daemon on while somebody is away.
func (f *fixture) on(from, to *sim.Node) {
	f.t.Helper()
	f.RunUntil(time.Minute, func() bool { return f.serving() == from })
	id := f.d.Migrate(f.daemon.Origin, from, to, wire.Options{})
	f.until(from, id, wire.PhaseComplete)
	f.Run(time.Second)
	f.ends(f.d, id, wire.OutcomeMoved, nil)
}
