package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// ErrClosed is returned by everything that is asked of a peer after Close.
var ErrClosed = errors.New("peer: closed")

// Peer is a running node. All its methods are safe for concurrent use.
type Peer struct {
	cfg       Config
	id        crypto.NodeID
	boot      uint64
	started   time.Time
	log       zerolog.Logger
	registry  *daemon.Registry
	factories *daemon.Factories
	handler   *target.Handler
	executor  *node.Executor
	journal   *journal.Journal // nil without a data directory
	diskError atomic.Pointer[error]

	net   transport.Network // set before the loop starts, never written again
	items chan item         // to the loop
	done  chan struct{}     // closed when the loop ends
	ctx   context.Context   // ends all work beside the loop
	stop  context.CancelFunc
	wg    sync.WaitGroup // queues, copies, dials
	once  sync.Once

	queues   queues
	copies   copies
	departed departed

	directory directory.Directory // nil for none
	keeper    keeper

	requests    atomic.Uint64
	waiters     waiters
	submissions submissions
	watchers    watchers
	authorizing sync.Mutex    // held from asking Config.Authorize until the core has been told
	spawning    chan struct{} // holds a token during a birth: one at a time, so that a name is taken once
}

// item is one thing for the loop: an input for the core, a look at it, or a producer that has a batch for it.
type item struct {
	in   node.Input
	look func(*node.Core)
	from *Producer
}

// inboxSize is how many inputs may wait for the loop. A full inbox holds up the streams they come from.
const inboxSize = 1024

// New starts a node. It listens when New returns.
func New(cfg Config) (*Peer, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	p := &Peer{
		cfg: cfg, id: cfg.Key.ID(), started: now(), log: cfg.Logger,
		registry: daemon.NewRegistry(), factories: daemon.NewFactories(),
		items: make(chan item, inboxSize), done: make(chan struct{}), queues: newQueues(), spawning: make(chan struct{}, 1),
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.handler = target.NewWithFactories(p.registry, p.factories, cfg.Target)
	p.openDirectory()
	if err := p.openJournal(); err != nil {
		return nil, err
	}
	if err := p.open(); err != nil {
		p.stop()
		if p.journal != nil {
			err = errors.Join(err, p.journal.Close())
		}
		return nil, err
	}
	return p, nil
}

// open starts the node on its journal, whose lock is what makes the boot counter this process's own.
func (p *Peer) open() error {
	var err error
	if p.boot, err = nextBoot(p.cfg.DataDir); err != nil {
		return err
	}
	p.executor = &node.Executor{
		Node: p.id, Registry: p.registry, Handler: p.handler, Journal: p.journal,
		Host: daemon.HostConfig{Now: now}, Clock: now,
	}
	found := p.executor.Found()
	ready := make(chan struct{})
	p.net, err = p.cfg.Network(p.cfg.Transport, &receiver{p: p, ready: ready})
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	close(ready)
	go p.run(node.New(p.coreConfig()), found)
	if p.journal != nil {
		p.wg.Go(p.keepJournal)
	}
	return nil
}

func (p *Peer) coreConfig() node.Config {
	cfg := p.cfg.Core
	cfg.Node, cfg.Name, cfg.Addrs, cfg.Boot = p.id, p.cfg.Name, p.net.Addrs(), p.boot
	cfg.NewKey = crypto.GenerateEntityKeypair
	cfg.Admit = p.admit
	cfg.Directory, cfg.Keeper = p.directory != nil, p.cfg.Keeper
	cfg.Target.CreditEvents = uint64(p.cfg.Target.MaxPendingEvents)
	cfg.Target.CreditBytes = uint64(p.cfg.Target.MaxPendingBytes)
	return cfg
}

// admit refuses what could only fail later.
func (p *Peer) admit(msg *wire.Prepare) error {
	if p.ctx.Err() != nil {
		return fmt.Errorf("peer: this node is closing: %w", wire.ErrRefused)
	}
	if msg.Size > uint64(p.cfg.MaxSnapshot) {
		return p.tooLarge()
	}
	_, err := p.factories.Lookup(msg.Origin, msg.Kind)
	return err
}

// ID returns the node's id.
func (p *Peer) ID() crypto.NodeID { return p.id }

// Name returns what the node calls itself.
func (p *Peer) Name() string { return p.cfg.Name }

// Boot returns the node's boot counter.
func (p *Peer) Boot() uint64 { return p.boot }

// Started returns when the node was started.
func (p *Peer) Started() time.Time { return p.started }

// Addrs returns the addresses at which this node can be dialed, best first.
func (p *Peer) Addrs() []string { return p.net.Addrs() }

// Pending returns unknown callers that were turned away, newest first.
func (p *Peer) Pending() []transport.Pending { return p.net.Pending() }

// Learn tells the node where a peer can be dialed. Addresses that peers announce themselves do not replace
// what was given here. Addresses that nobody else could be told (wire.CheckAddrs) are left out, which the log says,
// and so are those behind the first wire.MaxAddrs.
func (p *Peer) Learn(id crypto.NodeID, addrs ...string) {
	good := make([]string, 0, len(addrs))
	for _, a := range addrs {
		err := wire.CheckAddrs(append(good, a))
		if err != nil {
			p.log.Warn().Err(err).Str("peer", id.String()).Msg("an address is left out")
			continue
		}
		good = append(good, a)
	}
	p.post(node.Learn{Peer: id, Addrs: good})
}

// RegisterKind makes this node able to spawn and to receive daemons of a kind. newDaemon is called once
// for each and must not hand out the same daemon twice.
// Daemons of the kind that the journal has are brought back now. Register every kind that has ever been here: a daemon
// that is not brought back keeps its part of the log on the disk, and everything behind that.
func (p *Peer) RegisterKind(kind string, newDaemon func() daemon.Daemon) error {
	if err := p.factories.RegisterKind(kind, newDaemon); err != nil {
		return err
	}
	if !p.post(node.KindRegistered{Kind: kind}) {
		return ErrClosed
	}
	return nil
}

// Kinds returns the kinds of daemons that this node can spawn and receive, in alphabetical order.
func (p *Peer) Kinds() []string { return p.factories.Kinds() }

// Factories gives access to one-shot expectations by origin.
func (p *Peer) Factories() *daemon.Factories { return p.factories }

// Peers lists the nodes this one knows.
func (p *Peer) Peers(ctx context.Context) (list []node.Peer, err error) {
	err = p.look(ctx, func(c *node.Core) { list = c.Peers() })
	return list, err
}

// Counters returns what the node has counted.
func (p *Peer) Counters(ctx context.Context) (n node.Counters, err error) {
	err = p.look(ctx, func(c *node.Core) { n = c.Counters() })
	return n, err
}

// Close stops serving at once and waits until every goroutine of the node has ended. Daemons of durability
// memory are gone afterwards; migrate them away first.
func (p *Peer) Close() error {
	var err error
	p.once.Do(func() {
		p.stop()
		<-p.done
		err = p.net.Close()
		p.copies.closeFeeds()
		p.wg.Wait()
		if p.journal != nil {
			err = errors.Join(err, p.journal.Close())
		}
		p.waiters.failAll()
		p.failSubmissions()
		p.watchers.closeAll()
	})
	return err
}

// post gives the loop an input; it reports false when the node is closed.
func (p *Peer) post(in node.Input) bool { return p.put(item{in: in}) }

func (p *Peer) put(it item) bool {
	if p.ctx.Err() != nil {
		return false // there may be room in an inbox that nobody reads
	}
	select {
	case p.items <- it:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// look runs f on the loop, where it may read the core, and waits for it.
func (p *Peer) look(ctx context.Context, f func(*node.Core)) error {
	ran := make(chan struct{})
	it := item{look: func(c *node.Core) { f(c); close(ran) }}
	select {
	case p.items <- it:
	case <-p.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ran:
		return nil
	case <-p.done:
		return ErrClosed
	}
}
