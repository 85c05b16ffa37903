package sim

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Request is one submission of a node's own user, and what came of it.
type Request struct {
	ID       uint64
	Origin   uint64
	Label    string
	Payload  []byte
	Answered bool
	Receipt  node.Receipt
	Err      error
	Lost     bool // acknowledged at durability handover, by a process that has taken it with it

	life *life
}

// Submit submits a payload through the node.
func (n *Node) Submit(origin uint64, label string, payload []byte) *Request {
	return n.SubmitVia(origin, label, payload, crypto.NodeID{})
}

// SubmitVia is Submit with a node that may know the daemon.
func (n *Node) SubmitVia(origin uint64, label string, payload []byte, via crypto.NodeID) *Request {
	r := &Request{ID: n.c.nextID(), Origin: origin, Label: label, Payload: payload, life: n.life}
	n.c.requests = append(n.c.requests, r)
	n.life.requests[r.ID] = r
	items := []wire.Submission{{Payload: payload}}
	n.life.step(node.Submit{Request: r.ID, Origin: origin, Label: label, Items: items, Via: via})
	return r
}

// Payload makes one that no other submission of the cluster has.
func (c *Cluster) Payload(size int) []byte {
	b := binary.BigEndian.AppendUint64(nil, c.nextID())
	return append(b, make([]byte, max(0, size-len(b)))...)
}

// replied takes the answer to a request and checks a receipt against the log.
func (l *life) replied(reply node.Reply) {
	if _, ok := l.reads[reply.Request]; ok {
		l.hasRead(reply)
		return
	}
	r := l.requests[reply.Request]
	if r == nil {
		l.c.Failf("%s answers request %d, which is not open", l.Name, reply.Request)
		return
	}
	delete(l.requests, reply.Request)
	if r.Answered, r.Err = true, reply.Err; r.Err == nil {
		r.Receipt = reply.Receipts.At(0)
	}
	l.c.log("%s request %d: %d %v", l.Name, r.ID, r.Receipt.Sequence, r.Err)
	if r.Err != nil {
		return
	}
	j := l.c.logs[r.Origin]
	s := submission{crypto.DeriveProducer(l.ID, r.Label), r.Receipt.ProducerSeq}
	_, there := j.where[s]
	if r.Lost = !there && j.shed.submissions[s] && l.c.opt.Durability == wire.DurabilityHandover; r.Lost || j.wild || l.hostile {
		return
	}
	key := clientKey{r.Origin, r.Label}
	if last := l.epochs[key]; r.Receipt.Epoch < last {
		l.c.Failf("%s: request %d is answered at epoch %d, after an answer at %d", l.Name, r.ID, r.Receipt.Epoch, last)
	}
	l.epochs[key] = r.Receipt.Epoch
	l.checkHolder(j, r)
	j.acked = max(j.acked, r.Receipt.Sequence)
	l.checkCovered(r)
	switch seq, ok := j.where[s]; {
	case !ok:
		l.c.Failf("%s: submission %d is acknowledged at %d and not in the log", l.Name, s.number, r.Receipt.Sequence)
	case seq != r.Receipt.Sequence:
		l.c.Failf("%s: submission %d is at %d and acknowledged at %d", l.Name, s.number, seq, r.Receipt.Sequence)
	case j.payload[string(r.Payload)] != seq:
		l.c.Failf("%s: the receipt of request %d is for another payload", l.Name, r.ID)
	}
}

// checkHolder: who answers is the holder of the epoch, or the one before, who passes on what its successor says of what it held
// (promise P3).
func (l *life) checkHolder(j *chronicle, r *Request) {
	epoch := r.Receipt.Epoch
	for _, n := range []*Node{j.holders[epoch], j.holders[epoch-1]} {
		if n != nil && n.ID == r.Receipt.Holder {
			return
		}
	}
	l.c.Failf("%s: request %d is answered by %s at epoch %d, which it did not hold", l.Name, r.ID, l.c.name(r.Receipt.Holder), epoch)
}

// checkCovered: at durability both a source acknowledges nothing before the target that has restored has it as well, until the
// commit (promise P1). Only at the source itself is it certain what the target has at that moment.
func (l *life) checkCovered(r *Request) {
	if l.c.opt.Durability < wire.DurabilityBoth || r.Receipt.Holder != l.ID {
		return
	}
	for _, m := range l.core.Migrations() {
		if m.Origin != r.Origin || m.Source != l.ID || !slices.Contains(covering, m.State) {
			continue
		}
		if host, ok := l.c.node(m.Target).Host(r.Origin); ok && host.Dark() && host.Head().Sequence < r.Receipt.Sequence {
			l.c.Failf("%s acknowledges %d, and %s has come to %d only", l.Name, r.Receipt.Sequence, l.c.name(m.Target), host.Head().Sequence)
		}
	}
}

// covering are the states of a source from RestoreComplete to the commit.
var covering = []string{"replaying", "freezing", "frozen", "promising", "promised", "committing"}

// clientKey names a producer of a node.
type clientKey struct {
	origin uint64
	label  string
}

// unknown reports whether an error leaves open if the submission was applied.
func unknown(err error) bool {
	return errors.Is(err, wire.ErrProducerEvicted) || errors.Is(err, wire.ErrProducerWindow)
}

// checkRequests looks at all histories at the end: what was refused was not applied, and what one producer
// was told is in the order in which it submitted. A process that has died was told what it was told; it is owed nothing.
func (c *Cluster) checkRequests() {
	last := make(map[*life]map[clientKey]uint64)
	for _, r := range c.requests {
		j := c.logs[r.Origin]
		if j == nil || j.wild || r.life.hostile || r.Lost {
			continue
		}
		if !r.Answered {
			if !r.life.dead && c.reachable(r.Origin) {
				c.Failf("request %d of %s for %s was never answered", r.ID, r.life.Name, j.daemon.Name)
			}
			continue
		}
		if r.Err != nil {
			if at, ok := j.payload[string(r.Payload)]; ok && !unknown(r.Err) {
				c.Failf("request %d of %s was refused (%v) and is in the log at %d", r.ID, r.life.Name, r.Err, at)
			}
			continue
		}
		if last[r.life] == nil {
			last[r.life] = make(map[clientKey]uint64)
		}
		key := clientKey{r.Origin, r.Label}
		if r.Receipt.Sequence <= last[r.life][key] {
			c.Failf("request %d of %s is at %d, an earlier one at %d", r.ID, r.life.Name, r.Receipt.Sequence, last[r.life][key])
		}
		last[r.life][key] = r.Receipt.Sequence
	}
}

// migration is one that was asked for.
type migration struct {
	id                   wire.MigrationID
	origin               uint64
	orch, source, target *Node
	lives                [3]*life // of the three, when it was asked for
	at                   time.Time
	timed                bool // it may take only so long, from whenever its source hears of it
}

// Migrate asks, at this node, for a move from one node to another.
func (n *Node) Migrate(origin uint64, from, to *Node, opt wire.Options) wire.MigrationID {
	m := &migration{
		id: n.c.migrationID(), origin: origin, orch: n, source: from, target: to,
		lives: [3]*life{n.life, from.life, to.life}, at: n.c.now, timed: opt.Timeout > 0,
	}
	n.c.migrations = append(n.c.migrations, m)
	n.c.log("%s asks for %x from %s to %s", n.Name, m.id[:2], from.Name, to.Name)
	n.life.step(node.Migrate{
		Migration: m.id, Origin: origin, Source: from.ID, Target: to.ID, Addrs: []string{to.Name}, Options: opt,
	})
	return m.id
}

// seenBy returns what a node knows of the migration. A hostile node may begin another one of the same id.
func (m *migration) seenBy(l *life) (node.Migration, bool) {
	v, ok := l.core.Migration(m.id)
	same := v.Origin == m.origin && v.Source == m.source.ID && v.Target == m.target.ID && v.Orchestrator == m.orch.ID
	return v, ok && same
}

// Cancel asks, at this node, to stop a migration.
func (n *Node) Cancel(id wire.MigrationID) {
	if n.life != nil {
		n.life.step(node.CancelMigration{Migration: id})
	}
}

// sourceDied reports whether the process of the source has died since, and with it all it knew of the move.
func (m *migration) sourceDied() bool { return m.lives[1] == nil || m.lives[1].dead }

// targetDied is the same of the target.
func (m *migration) targetDied() bool { return m.lives[2] == nil || m.lives[2].dead }

// origins lists the daemons that are checked, in order.
func (c *Cluster) origins() []uint64 {
	c.sortOrigins()
	return c.order
}

// allOrigins lists all daemons, those of hostile nodes included, in order.
func (c *Cluster) allOrigins() []uint64 {
	c.sortOrigins()
	return c.all
}

func (c *Cluster) sortOrigins() {
	if len(c.all) == len(c.logs) {
		return
	}
	c.all, c.order = c.all[:0], c.order[:0]
	for origin, j := range c.logs {
		c.all = append(c.all, origin)
		if !j.wild {
			c.order = append(c.order, origin)
		}
	}
	slices.Sort(c.all)
	slices.Sort(c.order)
}
