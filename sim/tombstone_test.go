package sim_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// tombstones is how many a node keeps.
const tombstones = 65_536

// fill leaves node A no room for one more tombstone.
func fill(f *fixture) {
	expires := uint64(sim.Start.Add(24 * time.Hour).UnixNano())
	for i := range uint64(tombstones) {
		var entity crypto.EntityID
		binary.BigEndian.PutUint64(entity[:], i+1)
		f.a.Inject(node.FoundTombstone{Tombstone: journal.Tombstone{
			Entity: entity, Ref: wire.Ref{Migration: wire.MigrationID(entity[:16]), Origin: crypto.OriginOf(entity), Epoch: 1}, To: f.d.ID, Expires: expires,
		}})
	}
}

// A node that has no room for one more tombstone ends the copy of a daemon that has left like any other: its key is not kept (promise P7).
func TestS6_NoRoomAndNoCopy(t *testing.T) {
	f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent})
	fill(f)
	f.move(f.d, f.a, f.b)
	f.a.Kill()
	j, err := journal.Open(f.a.Disk(), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(j.State().Copies); n != 0 {
		t.Errorf("%d copies are left on the disk", n)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// A node that has no room for one more tombstone lets go of a daemon like any other: nothing of the copy that left stays on its disk.
// It would be taken up in a restart, and its move, proven once more, would take the daemon from the node that it has come back to.
func TestS6_NoRoomForTheTombstone(t *testing.T) {
	f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent})
	fill(f)
	f.move(f.d, f.a, f.b)
	f.move(f.d, f.b, f.a)
	f.a.Kill()
	f.a.Restart()
	f.settle()
	f.serves(f.a, 2)
	f.a.Kill()
	f.a.Restart()
	f.settle()
	f.serves(f.a, 2)
}

// An orchestrator that hears nothing of a move learns that it has moved the daemon also when that has come back to its source since, and
// the source has forgotten the migration (promise P5): its record of the move stays while the daemon is here.
func TestO4_ToldWhenTheDaemonIsBack(t *testing.T) {
	for name, forget := range map[string]func(f *fixture){
		"after ten minutes":      func(f *fixture) { f.Run(11 * time.Minute) },
		"after a restart":        func(f *fixture) { f.a.Kill(); f.a.Restart() },
		"after another, at once": func(f *fixture) { f.a.Kill(); f.a.Restart(); f.Run(time.Second); f.a.Kill(); f.a.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent})
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, wire.PhaseSnapshot)
			f.Block(f.d, f.a)
			f.Block(f.d, f.b)
			f.until(f.a, id, wire.PhaseComplete)
			f.Run(time.Second)
			back := f.c.Migrate(f.daemon.Origin, f.b, f.a, wire.Options{})
			f.until(f.c, back, wire.PhaseComplete)
			f.Run(time.Second)
			f.ends(f.c, back, wire.OutcomeMoved, nil)
			forget(f)
			f.Unblock(f.d, f.a)
			f.Unblock(f.d, f.b)
			f.settle()
			f.ends(f.d, id, wire.OutcomeMoved, nil)
			f.serves(f.a, 2)
			f.move(f.d, f.a, f.c)
		})
	}
}
