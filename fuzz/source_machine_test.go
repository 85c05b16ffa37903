package fuzz

import (
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// sourceRole drives a source: the calls that it has made are answered in order.
type sourceRole struct {
	*role
	sourceRules
	m        *source.Machine
	calls    []source.Call
	consults []source.Consult
	waiting  map[uint64]bool
	tickets  uint64
	frozen   bool
}

// What sources are told. A third node has asked for the move, of a daemon that gets one event and one submission on the way.
var (
	sourceCopied = []byte{
		2, 1, // a session with the target
		0, 1, 0, 1, 200, 200, // PrepareOK
		3, 0, 4, 9, // the view; an event behind it
		9, 0, 9, 1, 0, // all of the view is sent
		0, 1, 1, 0, // RestoreComplete
	}
	sourceHeld = []byte{
		0, 1, 2, 1, 0, 0, // Progress: it has the event
		0, 1, 4, 3, 1, // ReplayComplete of the attempt from before the freeze
		7, 0, 1, // a submission, which is held
		3, 0, // frozen
	}
	sourceForwarded = []byte{0, 1, 6, 0, 0, 0, 1} // the answer for what was held

	sourceHalf  = slices.Concat([]byte{4}, sourceCopied)
	sourceMoves = slices.Concat(sourceHalf, sourceHeld, []byte{
		3, 0, // the handover is durable
		0, 1, 5, 1, 1, // ActivateAck
	}, sourceForwarded)
	sourceMovesByDirectory = slices.Concat([]byte{12}, sourceCopied, []byte{10, 0, 0}, sourceHeld, []byte{
		3, 0, // the promise is durable
		0, 1, 21, 3, // Answer with the entry that the directory has decided
		3, 0, // which is durable here
		0, 1, 5, 1, 2, // ActivateAck
	}, sourceForwarded)
	sourceStays = slices.Concat(sourceHalf, sourceHeld, []byte{3, 255}) // the host refuses the handover

	// Runs that would end otherwise if a rule were left out.
	sourceOfAnotherHead = slices.Concat(sourceHalf, []byte{
		0, 1, 2, 1, 0, 0, // Progress
		0, 1, 4, 3, 0, // ReplayComplete of the attempt, at another head
		3, 0, 3, 0,
	})
	sourceOvertaken = slices.Concat(sourceHalf, []byte{
		0, 1, 2, 1, 0, 0, // Progress
		0, 1, 4, 3, 1, // ReplayComplete
		4, 9, // an event that is applied before the freeze
		3, 0, // frozen, at another head than the one that is held
		0, 1, 4, 3, 1, // the same hold once more
		0, 1, 4, 5, 2, // and that of the second attempt
		3, 0, 0, 1, 5, 2, 1, // durable, and ActivateAck
	})
	sourceCancelled = slices.Concat(sourceHalf, sourceHeld, []byte{
		8, 0, 2, 9, 0, 1, 7, 1, // too late to cancel, also for its orchestrator, and to fail
		3, 0, 0, 1, 5, 1, 1, // durable, and ActivateAck
	}, sourceForwarded)
)

func runSource(t *testing.T, data []byte) *sourceRole {
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
	return r
}

// FuzzSourceMachine checks also that every submission is answered or applied once, that a handover is written only for what the
// target holds, and that nothing is applied, thawed or taken back once it has been.
func FuzzSourceMachine(f *testing.F) {
	seedRoles(f, sourceHalf, 1, sourceMoves, sourceMovesByDirectory, sourceStays, sourceOfAnotherHead, sourceOvertaken, sourceCancelled)
	f.Fuzz(func(t *testing.T, data []byte) { runSource(t, data) })
}

// TestSourceSeeds: the runs that fuzzing begins with mean what they say, however bytes are read by now.
func TestSourceSeeds(t *testing.T) {
	for _, seed := range []struct {
		run     []byte
		state   string
		tickets uint64
		reason  wire.Reason
	}{
		{sourceHalf, "replaying", 0, 0},
		{sourceMoves, "moved", 1, 0},
		{sourceMovesByDirectory, "moved", 1, 0},
		{sourceStays, "stayed", 1, wire.ReasonInternal},
		{sourceOfAnotherHead, "stayed", 0, wire.ReasonHeadMismatch},
		{sourceOvertaken, "moved", 0, 0},
		{sourceCancelled, "moved", 1, 0},
	} {
		r := runSource(t, seed.run)
		got := r.m.Status()
		if got.State != seed.state || r.tickets != seed.tickets || got.Ended != nil && got.Ended.Reason != seed.reason {
			t.Errorf("%v: %s, %d submissions, %+v, want %s", seed.run, got.State, r.tickets, got.Ended, seed.state)
		}
	}
	for _, run := range goldenRuns(t, sourceHalf, 1) {
		runSource(t, run).mustCut()
	}
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
		msg := r.message()
		r.heard(msg)
		in = source.Received{From: from, Message: msg}
	case 2:
		in = source.PeerUp{Peer: r.in.node()}
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
		in = source.PeerDown{Peer: r.in.node(), Err: errRole}
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
		r.promised = err == nil
		return source.PromiseMade{Cert: r.certificate(c.Attempt, newest), Err: err}
	case source.CallFollow:
		r.durable = true // it cannot fail any more
		return source.HandedOver{Event: c.Entry}
	case source.CallSnapshot:
		return source.Snapshotted{Head: newest, Err: err}
	case source.CallFreeze:
		r.frozen = err == nil
		return source.Frozen{Head: newest, Err: err}
	case source.CallThaw:
		r.frozen = false
	case source.CallHandOver:
		r.committed, r.durable = err == nil, err == nil
		if err != nil {
			return source.HandedOver{Err: err} // refused before anything was written
		}
		return source.HandedOver{Event: r.handover(newest)}
	}
	return nil
}

func (r *sourceRole) obey(out source.Output) {
	r.noted(out.Wake, out.Ended != nil)
	r.consults = append(r.consults, out.Consults...)
	if out.Copy != nil && out.StopCopy {
		r.t.Fatal("a copy is started and stopped in one step")
	}
	for _, c := range out.Calls {
		r.called(c)
		r.calls = append(r.calls, c)
	}
	for _, s := range out.Apply {
		if r.committed || r.promised {
			r.t.Fatal("applied after the commit, or the promise")
		}
		r.answered(s.Ticket)
	}
	for _, e := range out.Sends {
		r.said(e.Message)
	}
	for _, a := range out.Replies {
		r.answered(a.Ticket)
	}
	if out.Ended != nil {
		r.ends(out.Ended.Outcome)
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
