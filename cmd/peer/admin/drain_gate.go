package admin

import (
	"sync/atomic"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Gate is where daemons come into a node: by birth, or brought by a peer with the right migrate-in. While a drain is set it
// is shut. It is made before the node, whose peer.Config.Authorize it provides, and is safe for concurrent use.
type Gate struct {
	lookup func(crypto.NodeID) (wire.Rights, bool)
	keeper bool
	shut   atomic.Bool
	births atomic.Int64 // under way
}

// NewGate returns an open gate. Lookup tells what a peer may do at other times; keeper says that the node keeps the directory of
// its mesh.
func NewGate(lookup func(crypto.NodeID) (wire.Rights, bool), keeper bool) *Gate {
	return &Gate{lookup: lookup, keeper: keeper}
}

// Authorize is a peer.Config.Authorize. While the gate is shut nobody has the right migrate-in.
//
// With one exception: whoever moves daemons asks the directory by that right or by migrate-out. At the node that keeps it, a peer
// that has nothing else keeps migrate-in: without it no move that the directory decides would end, those of the drain included.
func (g *Gate) Authorize(id crypto.NodeID) (wire.Rights, bool) {
	rights, known := g.lookup(id)
	if g.shut.Load() && (!g.keeper || rights.Has(wire.RightMigrateOut)) {
		rights &^= wire.RightMigrateIn
	}
	return rights, known
}

// birth is called before a daemon is born, and ended when it is there or will not be. A gate that is shut refuses. The birth
// is counted before the gate is looked at: whoever shuts the gate and then finds none under way has not missed one.
func (g *Gate) birth(node string) (ended func(), err error) {
	g.births.Add(1)
	ended = func() { g.births.Add(-1) }
	if !g.shut.Load() {
		return ended, nil
	}
	ended()
	return nil, client.Problemf(client.CodeRefused, "node_draining", "%s is being emptied and starts no daemon", node).
		Now("nothing was started").Then("peer daemon spawn at another node, or peer drain --cancel to let daemons in here again")
}
