package peer

import (
	"context"

	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Stop ends a daemon of this node for good: it is unregistered and its key is wiped. A daemon that is
// moving cannot be stopped.
func (p *Peer) Stop(ctx context.Context, origin uint64) error {
	_, err := p.request(ctx, func(id uint64) node.Input { return node.End{Request: id, Origin: origin} })
	return err
}

// Daemons lists the daemons that serve here and the tombstones of those that left.
func (p *Peer) Daemons(ctx context.Context) (list []node.DaemonView, err error) {
	err = p.look(ctx, func(c *node.Core) { list = c.Daemons() })
	return list, err
}

// Daemon describes one daemon or tombstone of this node.
func (p *Peer) Daemon(ctx context.Context, origin uint64) (v node.DaemonView, err error) {
	known := false
	err = p.look(ctx, func(c *node.Core) { v, known = c.Daemon(origin) })
	if err == nil && !known {
		err = wire.ErrDaemonNotFound
	}
	return v, err
}

// Named lists the daemons and tombstones of this node that have the name, in no order. It is cheap beside Daemons.
func (p *Peer) Named(ctx context.Context, name string) (list []node.DaemonView, err error) {
	err = p.look(ctx, func(c *node.Core) { list = c.Named(name) })
	return list, err
}

// Serving returns how many daemons are here, those included that are still being brought back.
func (p *Peer) Serving(ctx context.Context) (n int, err error) {
	err = p.look(ctx, func(c *node.Core) { n = c.Serving() })
	return n, err
}

// Host returns the host of a daemon that is registered here, dark ones included: for its head, its passport
// and its epoch.
func (p *Peer) Host(origin uint64) (*daemon.Host, bool) { return p.registry.Host(origin) }

// Inspect reads a daemon that serves here, without an event, behind the same gate as every answer.
func (p *Peer) Inspect(ctx context.Context, origin uint64, query []byte) ([]byte, error) {
	r, err := p.request(ctx, func(id uint64) node.Input {
		return node.Inspect{Request: id, Origin: origin, Query: query}
	})
	return r.Data, err
}
