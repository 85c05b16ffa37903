package fuzz

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// sourceRole drives a source: the calls that it has made are answered in order.
type sourceRole struct {
	*role
	m         *source.Machine
	calls     []source.Call
	consults  []source.Consult
	promised  bool // a certificate is out, and the directory has not said ABORT
	committed bool
	waiting   map[uint64]bool
	tickets   uint64
	frozen    bool
}

// FuzzSourceMachine checks also that every submission is answered or applied once, and that nothing is
// applied or thawed once the handover has been written.
func FuzzSourceMachine(f *testing.F) {
	seedRoles(f,
		[]byte{2, 1, 0, 1, 0, 1, 200, 200, 3, 0, 0, 1, 1, 0, 0, 1, 2, 0, 0, 0, 3, 0, 0, 1, 4, 3, 0, 3, 0, 0, 1, 5, 0},
		[]byte{2, 1, 0, 1, 0, 1, 200, 200, 3, 0, 4, 9, 0, 1, 1, 0, 5, 200, 5, 200, 7, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &sourceRole{role: newRole(t, data), waiting: map[uint64]bool{}}
		count := uint64(0)
		b := r.in.next()
		m, out := source.New(r.now, source.Config{Node: roleNodes[0], Boot: 3, NextAttempt: func() uint64 { count++; return count }}, source.Request{
			Migration: wire.MigrationID{1}, Origin: r.heads[0].Origin, Epoch: 1, StopAndCopy: b&1 == 1, Directory: b&8 == 8, Orchestrator: roleNodes[b>>1%4], Target: roleNodes[1],
		})
		r.m = m
		r.obey(out)
		for len(r.in.rest) > 0 {
			r.step()
		}
		r.finish()
	})
}

func (r *sourceRole) step() {
	var in source.Input = source.Tick{}
	switch r.in.next() % 12 {
	case 10, 11:
		if in = r.consulted(); in == nil {
			return
		}
	case 0, 1:
		from := r.in.node()
		in = source.Received{From: from, Message: r.message()}
	case 2:
		in = source.LinkUp{Peer: r.in.node()}
	case 3:
		if in = r.result(); in == nil {
			return
		}
	case 4:
		if r.frozen {
			return // a frozen daemon sequences nothing
		}
		r.grow()
		in = source.Applied{Entries: []source.Entry{{Event: r.log[len(r.log)-1], Head: r.heads[len(r.heads)-1]}}}
	case 5:
		r.pass()
	case 6:
		in = source.LinkDown{Peer: r.in.node(), Err: errRole}
	case 7:
		r.tickets++
		r.waiting[r.tickets] = true
		in = source.Submitted{Submission: source.Submission{Ticket: r.tickets, Producer: crypto.ProducerID{r.in.next() & 1}, Items: make([]wire.Submission, r.in.next()&3)}}
	case 8:
		in = source.Cancel{}
	case 9:
		in = source.Copied{Serial: uint64(r.in.next() & 1), Bytes: uint64(r.in.next()), Done: r.in.next()&1 == 1, Err: r.failing()}
	}
	r.obey(r.m.Step(r.now, in))
}

// result answers the oldest call.
func (r *sourceRole) result() source.Input {
	if len(r.calls) == 0 {
		return nil
	}
	c := r.calls[0]
	r.calls = r.calls[1:]
	err := r.failing()
	newest := r.heads[len(r.heads)-1]
	switch c := c.(type) {
	case source.CallPromise:
		return source.Certified{Cert: r.certificate(c.Attempt, newest), Err: err}
	case source.CallFollow:
		r.committed = true // it cannot fail any more
		return source.HandedOver{Event: c.Entry}
	case source.CallSnapshot:
		return source.Snapshotted{Head: newest, Err: err}
	case source.CallFreeze:
		r.frozen = err == nil
		return source.Frozen{Head: newest, Err: err}
	case source.CallThaw:
		r.frozen = false
	case source.CallHandOver:
		if err != nil {
			return source.HandedOver{Err: err}
		}
		r.committed = true
		return source.HandedOver{Event: r.handover(newest)}
	}
	return nil
}

func (r *sourceRole) obey(out source.Output) {
	r.noted(out.Wake, out.Ended != nil)
	r.calls = append(r.calls, out.Calls...)
	r.promises(out)
	if out.Copy != nil && out.StopCopy {
		r.t.Fatal("a copy is started and stopped in one step")
	}
	for _, c := range out.Calls {
		if _, ok := c.(source.CallThaw); ok && r.committed {
			r.t.Fatal("thawed after the commit")
		}
	}
	for _, s := range out.Apply {
		if r.committed {
			r.t.Fatal("applied after the commit")
		}
		r.answered(s.Ticket)
	}
	for _, a := range out.Replies {
		r.answered(a.Ticket)
	}
	if out.Ended != nil && r.committed != (out.Ended.Outcome == wire.OutcomeMoved) {
		r.t.Fatalf("ends %v, committed %v", out.Ended.Outcome, r.committed)
	}
}

func (r *sourceRole) answered(ticket uint64) {
	if !r.waiting[ticket] {
		r.t.Fatalf("ticket %d is answered twice", ticket)
	}
	delete(r.waiting, ticket)
}

// finish checks that nothing is left behind by a migration that has ended.
func (r *sourceRole) finish() {
	if r.ended && len(r.waiting) > 0 {
		r.t.Fatalf("%d submissions wait for ever", len(r.waiting))
	}
}
