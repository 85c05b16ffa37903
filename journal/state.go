package journal

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// State is what a log leads to.
type State struct {
	Copies     map[CopyID]*Copy
	Tombstones map[uint64]*Tombstone // by origin
}

// Copy is one stay of a daemon at this node, as its records have it.
type Copy struct {
	ID         CopyID
	Origin     uint64
	Entity     crypto.EntityID
	Durability wire.Durability
	Seed       [32]byte

	Preparing *Preparing          // how it came here; nil if it was born here
	Base      *Base               // nil before it was restored
	Last      uint64              // sequence of the last event; that of the base without any
	Held      *Hold               // nil without a promise
	Released  wire.Attempt        // the highest attempt whose promise has ended
	Arrived   *crypto.SignedHead  // nil before it was activated here
	Promise   *Promise            // nil unless a directory is to decide whether it leaves
	Commit    *Commit             // nil before it was handed over
	Handover  *crypto.CausalEvent // the entry that gave it away; nil before
}

// HoldsEpoch reports whether this node holds the daemon by this copy.
func (c *Copy) HoldsEpoch() bool {
	return (c.Preparing == nil || c.Arrived != nil) && c.Handover == nil
}
