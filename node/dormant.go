package node

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// What a node finds on its disk when it starts, as [Executor.Found] returns it.
type (
	// FoundTombstone is the tombstone of a daemon that moved away in an earlier life of the process.
	FoundTombstone struct{ Tombstone journal.Tombstone }
	// FoundHandover is a daemon that was handed over, and whose successor has not confirmed it.
	FoundHandover struct {
		Daemon   Daemon
		Commit   journal.Commit
		Next     crypto.PublicKey
		Head     crypto.Head // before the handover
		Handover crypto.CausalEvent
		Arrival  *wire.ActivateAck   // how it had come here; nil if it was born here
		Opened   *crypto.CausalEvent // the handover of that, if a directory decided it
	}
	// FoundCopy is a copy that has to be brought back before anything can be said of its daemon.
	FoundCopy struct {
		Copy       journal.CopyID
		Origin     uint64
		Entity     crypto.EntityID
		Kind, Name string
		Durability wire.Durability
		Migration  wire.MigrationID // goes on when the copy is back; zero if none does
		Err        error            // why it cannot be
	}
)

// KindRegistered says that daemons of a kind can be built now.
type KindRegistered struct{ Kind string }

func (FoundTombstone) nodeInput() {}
func (FoundHandover) nodeInput()  {}
func (FoundCopy) nodeInput()      {}
func (KindRegistered) nodeInput() {}

// dormant is a copy that is not back yet. Until it is, nobody gets an answer that rests on its not being
// here: who asks again later is answered then.
type dormant struct {
	FoundCopy
	reviving bool
}

func (c *Core) foundCopy(in FoundCopy) {
	c.dormant[in.Origin] = &dormant{FoundCopy: in}
	if in.Migration != (wire.MigrationID{}) {
		c.sleeping[in.Migration]++
	}
	if in.Err != nil {
		c.alarmDormant(in.Origin, in.Err)
	}
}

// idAwake checks that no dormant copy goes on under an id. Another daemon that had it meanwhile would be displaced then.
func (c *Core) idAwake(id wire.MigrationID) error {
	if c.sleeping[id] > 0 {
		return fmt.Errorf("node: a daemon whose migration has this id is being brought back from the journal: %w", wire.ErrNotReady)
	}
	return nil
}

func (c *Core) alarmDormant(origin uint64, err error) {
	c.note(Note{Kind: NoteAlarm, Origin: origin, Text: "a daemon cannot be brought back from the journal; it is not served, and its records stay as they are", Err: err})
}

// kindRegistered starts to bring back the daemons of a kind.
func (c *Core) kindRegistered(kind string) {
	for _, origin := range sortedKeys(c.dormant) {
		if d := c.dormant[origin]; d.Kind == kind && d.Err == nil && !d.reviving {
			d.reviving = true
			c.call(d.Origin, wire.MigrationID{}, Revive{Copy: d.Copy})
		}
	}
}

// revived: the daemon serves, or its arrival goes on.
func (c *Core) revived(origin uint64, r Revived) {
	d := c.dormant[origin]
	if r.Err != nil {
		d.Err = r.Err
		c.alarmDormant(origin, r.Err)
		return
	}
	delete(c.dormant, origin)
	if c.sleeping[d.Migration]--; c.sleeping[d.Migration] <= 0 {
		delete(c.sleeping, d.Migration)
	}
	if r.Recovered != nil {
		c.arriveAgain(d, r)
		return
	}
	c.serve(r.Daemon)
	c.daemons[origin].arrival, c.daemons[origin].opened = r.Arrival, r.Opened
	if r.Promised != nil {
		c.promised(c.daemons[origin], r.Promised)
		return
	}
	c.note(Note{Kind: NoteInfo, Origin: origin, Text: fmt.Sprintf("a daemon is back from the journal and serves at epoch %d", r.Daemon.Epoch)})
}

// arriveAgain goes on with a migration towards this node.
func (c *Core) arriveAgain(d *dormant, r Revived) {
	msg := r.Recovered.Request.Prepare
	from := r.Recovered.Request.Source
	c.learnMissing(from, r.Recovered.Request.Addrs)
	e := c.newArrival(msg)
	m, out := target.RecoverMachine(c.now, c.cfg.Target, *r.Recovered)
	e.m = m
	c.targets[msg.Migration], c.arriving[d.Origin] = e, e
	c.incoming[from]++
	c.obeyTarget(e, out)
	if c.ready(from) != nil {
		c.stepTarget(e, target.PeerUp{Peer: from})
	}
}

// foundHandover takes the delivery of a handover up again.
func (c *Core) foundHandover(in FoundHandover) {
	d := &local{Daemon: in.Daemon, arrival: in.Arrival, opened: in.Opened}
	c.daemons[in.Daemon.Origin] = d
	e := c.sourceAgain(d, in.Commit.Target, in.Commit.Addrs)
	m, out := source.Recover(c.now, c.cfg.Source, source.Request{
		Migration: in.Commit.Ref.Migration, Entity: in.Daemon.Entity, Origin: in.Daemon.Origin, Epoch: in.Commit.Ref.Epoch,
		Kind: in.Daemon.Kind, Name: in.Daemon.Name, Durability: in.Daemon.Durability,
		Orchestrator: in.Commit.Orchestrator, Target: in.Commit.Target, Addrs: in.Commit.Addrs,
	}, source.Committed{Attempt: in.Commit.Attempt, Next: in.Next, Head: in.Head, Handover: in.Handover})
	e.m, c.sources[in.Commit.Ref.Migration] = m, e
	c.obeySource(e, out)
}

// promised takes a migration up again about which the directory is to decide, or has decided.
func (c *Core) promised(d *local, p *journal.Promise) {
	e := c.sourceAgain(d, p.Target, p.Addrs)
	m, out := source.RecoverPromised(c.now, c.cfg.Source, source.Request{
		Migration: p.Ref.Migration, Entity: d.Entity, Origin: d.Origin, Epoch: p.Ref.Epoch, Kind: d.Kind, Name: d.Name,
		Durability: d.Durability, Directory: true, Orchestrator: p.Orchestrator, Target: p.Target, Addrs: p.Addrs,
	}, p.Cert)
	e.m, c.sources[p.Ref.Migration] = m, e
	c.obeySource(e, out)
}

// sourceAgain is the entry of a migration of an earlier life of the process.
func (c *Core) sourceAgain(d *local, to crypto.NodeID, addrs []string) *sourceEntry {
	c.learnMissing(to, addrs)
	e := &sourceEntry{d: d, addrs: c.peer(to).addrs, started: c.now}
	d.source = e
	return e
}

// foundTombstone puts a tombstone back. The time on the disk is told by the clock that the core waits by, which is not set when the wall
// clock is: in one heap the two have no order.
func (c *Core) foundTombstone(r journal.Tombstone) {
	origin := crypto.OriginOf(r.Entity)
	t := &tombstone{
		migration: r.Ref.Migration, node: r.To, addrs: r.Addrs, epoch: r.Ref.Epoch + 1, handover: r.Handover,
		entity: r.Entity, name: r.Name, kind: r.Kind, expires: c.now.Add(unstamp(r.Expires).Sub(c.now)), arrival: r.Arrival, opened: r.Opened, durable: true,
	}
	c.keepTombstone(t, origin)
}
