package fuzz

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// What the drivers of a source and of a target do about a directory.

// certificate is the source's for an attempt, or one that it cannot have signed.
func (r *role) certificate(a wire.Attempt, h crypto.Head) crypto.FreezeCert {
	cert, err := crypto.SignFreezeCert(roleKeys[0], crypto.FreezeCert{
		From: roleNodes[0], To: roleNodes[1], Epoch: 2, Attempt: a, Head: h, Next: roleKeys[1].Public(),
	})
	if err != nil {
		return crypto.FreezeCert{Attempt: a, Head: h, Next: roleKeys[1].Public()}
	}
	return cert
}

// accepted is the entry that a certificate becomes.
func accepted(cert crypto.FreezeCert) crypto.CausalEvent {
	ev, _, err := crypto.Accept(roleKeys[1], cert)
	if err != nil {
		return crypto.CausalEvent{Kind: crypto.EventHandover}
	}
	return ev
}

// decision is what a directory answers: nothing, COMMIT or ABORT.
func (r *role) decision() wire.Decision { return wire.Decision(r.in.next() % 3) }

// consulted answers the source's oldest question. An ABORT lets it take back what it has promised.
func (r *sourceRole) consulted() source.Input {
	if len(r.consults) == 0 {
		return nil
	}
	c := r.consults[0]
	r.consults = r.consults[1:]
	err := r.failing()
	ask, ok := c.(source.ConsultAbort)
	if !ok {
		return source.HolderFound{Epoch: 1 + uint64(r.in.next()>>7), Holder: roleNodes[0], Err: err}
	}
	in := source.Decided{Attempt: wire.Attempt(ask.Cert.Attempt), Decision: r.decision(), Err: err}
	if err == nil && in.Decision == wire.DecisionAbort && in.Attempt == r.promise {
		r.promised = false
	}
	return in
}

// consulted answers the target's oldest question.
func (r *targetRole) consulted() target.MachineInput {
	if len(r.consults) == 0 {
		return nil
	}
	c := r.consults[0]
	r.consults = r.consults[1:]
	in := target.Decided{Decision: r.decision(), Err: r.failing()}
	switch c := c.(type) {
	case target.ConsultCommit:
		in.Attempt, in.Cert = wire.Attempt(c.Cert.Attempt), c.Cert
	case target.ConsultOutcome:
		in.Attempt, in.Cert = c.Attempt, r.certificate(c.Attempt, r.head())
	}
	return in
}
