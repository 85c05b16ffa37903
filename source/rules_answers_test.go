package source

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Replies go to who is on record, whoever carried the last message.
func TestS6_RepliesGoToTheRecord(t *testing.T) {
	stranger := crypto.NodeID{'X'}
	for s := preparing; s <= moved; s++ {
		r := inState(t, s)
		for _, msg := range []wire.Message{&wire.Cancel{Ref: r.ref()}, &wire.CutoverNotify{Ref: r.ref()}} {
			for _, e := range r.step(Received{From: stranger, Message: msg}).Sends {
				if e.To == stranger {
					t.Errorf("%v: %v goes to a stranger", s, e.Message.Type())
				}
			}
		}
	}
}

// After the end the source answers with the handover.
func TestS6_AnswersAfterTheEnd(t *testing.T) {
	r := inState(t, moved)
	ans := sent[*wire.Answer](r.step(Received{From: nodeT, Message: &wire.Ask{Ref: r.ref()}}))
	if len(ans) != 1 || ans[0].State != wire.StateReleased || ans[0].Handover.Digest() != r.over.Digest() {
		t.Errorf("answers %+v", ans)
	}
	if ev, ok := r.m.Handover(); !ok || ev.Digest() != r.over.Digest() {
		t.Error("the handover is not kept")
	}
}

// A Cancel that meets a migration which has ended because its target was not ready is answered with *cancelled*, and no request that
// is still under way begins it again (protocol §4.1.4). Nobody but the orchestrator can say so, and no other end changes.
func TestO6_CancelledIsNotTriedAgain(t *testing.T) {
	for _, reason := range []wire.Reason{wire.ReasonNotReady, wire.ReasonRefused} {
		r := began(t)
		r.m, r.out = New(r.now, Config{Node: nodeS, Boot: 3, NextAttempt: r.m.cfg.NextAttempt}, r.m.req)
		r.get(&wire.MigrationFailed{Ref: r.ref(), Reason: reason})
		again := reason == wire.ReasonNotReady
		if r.m.Again() != again {
			t.Fatalf("%v: again is %v", reason, !again)
		}
		if r.step(Received{From: nodeT, Message: &wire.Cancel{Ref: r.ref()}}); r.m.Again() != again {
			t.Errorf("%v: the target cancels", reason)
		}
		want := reason
		if again {
			want = wire.ReasonCancelled
		}
		for range 2 {
			got := sent[*wire.MigrationFailed](r.step(Received{From: nodeO, Message: &wire.Cancel{Ref: r.ref()}}))
			if len(got) != 1 || got[0].Reason != want || r.m.Again() {
				t.Errorf("%v: a cancel is answered with %+v, again %v", reason, got, r.m.Again())
			}
		}
	}
}

// A head that is not ours at its sequence ends the migration while nothing is at risk, also one beyond the
// end of the log, and one that comes late for a sequence already reported.
func TestO3_SourceChecksEveryHead(t *testing.T) {
	for seq, change := range map[uint64]byte{2: 1, 3: 1, 5: 1, 6: 0} {
		r := began(t)
		r.step(Snapshotted{Head: r.genes})
		r.get(&wire.Progress{Ref: r.ref(), Head: r.genes})
		r.step(Applied{Entries: r.sequence(5, 1)})
		r.get(&wire.Progress{Ref: r.ref(), Head: r.head(2)})
		h := crypto.Head{Origin: r.genes.Origin, Sequence: seq}
		if seq <= 5 {
			h = r.head(seq)
		}
		h.Outputs[0] += change
		if o := r.get(&wire.Progress{Ref: r.ref(), Head: h}); o.Ended == nil || o.Ended.Reason != wire.ReasonHeadMismatch {
			t.Errorf("another head at %d: %v", seq, r.m.state)
		}
	}
}

// The orchestrator hears from the source often enough, in every state, not to go and search.
func TestO5_NeverSilent(t *testing.T) {
	for s := preparing; s < moved; s++ {
		r := inState(t, s)
		last := r.now
		for r.m.state < moved && r.now.Sub(testStart) < 25*time.Second {
			r.now = r.wake
			if o := r.step(Tick{}); len(sent[*wire.Status](o)) > 0 || r.m.state >= moved {
				if quiet := r.now.Sub(last); quiet > heartbeat {
					t.Errorf("%v: silent for %v", s, quiet)
				}
				last = r.now
			}
		}
	}
}

// Nobody waits for an answer from a migration that is over.
func TestD6_LateMessagesAreAnswered(t *testing.T) {
	r := inState(t, replaying)
	r.step(Cancel{})
	for _, msg := range []wire.Message{
		&wire.PrepareOK{Ref: r.ref()}, &wire.RestoreComplete{Ref: r.ref()}, &wire.Progress{Ref: r.ref()},
		&wire.ReplayComplete{Ref: r.ref()}, &wire.Ask{Ref: r.ref()},
	} {
		if o := r.get(msg); len(sent[*wire.MigrationFailed](o)) != 1 {
			t.Errorf("%v is not answered", msg.Type())
		}
	}
	for _, msg := range []wire.Message{&wire.MigrationFailed{Ref: r.ref()}, &wire.Answer{Ref: r.ref()}, &wire.ActivateAck{Ref: r.ref()}, &wire.Forwarded{Ref: r.ref()}} {
		if o := r.get(msg); len(o.Sends) != 0 {
			t.Errorf("%v is an answer itself and is answered", msg.Type())
		}
	}
	for _, msg := range []wire.Message{&wire.Cancel{Ref: r.ref()}, &wire.CutoverNotify{Ref: r.ref()}, &wire.TakeSnapshot{Ref: r.ref()}} {
		if o := r.step(Received{From: nodeO, Message: msg}); len(sent[*wire.MigrationFailed](o)) != 1 {
			t.Errorf("%v is not answered", msg.Type())
		}
	}
}

// A machine that is let alone rests: it is never woken twice for nothing that is due, and not more often
// than its shortest interval.
func TestWakeMakesProgress(t *testing.T) {
	for s := preparing; s < moved; s++ {
		r := inState(t, s)
		ticks := 0
		for end := r.now.Add(20 * time.Second); !r.wake.IsZero() && r.wake.Before(end); ticks++ {
			r.now = r.wake
			r.step(Tick{}) // noted fails the test if the next wake is not in the future
		}
		if ticks > 200 {
			t.Errorf("%v: woken %d times in 20 s", s, ticks)
		}
	}
}
