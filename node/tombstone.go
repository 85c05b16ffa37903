package node

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/wire"
)

// tombstone is what is left of a daemon that moved away. While the daemon is here again it answers for its migration only.
type tombstone struct {
	migration wire.MigrationID
	node      crypto.NodeID
	addrs     []string
	epoch     uint64
	handover  crypto.CausalEvent
	entity    crypto.EntityID
	name      string
	kind      string
	expires   time.Time
	alarm     alarm
	arrival   *wire.ActivateAck   // how it had come here
	opened    *crypto.CausalEvent // the handover of that, if a directory decided it
	durable   bool                // there is a record of it
}

// arrivalOf is the proof that a daemon which is here, or was, has been activated by a migration, also after
// the migration itself has been forgotten. Its source needs nothing else to let go.
func (c *Core) arrivalOf(ref wire.Ref) *wire.ActivateAck {
	var ack *wire.ActivateAck
	if d := c.daemons[ref.Origin]; d != nil {
		ack = d.arrival
	} else if t := c.tombstones[ref.Origin]; t != nil {
		ack = t.arrival
	}
	if ack == nil || ack.Migration != ref.Migration || ref.Epoch != 0 && ref.Epoch != ack.Epoch {
		return nil // an orchestrator may have left the epoch open
	}
	return ack
}

// moved reports whether a migration is the one that has moved the daemon from here. Under its id the daemon may leave a second time,
// at a later epoch.
func (t *tombstone) moved(ref wire.Ref) bool {
	return t != nil && t.migration == ref.Migration && (ref.Epoch == 0 || ref.Epoch+1 == t.epoch)
}

// bury replaces a daemon that moved away by its tombstone. One that serves here again stays: what has moved away is then a copy of an
// earlier process, and is proven late.
func (c *Core) bury(d *local, ref wire.Ref, to crypto.NodeID, addrs []string, handover crypto.CausalEvent) {
	t := &tombstone{
		migration: ref.Migration, node: to, addrs: addrs, epoch: ref.Epoch + 1, handover: handover,
		entity: d.Entity, name: d.Name, kind: d.Kind, expires: c.now.Add(c.cfg.TombstoneLife), arrival: d.arrival, opened: d.opened,
		durable: d.Durability > wire.DurabilityMemory,
	}
	var record *journal.Tombstone
	if c.daemons[d.Origin] == d {
		delete(c.daemons, d.Origin)
		record = c.entomb(t, ref)
	}
	if t.durable {
		c.call(d.Origin, ref.Migration, Bury{record})
	}
	c.answerDelayed(d, &wire.RemoteError{Reason: wire.ReasonMoved})
}

// entomb keeps a tombstone and returns its record. Beyond their limit there is none: who asks gets ErrDaemonNotFound and looks elsewhere.
func (c *Core) entomb(t *tombstone, ref wire.Ref) *journal.Tombstone {
	if len(c.tombstones) >= maxTombstones && c.tombstones[ref.Origin] == nil {
		return nil
	}
	c.keepTombstone(t, ref.Origin)
	record := t.record(ref)
	return &record
}

// keepTombstone keeps the only tombstone of a daemon, with the alarm of the one before it.
func (c *Core) keepTombstone(t *tombstone, origin uint64) {
	if before := c.tombstones[origin]; before != nil {
		t.alarm = before.alarm
	}
	c.tombstones[origin] = t
	c.set(&t.alarm, t.expires, timer{kind: timerTombstone, origin: origin})
}

func (c *Core) expireTombstone(origin uint64) {
	if t := c.tombstones[origin]; c.now.Before(t.expires) {
		c.set(&t.alarm, t.expires, timer{kind: timerTombstone, origin: origin})
		return
	}
	c.forgetTombstone(origin)
}

func (c *Core) forgetTombstone(origin uint64) {
	if t := c.tombstones[origin]; t != nil {
		delete(c.tombstones, origin)
		if t.durable {
			c.call(origin, wire.MigrationID{}, Forget{})
		}
	}
}

// Calls about what is left of a daemon.
type (
	// Bury ends the copy that the migration has given away, and records the tombstone in the same instant; nil if there is no room for
	// one. It has no result.
	Bury struct{ Tombstone *journal.Tombstone }
	// Forget ends the record of a tombstone. It has no result.
	Forget struct{}
)

func (t *tombstone) record(ref wire.Ref) journal.Tombstone {
	return journal.Tombstone{
		Entity: t.entity, Kind: t.kind, Name: t.name, Ref: ref, To: t.node, Addrs: t.addrs, Handover: t.handover,
		Expires: stamp(t.expires), Arrival: t.arrival, Opened: t.opened,
	}
}
