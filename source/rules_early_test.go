package source

import (
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// askedEarly is a machine that has asked for the hold of its newest head and still serves.
func askedEarly(t *testing.T, options ...func(*Request)) *rig {
	r := began(t, options...)
	r.step(Snapshotted{Head: r.genes})
	r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.genes})
	r.get(&wire.Progress{Ref: r.ref(), Head: r.genes})
	if len(sent[*wire.Final](r.out)) != 1 || r.m.Holding() {
		t.Fatalf("Final %v, holding %v", r.out.Sends, r.m.Holding())
	}
	return r
}

// A hold that was reported before the freeze commits as soon as the daemon is frozen, and not before, if nothing was
// sequenced in between.
func TestS7_EarlyHoldCommitsAtTheFreeze(t *testing.T) {
	r := askedEarly(t)
	if o := r.get(r.hold()); called[CallHandOver](o) || !called[CallFreeze](o) {
		t.Fatalf("calls %v after the hold", o.Calls)
	}
	o := r.step(Frozen{Head: r.genes})
	if !called[CallHandOver](o) || len(sent[*wire.Final](o)) != 0 {
		t.Fatalf("calls %v, sends %v after the freeze", o.Calls, o.Sends)
	}
}

// What was sequenced since makes an early hold worth nothing, wherever the event comes from: the target is told before
// it gets the event, and has to hold again.
func TestS7_EarlyHoldOfAnotherHead(t *testing.T) {
	for name, happens := range map[string]func(*rig){
		"before the hold": func(r *rig) { r.step(Applied{Entries: r.sequence(1, 1)}); r.freezeNow() },
		"in the queue": func(r *rig) {
			r.get(r.hold())
			r.step(Applied{Entries: r.sequence(1, 1)})
		},
		"unheard of": func(r *rig) { r.get(r.hold()); r.sequence(1, 1) },
	} {
		r := askedEarly(t)
		first := *r.final
		happens(r)
		o := r.step(Frozen{Head: r.newest()})
		if called[CallHandOver](o) || r.m.state != frozen || !first.Attempt.Less(r.final.Attempt) {
			t.Errorf("%s: %v, calls %v", name, r.m.state, o.Calls)
		}
		if o := r.get(r.holdOf(first.Attempt, first.Head, testNext)); called[CallHandOver](o) || len(sent[*wire.Aborted](o)) != 1 {
			t.Errorf("%s: the hold of the first attempt: calls %v", name, o.Calls)
		}
		if o := r.get(r.hold()); !called[CallHandOver](o) {
			t.Errorf("%s: the hold of the second attempt: calls %v", name, o.Calls)
		}
	}
}

// An attempt is over before the first event behind its head is shipped.
func TestS7_NoEventBehindALiveAttempt(t *testing.T) {
	r := askedEarly(t)
	out := r.step(Applied{Entries: r.sequence(1, 1)})
	aborted := slices.IndexFunc(out.Sends, func(e wire.Envelope) bool { _, ok := e.Message.(*wire.Aborted); return ok })
	event := slices.IndexFunc(out.Sends, func(e wire.Envelope) bool { _, ok := e.Message.(*wire.BufferedEvents); return ok })
	if aborted < 0 || event < aborted {
		t.Errorf("Aborted at %d, the event at %d", aborted, event)
	}
}

// Whatever ends an early attempt, its hold commits nothing any more.
func TestS7_EarlyAttemptIsVoid(t *testing.T) {
	for name, end := range map[string]func(*rig){
		"an event":      func(r *rig) { r.step(Applied{Entries: r.sequence(1, 1)}) },
		"a question":    func(r *rig) { r.get(&wire.Ask{Ref: r.ref(), Attempt: r.final.Attempt}) },
		"a new session": func(r *rig) { r.step(PeerDown{Peer: nodeT, Err: errTest}); r.step(PeerUp{Peer: nodeT}) },
		"no answer":     func(r *rig) { r.now = r.now.Add(DefaultFreezeBudget); r.step(Tick{}) },
		"the end":       func(r *rig) { r.step(Cancel{}) },
		"its failure":   func(r *rig) { r.get(&wire.MigrationFailed{Ref: r.ref(), Reason: wire.ReasonDiverged}) },
	} {
		r := askedEarly(t)
		first := *r.final
		end(r)
		if o := r.get(r.holdOf(first.Attempt, first.Head, testNext)); len(o.Calls) != 0 || r.m.attempt.held {
			t.Errorf("%s: its hold counts, calls %v", name, o.Calls)
		}
		if r.m.state == freezing {
			if o := r.step(Frozen{Head: r.newest()}); called[CallHandOver](o) {
				t.Errorf("%s: it commits", name)
			}
		}
	}
}

// A daemon that is never level is asked for nothing before its freeze, and one whose early attempts end is not asked often.
func TestEarlyAttemptsCostLittle(t *testing.T) {
	r := began(t)
	r.step(Snapshotted{Head: r.genes})
	r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.genes})
	r.step(Applied{Entries: r.sequence(1, 1)})
	if o := r.get(&wire.Progress{Ref: r.ref(), Head: r.genes}); len(sent[*wire.Final](o)) != 0 || !called[CallFreeze](o) {
		t.Fatalf("one event behind: %v", o.Sends)
	}
	r = askedEarly(t)
	opened := []time.Time{r.now}
	for last := r.final.Attempt; r.m.state == replaying; r.now = r.now.Add(earlyPause / 16) {
		r.get(&wire.Ask{Ref: r.ref(), Attempt: r.final.Attempt}) // which ends it
		r.get(&wire.Progress{Ref: r.ref(), Head: r.newest()})
		if r.final.Attempt != last {
			last, opened = r.final.Attempt, append(opened, r.now)
		}
	}
	if !called[CallFreeze](r.out) && r.m.state != freezing {
		t.Errorf("it is %v, and not frozen", r.m.state)
	}
	for i := range opened[1:] {
		if pause := opened[i+1].Sub(opened[i]); pause < earlyPause || i+1 >= maxEarly {
			t.Errorf("early attempt %d comes %v after the one before", i+2, pause)
		}
	}
	if waited := r.now.Sub(opened[0]); len(opened) != maxEarly || waited > maxEarly*earlyPause+earlyPause/4 {
		t.Errorf("it was frozen after %v and %d attempts", waited, len(opened))
	}
}
