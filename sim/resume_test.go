package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// written gives the daemon a state of so many events.
func (f *fixture) written(events int) {
	f.feed(f.a, "before", time.Millisecond, time.Duration(events)*time.Millisecond)
	f.Run(time.Duration(events)*time.Millisecond + time.Second)
}

// copiedTo lets time pass until so many bytes of snapshots have been sent, or the migration is beyond its copy.
func (f *fixture) copiedTo(id wire.MigrationID, bytes uint64) {
	f.RunUntil(time.Minute, func() bool {
		m, ok := f.a.Core().Migration(id)
		return f.Copied() >= bytes || ok && m.Phase > wire.PhaseRestore
	})
}

// A transfer that is cut again and again, wherever that is, arrives in the end, and what is sent again is what was
// on its way.
func TestResume_CutAtRandomPlaces(t *testing.T) {
	for _, level := range []wire.Durability{wire.DurabilityMemory, wire.DurabilityEveryEvent} {
		t.Run(level.String(), func(t *testing.T) {
			f := newFixture(t, sim.Options{Durability: level, Net: sim.Speeds{Chunk: 1000, Notice: 5 * time.Millisecond}})
			f.written(2000)
			f.feed(f.c, "meanwhile", 3*time.Millisecond, 2*time.Second)
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, wire.PhaseTransfer)
			for range 6 {
				f.copiedTo(id, f.Copied()+f.Rand("cuts").Uint64N(40_000))
				f.Cut(f.a, f.b)
			}
			f.settle()
			m, _ := f.a.Core().Migration(id)
			size := m.Stats.SnapshotBytes
			f.ends(f.d, id, wire.OutcomeMoved, nil)
			f.serves(f.b, 1)
			if sent := f.Copied(); sent > size+size/2 {
				t.Errorf("seed %d: %d bytes were sent of a view of %d", *seed, sent, size)
			}
		})
	}
}

// A cut that lasts longer than the grace ends the migration, and the daemon serves on.
func TestResume_CutForLong(t *testing.T) {
	f := newFixture(t, sim.Options{Net: sim.Speeds{Chunk: 1000}})
	f.written(500)
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, id, wire.PhaseTransfer)
	f.copiedTo(id, 5000)
	f.Block(f.a, f.b)
	f.Run(10 * time.Second)
	f.ends(f.a, id, wire.OutcomeStayed, wire.ErrUnreachable)
	f.Unblock(f.a, f.b)
	f.settle()
	f.serves(f.a, 0)
	f.move(f.d, f.a, f.b)
}

// A target that restarts in the middle has the key it gave, and what its disk has of the view. At memory it has neither,
// and says so.
func TestResume_TargetRestarts(t *testing.T) {
	for level, want := range map[wire.Durability]wire.Outcome{wire.DurabilityMemory: wire.OutcomeStayed, wire.DurabilityEveryEvent: wire.OutcomeMoved} {
		t.Run(level.String(), func(t *testing.T) {
			f := newFixture(t, sim.Options{Durability: level, Net: sim.Speeds{Chunk: 1000}})
			f.written(1000)
			f.feed(f.c, "meanwhile", 3*time.Millisecond, time.Second)
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, wire.PhaseTransfer)
			f.copiedTo(id, 20_000)
			f.b.Kill()
			f.Run(time.Second)
			f.b.Restart()
			f.settle()
			f.ends(f.a, id, want, nil)
			f.ends(f.d, id, want, nil)
		})
	}
}
