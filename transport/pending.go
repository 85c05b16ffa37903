package transport

import (
	"slices"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

// callers remembers the unknown nodes that knocked last, newest first. The list
// is short and scanned; when it is full the one that has been silent for longest
// makes room, so a stranger with many keys can push others out of sight but
// cannot make the list grow.
type callers struct {
	max int

	mu   sync.Mutex
	list []Pending
}

// note records one attempt.
func (c *callers) note(node crypto.NodeID, remote string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := Pending{Node: node, First: now}
	if i := c.index(node); i >= 0 {
		entry = c.list[i]
		c.list = slices.Delete(c.list, i, i+1)
	}
	entry.Remote, entry.Last = remote, now
	entry.Attempts++
	c.list = slices.Insert(c.list, 0, entry)
	if len(c.list) > c.max {
		c.list = c.list[:c.max]
	}
}

// forget drops a node that has been let in.
func (c *callers) forget(node crypto.NodeID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.index(node); i >= 0 {
		c.list = slices.Delete(c.list, i, i+1)
	}
}

// all returns a copy of the list.
func (c *callers) all() []Pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// index returns the place of a node in the list, or -1. The caller holds mu.
func (c *callers) index(node crypto.NodeID) int {
	return slices.IndexFunc(c.list, func(p Pending) bool { return p.Node == node })
}
