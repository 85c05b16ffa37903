package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// chronicle is what all copies of one daemon must agree on.
type chronicle struct {
	daemon  node.Daemon
	at      map[uint64]crypto.Digest // by sequence
	heads   map[uint64]crypto.Head   // by sequence: what every copy has there
	where   map[submission]uint64    // the sequence of each submission
	moves   []move                   // commits, in order
	epoch   uint64                   // the highest of a holder
	lost    bool                     // the process of its only holder has died
	adrift  bool                     // the same, or that of one who had the only proof of who its holder is
	payload map[string]uint64        // the sequence of each payload, which are all different
	holder  *life                    // who held it when that was last looked at
	wild    bool                     // it belongs to a hostile node
	acked   uint64                   // the highest sequence that a producer was told
	holders map[uint64]*Node         // who has held it, by epoch
	first   map[uint64]time.Time     // when any copy applied a sequence first
	shed    shed
}

// shed is what processes of durability handover have taken with them: acknowledged or not, it is in no later log. A copy
// that was on its way to another node may still have it, until that node learns that its migration is over.
type shed struct {
	events      map[crypto.Digest]bool
	submissions map[submission]bool
}

// submission names one submission for good.
type submission struct {
	producer crypto.ProducerID
	number   uint64
}

// move is one committed handover.
type move struct {
	id       wire.MigrationID
	from, to *life         // to is nil if nobody was there
	target   *Node         // nil if there is no such node
	orch     crypto.NodeID // who asked for it
	head     crypto.Head   // before the handover
}

// Spawn gives birth to a daemon on the node.
func (n *Node) Spawn(kind, name string) node.Daemon {
	l := n.life
	key, err := l.newKey()
	if err != nil {
		panic(fmt.Sprintf("sim: internal error: %v", err))
	}
	plan, err := l.handler.Factories().Lookup(crypto.OriginOf(crypto.EntityID(key.Public())), kind)
	if err != nil {
		panic(fmt.Sprintf("sim: internal error: %v", err))
	}
	host, err := daemon.NewHost(plan.New(), key, kind, daemon.HostConfig{Now: n.now, Node: n.ID, Name: name})
	if err == nil {
		err = l.executor.Born(host, key, n.c.opt.Durability, l.wait)
	}
	if err == nil {
		err = l.registry.Register(host)
	}
	if err != nil {
		panic(fmt.Sprintf("sim: internal error: %v", err))
	}
	d := node.DaemonOf(host, kind == KindFrozen, n.c.opt.Durability)
	n.c.logs[d.Origin] = &chronicle{
		daemon: d, at: make(map[uint64]crypto.Digest), heads: make(map[uint64]crypto.Head),
		where: make(map[submission]uint64), payload: make(map[string]uint64),
		holders: make(map[uint64]*Node), first: make(map[uint64]time.Time), shed: newShed(), wild: n.hostile,
	}
	n.c.register(host.Passport().Genesis, n)
	l.step(node.Serve{Daemon: d})
	return d
}

// saw is told of every event that any copy applies. What a dead holder has shed may be in a copy that is brought back dark,
// and in the log again if its producer has sent it again.
func (l *life) saw(ev daemon.Event) {
	c, j := l.c, l.c.logs[ev.Link.Origin]
	if j == nil || j.wild || l.misled(ev.Link.Origin) {
		return
	}
	digest := ev.Digest()
	if host, ok := l.registry.Host(ev.Link.Origin); j.shed.events[digest] && ok && host.Dark() {
		return
	}
	delete(j.shed.events, digest)
	seq := ev.Link.Sequence
	if before, ok := j.at[seq]; ok {
		if before != digest {
			c.Failf("two copies of %s saw different events at %d", j.daemon.Name, seq)
		}
		return
	}
	j.at[seq], j.first[seq] = digest, c.now
	s := submission{ev.Producer, ev.ProducerSeq}
	if first, ok := j.where[s]; ok {
		c.Failf("submission %d of %s is in the log of %s at %d and at %d", s.number, s.producer.Short(), j.daemon.Name, first, seq)
	}
	j.where[s] = seq
	if c.lied[ev.Producer] {
		return // it may submit what it has heard from others, as its own
	}
	if first, ok := j.payload[string(ev.Payload)]; ok {
		c.Failf("a payload is in the log of %s at %d and at %d, under two numbers", j.daemon.Name, first, seq)
	}
	j.payload[string(ev.Payload)] = seq
}

// misled reports whether what a copy applies comes from a hostile node that plays its source: the last event before the chain
// breaks can be any. Such a copy stays dark, since only the holder's key ends it with a handover.
func (l *life) misled(origin uint64) bool {
	source, known := l.handler.SourceNode(origin)
	if !known || !l.c.isHostile(source) {
		return false
	}
	host, ok := l.registry.Host(origin)
	return ok && host.Dark()
}

// committed is told of every handover that is durable, once by who made it so and again by who finds it. l is the
// source, which may have died meanwhile.
func (c *Cluster) committed(l *life, origin uint64, id wire.MigrationID, target, orch crypto.NodeID, head crypto.Head) {
	j := c.logs[origin]
	if j == nil || j.wild {
		return
	}
	if slices.ContainsFunc(j.moves, func(m move) bool { return m.id == id && m.head.Sequence == head.Sequence }) {
		return
	}
	var to *life
	n := c.node(target)
	if n != nil {
		to = n.life
	}
	if !c.durable() && (to == nil || !to.handler.IsMigrating(origin)) {
		j.adrift = true // it died after its hold, and nobody could know yet
	}
	j.moves = append(j.moves, move{id: id, from: l, to: to, target: n, orch: orch, head: head})
	c.log("%s is committed to %s at %d", j.daemon.Name, c.name(target), head.Sequence)
}

func (c *Cluster) name(id crypto.NodeID) string {
	if n := c.node(id); n != nil {
		return n.Name
	}
	return "?"
}

// holders returns the lives whose host of the daemon is a holder of it, neither dark nor handed over, and the epoch of the last.
func (c *Cluster) holders(origin uint64) (list []*life, epoch uint64) {
	for _, n := range c.nodes {
		if n.life == nil {
			continue
		}
		host, ok := n.life.registry.Host(origin)
		if !ok || host.Dark() {
			continue
		}
		if _, gone := host.HandedOver(); gone {
			continue
		}
		if c.superseded(origin, host.Epoch()) {
			if !host.Frozen() {
				c.Failf("%s serves %s at epoch %d, which the directory has ended", n.Name, c.logs[origin].daemon.Name, host.Epoch())
			}
			continue
		}
		list = append(list, n.life)
		epoch = host.Epoch()
	}
	return list, epoch
}

// check looks at what must hold after every step.
func (c *Cluster) check() {
	if c.opt.Rule != nil {
		if why := c.opt.Rule(c); why != "" {
			c.Failf("%s", why)
		}
	}
	for _, origin := range c.origins() {
		j := c.logs[origin]
		c.checkHeads(origin, j)
		holders, epoch := c.holders(origin)
		if len(holders) > 1 {
			c.Failf("%s and %s are both holders of %s", holders[0].Name, holders[1].Name, j.daemon.Name)
		}
		if len(holders) == 0 {
			continue
		}
		changed := j.holder != holders[0] || j.epoch != epoch
		j.holder, j.adrift = holders[0], false
		if epoch < j.epoch {
			c.Failf("%s is the holder of %s at epoch %d, after epoch %d", holders[0].Name, j.daemon.Name, epoch, j.epoch)
		}
		j.epoch = epoch
		if changed {
			c.succeed(j, holders[0], epoch)
		}
		if j.lost {
			c.Failf("%s serves at %s after it was lost", j.daemon.Name, holders[0].Name)
		}
	}
}

// died notes what a process may have taken with it: a daemon that it held, or one that was between it and
// another when it died.
func (c *Cluster) died(l *life) {
	if c.durable() {
		return // nothing is lost
	}
	for _, origin := range c.origins() {
		j := c.logs[origin]
		if holders, _ := c.holders(origin); len(holders) > 0 {
			continue
		}
		var last move
		if len(j.moves) > 0 {
			last = j.moves[len(j.moves)-1]
		}
		j.lost = j.lost || j.holder == l && last.from != l && c.directory == nil // which may still decide
		j.adrift = j.adrift || j.holder == l || last.from == l || last.to == l
	}
}

// reachable reports whether a daemon can still answer, if not now then once its move is over.
func (c *Cluster) reachable(origin uint64) bool {
	holders, _ := c.holders(origin)
	return !c.logs[origin].wild && (len(holders) > 0 || !c.logs[origin].adrift)
}

// Moved returns how many handovers were committed.
func (c *Cluster) Moved() (n int) {
	for _, j := range c.logs {
		n += len(j.moves)
	}
	return n
}

// countOneWay counts the freezes that are followed by the commit, or the promise, in the same step: the hold was here
// before.
func (c *Cluster) countOneWay(in node.Input, out node.Effects) {
	done, ok := in.(node.Done)
	if !ok {
		return
	}
	if _, ok := done.Result.(source.Frozen); !ok {
		return
	}
	for _, call := range out.Calls {
		switch call.Op.(type) {
		case source.CallHandOver, source.CallPromise:
			c.oneWay++
		}
	}
}

// OneWay returns how many times a source has committed, or has promised to, with a hold from before the freeze. What died
// before it was durable is counted as well.
func (c *Cluster) OneWay() int { return c.oneWay }

// Deaths returns how many processes have died.
func (c *Cluster) Deaths() int { return c.deaths }
