package source

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// The daemon is let go on the successor's proof alone.
func TestS4_RetireNeedsProof(t *testing.T) {
	for s := preparing; s < forwarding; s++ {
		r := inState(t, s)
		forged := r.ack(testKey)
		if s < committed { // not even a genuine one counts before the commit
			r.handOver()
			forged = r.ack(testNext)
		}
		if o := r.get(forged); called[CallRetire](o) || r.m.state != s {
			t.Errorf("%v: the daemon is let go, the state is %v", s, r.m.state)
		}
	}
	r := inState(t, committed)
	for name, change := range map[string]func(*crypto.SignedHead){
		"epoch":    func(s *crypto.SignedHead) { s.Epoch++ },
		"sequence": func(s *crypto.SignedHead) { s.Head.Sequence++ },
		"origin":   func(s *crypto.SignedHead) { s.Head.Origin++ },
		"digest":   func(s *crypto.SignedHead) { s.Head.Digest[0]++ },
		"outputs":  func(s *crypto.SignedHead) { s.Head.Outputs[0]++ },
	} {
		msg := r.ack(testNext)
		change(&msg.Signed)
		signed, err := crypto.SignHead(testNext, msg.Signed.Head, msg.Signed.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		if o := r.get(&wire.ActivateAck{Ref: r.ref(), Signed: signed}); called[CallRetire](o) {
			t.Errorf("another %s: the daemon is let go", name)
		}
	}
	if o := r.get(r.ack(testNext)); !called[CallRetire](o) {
		t.Error("the proof does not let it go")
	}
}

// A cancellation leaves the daemon serving up to the commit. From then on nothing and no time undoes it.
func TestS5_AbortEndsWithTheCommit(t *testing.T) {
	for s := preparing; s < moved; s++ {
		r := inState(t, s)
		r.step(Cancel{})
		if s < promising {
			if r.m.state != stayed || r.m.Holding() {
				t.Errorf("%v: cancelled, but %v", s, r.m.state)
			}
			continue
		}
		r.get(&wire.MigrationFailed{Ref: r.ref(), Reason: wire.ReasonDiverged})
		r.step(PeerDown{Peer: nodeT, Err: errTest})
		for range 1000 {
			r.now = r.now.Add(time.Hour)
			if o := r.step(Tick{}); called[CallThaw](o) || len(o.Apply) != 0 {
				t.Fatalf("%v: undone after the commit", s)
			}
		}
		if s < forwarding && r.m.state != s {
			t.Errorf("%v became %v by the clock", s, r.m.state)
		}
	}
}

// A freeze ends within its budget, also one that the daemon is slow to reach.
func TestS5_FreezeBudget(t *testing.T) {
	for s := freezing; s <= frozen; s++ {
		r := inState(t, s)
		began := r.m.frozenAt
		for r.m.Holding() {
			r.now = r.wake
			r.step(Tick{})
		}
		if held := r.now.Sub(began); held > DefaultFreezeBudget {
			t.Errorf("%v: submissions were held for %v", s, held)
		}
	}
}

// Only a hold for the live attempt, at the frozen head, signed by the key of PrepareOK commits.
func TestS7_CommitsOnTheExactHold(t *testing.T) {
	other := testKeypair(9)
	cases := map[string]func(*rig) *wire.ReplayComplete{
		"older attempt": func(r *rig) *wire.ReplayComplete {
			a := r.final.Attempt
			a.Count--
			return r.holdOf(a, r.final.Head, testNext)
		},
		"older boot": func(r *rig) *wire.ReplayComplete {
			a := r.final.Attempt
			a.Boot--
			return r.holdOf(a, r.final.Head, testNext)
		},
		"later attempt": func(r *rig) *wire.ReplayComplete {
			a := r.final.Attempt
			a.Count++
			return r.holdOf(a, r.final.Head, testNext)
		},
		"other head":   func(r *rig) *wire.ReplayComplete { return r.holdOf(r.final.Attempt, r.head(1), testNext) },
		"other key":    func(r *rig) *wire.ReplayComplete { return r.holdOf(r.final.Attempt, r.final.Head, other) },
		"source's key": func(r *rig) *wire.ReplayComplete { return r.holdOf(r.final.Attempt, r.final.Head, testKey) },
		"no signature": func(r *rig) *wire.ReplayComplete {
			m := r.hold()
			m.Signature = crypto.Signature{}
			return m
		},
		"other migration": func(r *rig) *wire.ReplayComplete {
			m := r.hold()
			m.Migration[0]++
			return m
		},
	}
	for name, hold := range cases {
		r := inState(t, frozen)
		r.sequence(1, 1)
		if o := r.get(hold(r)); called[CallHandOver](o) {
			t.Errorf("%s: the source commits", name)
		}
	}
	for s := preparing; s <= forwarding; s++ {
		r := inState(t, s)
		r.final = &wire.Final{Attempt: wire.Attempt{Epoch: 1, Boot: 3, Count: 1}, Head: r.genes}
		if o := r.get(r.hold()); called[CallHandOver](o) != (s == frozen) {
			t.Errorf("%v: commits %v", s, !called[CallHandOver](o))
		}
	}
}

// Attempts only grow, and none is used for two heads.
func TestS7_AttemptsGrow(t *testing.T) {
	r := caughtUp(t)
	last := *r.final
	for r.m.state != stayed {
		if r.m.state == freezing {
			r.step(Frozen{Head: r.newest()})
		}
		for r.m.state == replaying && r.m.attempt.live { // one that is early ends with an event
			r.step(Applied{Entries: r.sequence(1, 1)})
		}
		r.now = r.wake
		r.step(Tick{})
		if *r.final == last {
			continue
		}
		if !last.Attempt.Less(r.final.Attempt) {
			t.Fatalf("attempt %v at %d follows %v at %d", r.final.Attempt, r.final.Head.Sequence, last.Attempt, last.Head.Sequence)
		}
		last = *r.final
	}
	if last.Attempt.Count < MaxFreezes {
		t.Errorf("%d attempts, want %d and the early ones", last.Attempt.Count, MaxFreezes)
	}
}

// A target that has restarted since its activation knows nothing of what was held. The producers are told to ask
// again at once, and the move is done.
func TestS3_RefusedForwardsAreAnswered(t *testing.T) {
	r := inState(t, committed)
	r.step(Submitted{Submission: Submission{Ticket: 7, Items: []wire.Submission{{Seq: 1}}}})
	r.get(r.ack(testNext))
	if r.m.state != forwarding {
		t.Fatalf("%v, nothing was held", r.m.state)
	}
	o := r.get(&wire.MigrationFailed{Ref: r.ref(), Reason: wire.ReasonDaemonNotFound})
	if len(o.Replies) != 1 || o.Replies[0].Ticket != 7 || o.Replies[0].Reason != wire.ReasonFrozen || r.m.state != moved {
		t.Fatalf("replies %v, %v", o.Replies, r.m.state)
	}
}
