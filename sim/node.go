package sim

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Node is one peer: a key that lasts, and a process that can die.
type Node struct {
	c     *Cluster
	Index int
	Name  string
	ID    crypto.NodeID
	// Rights are what this node gives to others; nil gives everybody everything.
	Rights func(crypto.NodeID) wire.Rights

	boot    uint64
	hostile bool // it lies, and nothing that it has is checked
	clock   clock
	disk    *crashdisk.Disk // nil at durability memory
	life    *life           // nil while the process is dead
}

// life is everything that dies with a process.
type life struct {
	*Node
	number   uint64
	dead     bool
	died     time.Time
	core     *node.Core
	executor *node.Executor
	registry *daemon.Registry
	handler  *target.Handler

	journal *journal.Journal // nil at durability memory

	queues   map[uint64]*queue
	reports  map[uint64]*reports
	ends     map[node.SessionID]*end
	copies   map[wire.MigrationID]*copying
	streams  map[uint64]*stream
	restores map[wire.MigrationID]*restore
	requests map[uint64]*Request
	reads    map[uint64]read
	epochs   map[clientKey]uint64 // of the last receipt of each producer
	wake     time.Time            // the earliest Tick that is on its way, zero for none
	ticks    int
	notes    []node.Note
	mute     bool        // nothing that it sends leaves
	secrets  []secretKey // every private key that this process has made
}

func (c *Cluster) newNode(i int) *Node {
	key, err := crypto.NodeKeypairFromSeed(c.bytes32("node keys"))
	if err != nil {
		panic(fmt.Sprintf("sim: internal error: %v", err))
	}
	return &Node{c: c, Index: i, Name: string(rune('A' + i)), ID: key.ID()}
}

// start begins a new life.
func (n *Node) start() {
	n.boot++
	n.setClock()
	reg := daemon.NewRegistry()
	l := &life{
		Node: n, number: n.boot, registry: reg,
		queues: make(map[uint64]*queue), reports: make(map[uint64]*reports), ends: make(map[node.SessionID]*end),
		copies: make(map[wire.MigrationID]*copying), streams: make(map[uint64]*stream),
		restores: make(map[wire.MigrationID]*restore), requests: make(map[uint64]*Request),
		reads: make(map[uint64]read), epochs: make(map[clientKey]uint64),
	}
	cfg := n.c.opt.Target
	cfg.Node = n.ID
	l.handler = target.New(reg, cfg)
	l.registerKinds(l.handler.Factories())
	host := daemon.HostConfig{Now: n.now, Node: n.ID}
	l.executor = &node.Executor{Node: n.ID, Registry: reg, Handler: l.handler, Host: host, Clock: l.tick}
	n.life = l
	n.c.log("%s starts, boot %d", n.Name, n.boot)
	l.openJournal()
	l.core = node.New(n.config(l, cfg))
	l.recover()
	if !n.c.opt.Strangers {
		for _, other := range n.c.nodes {
			if other != n {
				l.step(node.Learn{Peer: other.ID, Addrs: []string{other.Name}})
			}
		}
	}
}

func (n *Node) config(l *life, limits target.Config) node.Config {
	cfg := n.c.opt.Core
	cfg.Node, cfg.Name, cfg.Addrs, cfg.Boot = n.ID, n.Name, []string{n.Name}, n.boot
	cfg.NewKey, cfg.Directory = l.newKey, n.c.directory != nil
	cfg.Admit = func(msg *wire.Prepare) error {
		_, err := l.handler.Factories().Lookup(msg.Origin, msg.Kind)
		return err
	}
	cfg.Target.CreditEvents = uint64(max(limits.MaxPendingEvents, 1))
	cfg.Target.CreditBytes = uint64(max(limits.MaxPendingBytes, 1))
	if limits.MaxPendingEvents == 0 {
		cfg.Target.CreditEvents, cfg.Target.CreditBytes = target.DefaultPendingEvents, target.DefaultPendingBytes
	}
	return cfg
}

// tick is a clock on which everything takes a little time, so that replay rates can be measured.
func (l *life) tick() time.Time {
	l.ticks++
	return l.c.now.Add(time.Duration(l.ticks) * 20 * time.Microsecond)
}

// Up reports whether the process lives.
func (n *Node) Up() bool { return n.life != nil }

// Core is the core of the node's present life, to look at.
func (n *Node) Core() *node.Core { return n.life.core }

// Handler is the target handler of the node's present life, to look at.
func (n *Node) Handler() *target.Handler { return n.life.handler }

// Host returns the host of a daemon that is registered at the node.
func (n *Node) Host(origin uint64) (*daemon.Host, bool) {
	if n.life == nil {
		return nil, false
	}
	return n.life.registry.Host(origin)
}

// Notes returns what the node's present life would have logged.
func (n *Node) Notes() []node.Note { return n.life.notes }

// Kill ends the process. What it had in memory is gone, and its sessions end without a word.
func (n *Node) Kill() {
	l := n.life
	if l == nil {
		return
	}
	n.c.log("%s dies", n.Name)
	l.dead, l.died, n.life = true, n.c.now, nil
	for _, s := range n.c.sessions {
		if s.ends[0].life == l || s.ends[1].life == l {
			s.cut("the process died")
		}
	}
	for _, r := range n.c.sortedRestores(l) {
		r.stop()
	}
	n.c.deaths++
	n.c.died(l)
	n.crashDisk()
}

// Restart begins a new life of a dead process.
func (n *Node) Restart() {
	if n.life == nil {
		n.start()
	}
}

// step gives the core one input and carries out what it wants.
func (l *life) step(in node.Input) {
	if l.dead || l.c.err != nil {
		return
	}
	l.c.steps++
	l.c.logInput(l, in)
	effects := l.core.Step(l.now(), in)
	l.c.countOneWay(in, effects)
	l.obey(effects)
	l.c.check()
	if l.c.steps%limitsEvery == 0 {
		l.c.checkLimits(l)
	}
}

// at runs something unless the process has died by then.
func (l *life) at(t time.Time, f func()) {
	l.c.at(t, func() {
		if !l.dead {
			f()
		}
	})
}

func (l *life) after(d time.Duration, f func()) { l.at(l.c.now.Add(d), f) }

// obey carries effects out in the order of their fields.
func (l *life) obey(e node.Effects) {
	for _, call := range e.Calls {
		l.dispatch(call)
	}
	for _, q := range e.Consults {
		l.consult(q)
	}
	for _, id := range e.StopCopies {
		l.stopCopy(id)
	}
	for _, cp := range e.Copies {
		l.startCopy(cp)
	}
	for _, id := range e.RefuseStreams {
		l.refuse(id)
	}
	for _, d := range e.Dials {
		l.dial(d)
	}
	for _, s := range e.Sends {
		if end := l.ends[s.Session]; end != nil {
			end.send(s)
		}
	}
	for _, r := range e.Replies {
		l.replied(r)
	}
	l.notes = append(l.notes, e.Notes...)
	l.setWake(e.Wake)
}

// setWake sees to it that a Tick comes at the time the core wants one.
func (l *life) setWake(at time.Time) {
	if at.IsZero() || !l.wake.IsZero() && !at.Before(l.wake) {
		return
	}
	l.wake = at
	l.at(l.when(at), func() {
		if l.wake.Equal(at) {
			l.wake = time.Time{}
			l.step(node.Tick{})
		}
	})
}

// Inject gives the node's core an input by hand.
func (n *Node) Inject(in node.Input) {
	if n.life != nil {
		n.life.step(in)
	}
}
