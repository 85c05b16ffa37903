package peer

import (
	"errors"
	"io"
	"testing"

	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// brittle is a counter whose views cannot be read.
type brittle struct{ counter }

type brittleView struct{}

var errBrittle = errors.New("a page of the state cannot be read")

func (*brittle) Snapshot() (io.WriterTo, error) { return brittleView{}, nil }

func (brittleView) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(make([]byte, 100_000)) // so that some of it is on its way
	if err == nil {
		err = errBrittle
	}
	return int64(n), err
}

// TestStays_ViewThatFails: the daemon moves nowhere, and whoever asked is told why, and not that the target cannot be reached.
func TestStays_ViewThatFails(t *testing.T) {
	peers := mesh(t, 2)
	for _, p := range peers {
		if err := p.RegisterKind("brittle", func() daemon.Daemon { return new(brittle) }); err != nil {
			t.Fatal(err)
		}
	}
	staying(t, peers, "brittle", peers[1].ID(), wire.ErrStateFailed)
}

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
