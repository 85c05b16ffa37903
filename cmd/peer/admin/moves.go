package admin

import (
	"crypto/rand"
	"sync"

	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// maxHandles is how many migrations that were asked for here are followed by their handles; older ones are
// looked at now and then instead.
const maxHandles = 1024

// moves are the handles on migrations that were asked for here, by id.
type moves struct {
	mu    sync.Mutex
	m     map[wire.MigrationID]*peer.Migration
	order []wire.MigrationID // oldest first
}

// keep forgets the oldest handle when there are too many.
func (v *moves) keep(m *peer.Migration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.m == nil {
		v.m = make(map[wire.MigrationID]*peer.Migration)
	}
	v.m[m.ID()] = m
	v.order = append(v.order, m.ID())
	if len(v.order) > maxHandles {
		delete(v.m, v.order[0])
		v.order = v.order[1:]
	}
}

// handle returns nil for a migration that was asked for elsewhere or too long ago.
func (v *moves) handle(id wire.MigrationID) *peer.Migration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.m[id]
}

// newMigrationID draws an id here and not in the node, so that the answer can name it.
func newMigrationID() (id wire.MigrationID, err error) {
	_, err = rand.Read(id[:])
	return id, err
}
