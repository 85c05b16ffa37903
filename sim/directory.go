package sim

import (
	"context"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// registry is the directory of a cluster. It does not die; what it is asked, and what it answers, may be lost.
type registry struct {
	directory.Directory
	away   time.Time           // nobody reaches it before
	loses  int                 // of a hundred questions and of a hundred answers
	claims int                 // for a COMMIT, as they were made
	moved  map[uint64]uint64   // the epoch of each daemon, as it was decided last
	deaf   directory.Directory // what a lost question or answer looks like
}

// patience is how long a node waits for an answer.
const patience = 50 * time.Millisecond

func newRegistry(loses int) *registry {
	lost := func(context.Context, wire.Message) (wire.Message, error) { return nil, wire.ErrUnreachable }
	return &registry{
		Directory: directory.NewMemory(), loses: loses, moved: make(map[uint64]uint64), deaf: directory.NewClient(lost),
	}
}

// consult carries a question to the directory and the answer back. A question that is on its way arrives, whether or not
// its process lives to hear the answer.
func (l *life) consult(q node.Consult) {
	r, d := l.c.source("directory"), l.c.directory
	if _, ok := q.Op.(target.ConsultCommit); ok {
		d.claims++
	}
	there, back := between(r, 0, l.c.opt.Net.Link), between(r, 0, l.c.opt.Net.Link)
	lost, unheard := r.IntN(100) < d.loses, r.IntN(100) < d.loses
	fail := func() { l.after(patience, func() { l.step(q.Ask(context.Background(), d.deaf)) }) }
	l.c.at(l.c.now.Add(there), func() {
		if lost || l.c.now.Before(d.away) {
			fail()
			return
		}
		answer := q.Ask(context.Background(), d)
		l.decided(q, answer)
		l.c.log("the directory answers %s: %T", l.Name, q.Op)
		if unheard {
			fail()
			return
		}
		l.after(back, func() { l.step(answer) })
	})
}

// decided is told of every answer to a process, dead or not, and notes a commit when it is made.
func (l *life) decided(q node.Consult, answer node.Consulted) {
	claim, ok := q.Op.(target.ConsultCommit)
	if out, is := answer.Result.(target.Decided); !ok || !is || out.Decision != wire.DecisionCommit {
		return
	}
	cert := claim.Cert
	l.c.directory.moved[q.Ref.Origin] = cert.Epoch
	from := l.c.node(cert.From)
	if from == nil {
		return
	}
	holder := from.life
	if holder == nil {
		holder = &life{Node: from, dead: true}
	}
	orch, _ := l.handler.OrchestratorNode(q.Ref.Origin) // whoever asked: this node may have asked for another under the same id
	l.c.committed(holder, q.Ref.Origin, q.Ref.Migration, cert.To, orch, cert.Head)
}

// superseded reports whether the directory has given the daemon to another epoch than a host has: the host may only be
// frozen then.
func (c *Cluster) superseded(origin, epoch uint64) bool {
	return c.directory != nil && c.directory.moved[origin] > epoch
}

// Outage lets nobody reach the directory for a while. Zero ends an outage.
func (c *Cluster) Outage(d time.Duration) {
	if c.directory != nil {
		c.directory.away = c.now.Add(d)
	}
}

// Claims returns how many times a target has asked the directory for a COMMIT, answered or not.
func (c *Cluster) Claims() int { return c.directory.claims }

// register tells the directory of a birth.
func (c *Cluster) register(g crypto.Genesis, holder *Node) {
	if c.directory == nil {
		return
	}
	birth := directory.Birth{Genesis: g, Holder: holder.ID, Addrs: []string{holder.Name}}
	if _, err := c.directory.Register(context.Background(), birth); err != nil {
		panic("sim: internal error: " + err.Error())
	}
}

// handedOver returns whom a call gives the daemon to.
func handedOver(op any) crypto.NodeID {
	if follow, ok := op.(source.CallFollow); ok {
		return follow.To
	}
	return op.(source.CallHandOver).To
}
