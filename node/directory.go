package node

import (
	"context"
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Consult is one question to the directory, asked beside everything else. Its answer comes back as [Consulted], also
// when there is none: an error then.
type Consult struct {
	Ref   wire.Ref // of the migration that asks; of a client, the origin alone
	Addrs []string // of this node, which a claim makes known
	Op    any      // a consult of package source or target, or [Locate]
	by    any      // as in [Call]
}

// Locate asks who holds a daemon, for the clients of this node. Its result is a [Located].
type Locate struct{}

// Located is who holds a daemon, as the directory knows.
type Located struct {
	Holder crypto.NodeID
	Addrs  []string
	Err    error
}

// Consulted is the answer to a [Consult].
type Consulted struct {
	Consult Consult
	Result  any
}

func (Consulted) nodeInput() {}

// Ask asks the directory. It blocks while the directory does.
func (q Consult) Ask(ctx context.Context, d directory.Directory) Consulted {
	return Consulted{q, q.ask(ctx, d)}
}

func (q Consult) ask(ctx context.Context, d directory.Directory) any {
	switch op := q.Op.(type) {
	case Locate:
		e, err := d.Lookup(ctx, q.Ref.Origin)
		return Located{e.Holder, e.Addrs, err}
	case source.ConsultHolder:
		e, err := d.Lookup(ctx, q.Ref.Origin)
		return source.HolderFound{Epoch: e.Epoch, Holder: e.Holder, Err: err}
	case source.ConsultAbort:
		out, err := d.Claim(ctx, directory.Claim{Migration: q.Ref.Migration, Decision: wire.DecisionAbort, Cert: op.Cert})
		return source.Decided{Attempt: wire.Attempt(op.Cert.Attempt), Decision: out.Decision, Err: err}
	case target.ConsultCommit:
		out, err := d.Claim(ctx, directory.Claim{
			Migration: q.Ref.Migration, Decision: wire.DecisionCommit, Cert: op.Cert, Hold: op.Hold, Addrs: q.Addrs,
		})
		return target.Decided{Attempt: wire.Attempt(op.Cert.Attempt), Decision: out.Decision, Cert: out.Cert, Err: err}
	case target.ConsultOutcome:
		out, err := d.Outcome(ctx, q.Ref.Origin, op.Attempt)
		return target.Decided{Attempt: op.Attempt, Decision: out.Decision, Cert: out.Cert, Err: err}
	}
	panic(fmt.Sprintf("node: internal error: unknown consult %T", q.Op))
}

// consult asks the directory for an entry, nil for the clients of this node.
func (c *Core) consult(by any, ref wire.Ref, op any) {
	c.out.Consults = append(c.out.Consults, Consult{Ref: ref, Addrs: c.cfg.Addrs, Op: op, by: by})
}

func (c *Core) consulted(in Consulted) {
	switch result := in.Result.(type) {
	case Located:
		c.located(in.Consult.Ref.Origin, result)
	case source.Input:
		e, _ := in.Consult.by.(*sourceEntry)
		c.stepSource(e, result)
	case target.MachineInput:
		e, _ := in.Consult.by.(*targetEntry)
		c.stepTarget(e, result)
	}
}

// locate asks the directory for the holder, once for all clients of a daemon.
func (c *Core) locate(origin uint64) {
	if !c.locating[origin] {
		c.locating[origin] = true
		c.consult(nil, wire.Ref{Origin: origin}, Locate{})
	}
}

// located sends the clients of a daemon that do not know where to ask to its holder.
func (c *Core) located(origin uint64, r Located) {
	delete(c.locating, origin)
	for _, cl := range c.clientsLost(origin) {
		cl.lost = false
		if r.Err != nil {
			c.foundNowhere(cl, r.Err)
			continue
		}
		if !c.peer(r.Holder).given { // the operator knows better
			c.learn(r.Holder, r.Addrs, false)
		}
		cl.holder = r.Holder
		c.retryLater(cl) // the holder may have been asked a moment ago
	}
}
