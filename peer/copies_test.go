package peer

import (
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// stalled is a snapshot stream of which nothing comes.
type stalled struct{ closed chan struct{} }

func (s stalled) Start(uint64)             {}
func (s stalled) Read([]byte) (int, error) { <-s.closed; return 0, wire.ErrCancelled }
func (s stalled) Close() error             { close(s.closed); return nil }

// A restore has posted its result, and before it has tidied up, its migration is announced anew and begins the next one. That one must
// stay where it is found: by the core, to cut, feed and cancel it, and by Close, which waits for it.
func TestEndOfARestoreLeavesTheNextOne(t *testing.T) {
	var c copies
	id := wire.MigrationID{1}
	first, next := newFeed(stalled{make(chan struct{})}, 0), newFeed(stalled{make(chan struct{})}, 0)
	firstDone, nextDone := c.restoring(id, first), c.restoring(id, next)
	firstDone()
	first.close()
	if c.feed(id) != next {
		t.Error("the next restore cannot be found any more")
	}
	c.closeFeeds()
	if _, err := next.cut(); err == nil {
		t.Error("the next restore goes on after the node has closed")
	}
	nextDone()
	if c.feed(id) != nil {
		t.Error("a restore that has ended is still found")
	}
}
