package peer

import (
	"context"
	"fmt"
	"slices"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// SpawnOptions describe a daemon to be born.
type SpawnOptions struct {
	// Name is for people; it travels with the daemon. Empty means none.
	Name string
	// Administrator may sign forced entries later; zero means nobody ever may.
	Administrator crypto.PublicKey
	// New makes the daemon; nil means the factory of the kind. A daemon above durability memory needs the
	// factory as well: a restart builds it by its kind.
	New func() daemon.Daemon
	// Durability is what an acknowledgment of the daemon promises; nil means that of the node.
	Durability *wire.Durability
}

// Spawn gives birth to a daemon on this node: a new entity, at sequence 0 of its log and in epoch 1. A birth
// that cannot be recorded now, because the disk is full, is refused. Once it is being recorded ctx does not end it.
func (p *Peer) Spawn(ctx context.Context, kind string, opt SpawnOptions) (node.Daemon, error) {
	select {
	case p.spawning <- struct{}{}:
		defer func() { <-p.spawning }()
	case <-ctx.Done():
		return node.Daemon{}, context.Cause(ctx)
	}
	if p.ctx.Err() != nil {
		return node.Daemon{}, ErrClosed // the data directory is another process's now
	}
	if err := p.nameIsFree(ctx, opt.Name); err != nil {
		return node.Daemon{}, err
	}
	key, err := crypto.GenerateEntityKeypair()
	if err != nil {
		return node.Daemon{}, err
	}
	level := p.cfg.Durability
	if opt.Durability != nil {
		level = *opt.Durability
	}
	if level > wire.DurabilityMemory && p.journal == nil {
		return node.Daemon{}, fmt.Errorf("peer: durability %v needs a data directory, and this node has none: %w", level, wire.ErrRefused)
	}
	if err := p.DiskError(); err != nil && level > wire.DurabilityMemory {
		return node.Daemon{}, fmt.Errorf("peer: the birth cannot be recorded now: %w", err)
	}
	host, stop, err := p.birth(key, kind, opt)
	if err != nil {
		return node.Daemon{}, err
	}
	if err := p.registerBirth(ctx, host.Passport().Genesis); err != nil {
		return node.Daemon{}, err
	}
	if err := p.executor.Born(host, key, level, p.wait); err != nil {
		return node.Daemon{}, fmt.Errorf("peer: the birth could not be recorded: %w", err)
	}
	if err := p.registry.Register(host); err != nil {
		return node.Daemon{}, err
	}
	d := node.DaemonOf(host, stop, level)
	if !p.post(node.Serve{Daemon: d}) {
		return node.Daemon{}, ErrClosed
	}
	p.log.Info().Str("daemon", d.Entity.String()).Str("kind", kind).Str("name", opt.Name).Msg("daemon born")
	return d, nil
}

func (p *Peer) birth(key *crypto.EntityKeypair, kind string, opt SpawnOptions) (*daemon.Host, bool, error) {
	plan := daemon.Expectation{New: opt.New}
	if opt.New == nil {
		var err error
		if plan, err = p.factories.Lookup(crypto.OriginOf(crypto.EntityID(key.Public())), kind); err != nil {
			return nil, false, err
		}
	}
	d, err := plan.Build()
	if err != nil {
		return nil, false, err
	}
	_, stop := d.(daemon.StopAndCopy)
	host, err := daemon.NewHost(d, key, kind, daemon.HostConfig{
		Now: now, Node: p.id, Name: opt.Name, Administrator: opt.Administrator,
	})
	return host, stop, err
}

// nameIsFree keeps names unambiguous on one node. Daemons that arrive keep the names they have.
func (p *Peer) nameIsFree(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	var taken bool
	err := p.look(ctx, func(c *node.Core) {
		taken = slices.ContainsFunc(c.Named(name), func(d node.DaemonView) bool { return !d.Left })
	})
	if taken {
		return fmt.Errorf("peer: a daemon named %q serves here already: %w", name, wire.ErrRefused)
	}
	return err
}
