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

// A node that has no room for one more tombstone lets go of a daemon like any other: nothing of the copy that left stays on its disk.
// It would be taken up in a restart, and its move, proven once more, would take the daemon from the node that it has come back to.
func TestS6_NoRoomForTheTombstone(t *testing.T) {
	f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent})
	expires := uint64(sim.Epoch.Add(24 * time.Hour).UnixNano())
	for i := range uint64(tombstones) {
		var entity crypto.EntityID
		binary.BigEndian.PutUint64(entity[:], i+1)
		f.a.Inject(node.Buried{Tombstone: journal.Tombstone{
			Entity: entity, Ref: wire.Ref{Migration: wire.MigrationID(entity[:16]), Origin: crypto.OriginOf(entity), Epoch: 1}, To: f.d.ID, Expires: expires,
		}})
	}
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
