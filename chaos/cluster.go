package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/relay"
)

// cluster is the nodes and clients of one run, and the relays between them.
type cluster struct {
	h       *harness
	base    string
	level   string // of durability
	kept    bool   // the first node keeps a directory, which decides about the moves
	mesh    *relay.Mesh
	members []*member
	clients []*clientNode
}

// clientCount is how many nodes without daemons submit events.
const clientCount = 2

// newCluster starts the nodes and the clients. Close it even after an error.
func newCluster(ctx context.Context, h *harness, base string, seed uint64) (*cluster, error) {
	c := &cluster{h: h, base: base, level: h.levelOf(seed), kept: h.keeps(seed), mesh: relay.NewMesh(seed)}
	for i := range h.o.nodes {
		m, err := newMember(c, string(rune('a'+i)))
		c.members = append(c.members, m)
		if err != nil {
			return c, err
		}
	}
	for i := range clientCount {
		n, err := newClientNode(c, fmt.Sprintf("client-%d", i+1))
		if err != nil {
			return c, err
		}
		c.clients = append(c.clients, n)
	}
	if err := c.authorize(); err != nil {
		return c, err
	}
	return c, c.startAll(ctx)
}

// authorize writes the file of authorized peers, which is the same for all: a node's own line does no harm.
func (c *cluster) authorize() error {
	var lines strings.Builder
	for _, m := range c.members {
		fmt.Fprintln(&lines, crypto.AuthorizedLine(m.id, []string{"submit", "migrate-in", "migrate-out"}, m.name))
	}
	for _, n := range c.clients {
		fmt.Fprintln(&lines, crypto.AuthorizedLine(n.id, []string{"submit"}, n.name))
	}
	for _, m := range c.members {
		if err := os.WriteFile(filepath.Join(m.dir, "authorized_peers"), []byte(lines.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startAll starts the nodes that do not run, side by side.
func (c *cluster) startAll(ctx context.Context) error {
	errs := make([]error, len(c.members)) // one place each, so they need no lock
	var wg sync.WaitGroup
	for i, m := range c.members {
		wg.Go(func() { errs[i] = m.start(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// ends are the names of everybody that the mesh connects.
func (c *cluster) ends() (names []string) {
	for _, m := range c.members {
		names = append(names, m.name)
	}
	for _, n := range c.clients {
		names = append(names, n.name)
	}
	return names
}

// spawn gives birth to a daemon at the first node.
func (c *cluster) spawn(ctx context.Context, kind string) (client.Daemon, error) {
	d, err := c.members[0].admin.Spawn(ctx, kind, kind)
	if err != nil {
		return d, fmt.Errorf("spawning a daemon of kind %s: %w", kind, err)
	}
	return d, nil
}

// view is what a node says about a daemon.
type view struct {
	at *member
	client.Daemon
}

// holds reports whether the node says that it has the daemon, as opposed to a memory or a journal of it.
func (v view) holds() bool {
	return v.State == client.StateServing || v.State == client.StateMoving || v.State == client.StateFrozen
}

// views asks every node about a daemon. One that has never heard of it has nothing to say; what every other one says that
// does not describe it, in time, is in the error.
func (c *cluster) views(ctx context.Context, daemon string) ([]view, error) {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	answers, errs := make([]client.Daemon, len(c.members)), make([]error, len(c.members)) // one place each, so they need no lock
	var wg sync.WaitGroup
	for i, m := range c.members {
		wg.Go(func() { answers[i], errs[i] = m.admin.Daemon(ctx, daemon) })
	}
	wg.Wait()
	var list []view
	var failed error
	for i, m := range c.members {
		switch {
		case errs[i] == nil:
			list = append(list, view{m, answers[i]})
		case !errors.Is(errs[i], neverHeard):
			failed = errors.Join(failed, fmt.Errorf("%s says nothing of it: %w", m.name, errs[i]))
		}
	}
	return list, failed
}

// neverHeard is the answer of a node that knows no daemon of a name.
var neverHeard = &client.Problem{Kind: "unknown_daemon"}

// close ends everything. The directory stays.
func (c *cluster) close() error {
	var err error
	for _, n := range c.clients {
		err = errors.Join(err, n.close())
	}
	for _, m := range c.members {
		err = errors.Join(err, m.close())
	}
	return errors.Join(err, c.mesh.Close())
}
