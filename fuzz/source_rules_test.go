package fuzz

import (
	"slices"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// sourceRules are the rules of a cutover, held against what a source has said and heard (protocol §4.6 and §4.7).
type sourceRules struct {
	next      crypto.PublicKey     // of the first PrepareOK
	final     *wire.Final          // the newest, while it has not been taken back
	hold      *wire.ReplayComplete // of that very attempt and head, rightly signed
	promise   wire.Attempt         // the last that the source has been asked to promise
	promised  bool                 // the promise has been written, as far as the source can know, and the directory has not said ABORT
	committed bool                 // the same of the handover
	durable   bool                 // and that is certain
}

// heard notes what a commit rests on.
func (r *sourceRole) heard(msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.PrepareOK:
		if r.next == (crypto.PublicKey{}) {
			r.next = msg.Next
		}
	case *wire.ReplayComplete:
		if r.final != nil && msg.Attempt == r.final.Attempt && msg.Head == r.final.Head && msg.Verify(r.next) == nil {
			r.hold = msg
		}
	}
}

// called checks a call as it is made: from that moment on its effect may be there, whatever becomes of the result (protocol §4.7.3).
func (r *sourceRole) called(c source.Call) {
	switch c := c.(type) {
	case source.CallThaw:
		if r.committed || r.promised {
			r.t.Fatal("thawed after the commit, or the promise")
		}
	case source.CallRelease:
		if r.promised {
			r.t.Fatal("a promise is taken back, and the directory has not said ABORT")
		}
	case source.CallHandOver:
		r.mayCommit(c)
		r.committed = true
	case source.CallPromise:
		r.mayCommit(c.CallHandOver)
		r.promised, r.promise = true, c.Attempt
	case source.CallFollow:
		if _, err := crypto.ParseDecided(c.Entry, r.cert); err != nil || !r.promised {
			r.t.Fatalf("follows an entry that is not that of its promise: %v", err)
		}
		r.committed = true
	}
}

// mayCommit: only frozen, only at the head that the target holds for the live attempt, and that is the newest (protocol §4.7.1).
func (r *sourceRole) mayCommit(c source.CallHandOver) {
	thaws := slices.ContainsFunc(r.calls, func(c source.Call) bool { _, ok := c.(source.CallThaw); return ok })
	switch {
	case !r.frozen || thaws:
		r.t.Fatal("commits a daemon that is not frozen")
	case r.final == nil || c.Attempt != r.final.Attempt:
		r.t.Fatalf("commits attempt %v, which is not the live one", c.Attempt)
	case r.hold == nil:
		r.t.Fatalf("commits attempt %v, for which the target has promised nothing", c.Attempt)
	case r.final.Head != r.heads[len(r.heads)-1]:
		r.t.Fatalf("commits the head at %d, and %d is the newest", r.final.Head.Sequence, r.heads[len(r.heads)-1].Sequence)
	case c.Next != r.next || c.From != roleNodes[0] || c.To != roleNodes[1]:
		r.t.Fatal("commits to another node or key than it has asked")
	}
}

// said checks what leaves: no event behind the head of a live attempt (protocol §4.6.7), nothing that tells of a commit before it is durable, and nothing that takes an attempt back whose
// commit, or promise, has been written.
func (r *sourceRole) said(msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Final:
		r.final, r.hold = msg, nil
	case *wire.BufferedEvents:
		if n := len(msg.Events); r.final != nil && n > 0 && msg.Events[n-1].Link.Sequence > r.final.Head.Sequence {
			r.t.Fatal("an event leaves behind the head of an attempt that has not been taken back")
		}
	case *wire.Aborted:
		r.takenBack(msg.Attempt)
	case *wire.Answer:
		if msg.State == wire.StateServing && !msg.Attempt.IsZero() {
			r.takenBack(msg.Attempt)
		}
		if msg.HasHandover && !r.durable {
			r.t.Fatal("answers with a handover that is not durable")
		}
	case *wire.MigrationFailed:
		if r.committed || r.promised {
			r.t.Fatal("fails after the commit, or the promise")
		}
		r.final, r.hold = nil, nil
	case *wire.ActivateTarget:
		if !r.durable {
			r.t.Fatal("delivers a handover that is not durable")
		}
	case *wire.Promised:
		r.cert = msg.Cert
	}
}

// takenBack: the attempt that a source names, and all lower ones, are void for the target that hears of it.
func (r *sourceRole) takenBack(a wire.Attempt) {
	if r.final == nil || a.Less(r.final.Attempt) {
		return
	}
	if r.committed || r.promised {
		r.t.Fatalf("attempt %v is taken back after the commit, or the promise", a)
	}
	r.final, r.hold = nil, nil
}

// ends checks the outcome against what was written.
func (r *sourceRole) ends(o wire.Outcome) {
	switch {
	case r.committed != (o == wire.OutcomeMoved), r.promised && !r.committed:
		r.t.Fatalf("ends %v, committed %v, promised %v", o, r.committed, r.promised)
	case r.committed && !r.durable:
		r.t.Fatal("ends before the handover is durable")
	}
}
