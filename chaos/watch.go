package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// How the nodes are asked what they think they hold.
const (
	watchPace     = 100 * time.Millisecond
	convergeLimit = 30 * time.Second // for a cluster in which nothing is broken any more
)

// watcher asks all nodes again and again who holds a daemon, and remembers who has ever said so in which
// epoch.
type watcher struct {
	c      *cluster
	daemon client.Daemon

	mu      sync.Mutex // guards what is below
	holders map[uint64]map[string]bool
}

func newWatcher(c *cluster, d client.Daemon) *watcher {
	return &watcher{c: c, daemon: d, holders: make(map[uint64]map[string]bool)}
}

// run goes on until stop is closed.
func (w *watcher) run(ctx context.Context, stop <-chan struct{}) error {
	ctx, cancel := until(ctx, stop)
	defer cancel()
	for ctx.Err() == nil {
		_, _ = w.look(ctx) // nodes are broken now: one that says nothing has to only when that is over
		wait(ctx, watchPace)
	}
	return nil
}

// look asks once and returns who said what, and who could not say it.
func (w *watcher) look(ctx context.Context) ([]view, error) {
	list, err := w.c.views(ctx, w.daemon.ID)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range list {
		if !v.holds() {
			continue
		}
		if w.holders[v.Epoch] == nil {
			w.holders[v.Epoch] = make(map[string]bool)
		}
		w.holders[v.Epoch][v.at.id.Hex()] = true
	}
	return list, err
}

// seen returns, for each epoch, the ids of the nodes that have said that they hold the daemon in it.
func (w *watcher) seen() map[uint64]map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.holders
}

// converge waits until one node serves the daemon, every other one says that it does not, and returns the one's view. A node
// that does not answer is not taken for one that has nothing to say.
func (w *watcher) converge(ctx context.Context) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, convergeLimit)
	defer cancel()
	text := ""
	for ctx.Err() == nil {
		list, err := w.look(ctx)
		var at []view
		for _, v := range list {
			if v.State != client.StateLeft {
				at = append(at, v) // one that is being brought back is not over yet
			}
		}
		if err == nil && len(at) == 1 && at[0].State == client.StateServing {
			return at[0], nil
		}
		text = describe(list, err)
		wait(ctx, watchPace)
	}
	return view{}, fmt.Errorf("the %s has no single holder %v after everything was repaired%s", w.daemon.Kind, convergeLimit, text)
}

// describe says who said what.
func describe(list []view, err error) (text string) {
	for _, v := range list {
		text += fmt.Sprintf("; %s says %s in epoch %d", v.at.name, v.State, v.Epoch)
		if v.Problem != nil {
			text += ": " + v.Problem.Detail
		}
	}
	if err != nil {
		text += fmt.Sprintf("; %v", err)
	}
	return text
}
