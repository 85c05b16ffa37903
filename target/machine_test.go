package target_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// holdingRig is a machine that has promised its copy for the second attempt, at sequence 5.
func holdingRig(t *testing.T) *machineRig {
	r := newMachineRig(t)
	for _, line := range []string{"new", "stream", "claimed 0", "restored at=5", "Final 2 at=5", "held"} {
		r.play(line)
	}
	if s := r.m.Status().State; s != "holding" {
		t.Fatalf("%s, want holding", s)
	}
	return r
}

// A copy that is held survives everything but the words that release it.
func TestT15_MachineKeepsAHeldCopy(t *testing.T) {
	for _, line := range []string{
		"cancel", "down", "up", "stream", "claimed 3", "restored fail", "replayed 5 fail", "held fail", "activated fail",
		"Prepare", "Aborted 1", "Final 1 at=5", "Final 2 at=6", "Final 3 at=5 other", "Final 3 at=9", "Answer serving attempt=1",
		"Answer serving attempt=2 orchestrator", "Answer unknown boot=9", "Answer unknown boot=9 orchestrator", "Answer frozen attempt=2",
		"ActivateTarget at=5 forged", "ActivateTarget at=4", "Ask orchestrator", "run 10h",
	} {
		r := holdingRig(t)
		if line == "activated fail" {
			r.step(target.Activated{Err: errTest})
		} else {
			r.play(line)
		}
		for _, c := range r.out.Calls {
			switch c.(type) {
			case target.CallAbort, target.CallRelease, target.CallActivate:
				t.Errorf("%s: %T", line, c)
			}
		}
		if s := r.m.Status(); s.State != "holding" || s.Ended != nil {
			t.Errorf("%s: %s", line, s.State)
		}
	}
}

// What does release it.
func TestT15_MachineReleases(t *testing.T) {
	for line, state := range map[string]string{
		"Aborted 2": "replaying", "Aborted 3": "replaying", "Answer serving attempt=2": "replaying",
		"MigrationFailed": "dropped", "ActivateTarget at=5 elsewhere": "dropped", "Answer released at=6 elsewhere orchestrator": "dropped",
		"ActivateTarget at=5": "activating", "ActivateTarget at=5 stranger": "activating",
		"Answer released at=5": "activating", "Answer released at=5 orchestrator": "activating",
	} {
		r := holdingRig(t)
		r.play(line)
		if s := r.m.Status().State; s != state {
			t.Errorf("%s: %s, want %s", line, s, state)
		}
	}
}

// The hold that is told is for the attempt and the head that were made durable, whatever came since.
func TestS7_HoldSaysWhatIsHeld(t *testing.T) {
	r := holdingRig(t)
	r.play("Final 3 at=9")
	r.play("up")
	for _, e := range r.out.Sends {
		msg, ok := e.Message.(*wire.ReplayComplete)
		if !ok {
			continue
		}
		if msg.Attempt != attempt(2) || msg.Head != r.heads[5] {
			t.Errorf("says %v at %d, held is %v at 5", msg.Attempt, msg.Head.Sequence, attempt(2))
		}
		if err := msg.Verify(testNext.Public()); err != nil {
			t.Error(err)
		}
	}
}

// A machine that is let alone rests, in every state.
func TestMachineWakeMakesProgress(t *testing.T) {
	lines := []string{"new", "stream", "claimed 0", "BufferedEvents 1 to=3", "replayed 0 held=3", "restored", "replayed 3 applied=3", "Final 1 at=3", "held", "ActivateTarget at=3", "activated fail", "activated"}
	for n := range lines {
		r := newMachineRig(t)
		for _, line := range lines[:n+1] {
			r.play(line)
		}
		ticks := 0
		for end := r.now.Add(time.Minute); !r.wake.IsZero() && r.wake.Before(end); ticks++ {
			r.now = r.wake
			r.step(target.Tick{}) // noted fails the test if the next wake is not in the future
		}
		if ticks > 60 {
			t.Errorf("after %q: woken %d times in a minute", lines[n], ticks)
		}
	}
}

// Events that came during the restore are told of without a head, perhaps after its end. That is not the head of the copy.
func TestT15_NoHeadFromBeforeTheRestore(t *testing.T) {
	r := newMachineRig(t)
	for _, line := range []string{"new", "stream", "claimed 0", "restored at=5"} {
		r.play(line)
	}
	r.step(target.Replayed{Buffered: 1})
	r.play("run 10ms")
	if through := r.m.Status().Through; through != 5 {
		t.Errorf("the copy is at %d, want 5", through)
	}
}

// What could not be applied under a hold is tried again when the hold has gone: then the source is told.
func TestT15_MachineReplaysAfterTheHold(t *testing.T) {
	r := holdingRig(t)
	r.play("replayed 5 fail")
	r.play("Aborted 2")
	for _, c := range r.out.Calls {
		if _, ok := c.(target.CallReplay); ok {
			return
		}
	}
	t.Errorf("calls %v", r.out.Calls)
}

// A handover among the events (protocol §4.3.1) never reaches the handler, which would apply it behind the machine's back: the copy
// could then be neither dropped nor activated, and with a directory nobody would have asked it. Without a hold the migration
// ends, and the copy goes; under one nothing changes.
func TestEventsCarryNoHandover(t *testing.T) {
	for _, spoiled := range []string{"", "forced"} {
		for _, lines := range [][]string{
			{"new", "stream", "claimed 0"},
			{"new", "stream", "claimed 0", "restored at=5"},
			{"new directory", "stream", "claimed 0", "restored at=5"},
			{"new", "stream", "claimed 0", "restored at=5", "Final 2 at=5", "held"},
		} {
			r := newMachineRig(t)
			for _, line := range lines {
				r.play(line)
			}
			before := r.m.Status().State
			ev := r.handover(5, func(s string) bool { return s == spoiled })
			r.get(nodeS, &wire.BufferedEvents{Ref: r.ref, Events: []crypto.CausalEvent{r.log[4], ev}})
			aborted := false
			for _, c := range r.out.Calls {
				switch c.(type) {
				case target.CallReplay:
					t.Errorf("%s, %q: the handler is given the entry", before, spoiled)
				case target.CallAbort:
					aborted = true
				}
			}
			s := r.m.Status()
			if before == "holding" && (s.State != before || aborted) {
				t.Errorf("%q: a held copy is %s", spoiled, s.State)
			}
			if before != "holding" && (!aborted || s.Ended == nil || s.Ended.Reason != wire.ReasonBadFrame) {
				t.Errorf("%s, %q: %s, ended %+v", before, spoiled, s.State, s.Ended)
			}
		}
	}
}

// A hold that was asked for can be given although nobody waits for it any more: the session ended, the word of its attempt's end with it,
// and the events behind it overtook the Final of the next attempt, which the handler then refuses. Whatever ends the migration later,
// the copy must be let go before it is dropped: else the handler keeps it, and each later move of the daemon to this node is
// refused as already migrating.
func TestT15_NoHoldOutlivesItsCopy(t *testing.T) {
	for _, ends := range [][]string{
		{"Aborted 2", "MigrationFailed"}, {"Aborted 2", "cancel"}, {"Aborted 2", "Answer unknown"}, {"Aborted 2", "down", "later", "tick"},
		{"Aborted 2", "Final 3 at=6 other"}, {"MigrationFailed"}, {"cancel"},
	} {
		r := newMachineRig(t)
		var calls []target.Call
		for _, line := range append([]string{
			"new", "stream", "claimed 0", "restored at=5", "Final 1 at=5", "down", "up", "BufferedEvents 6", "Final 2 at=5",
			"held attempt=1", "replayed 6 applied=1", "held attempt=2 gap",
		}, ends...) {
			if line == "later" {
				r.now = r.now.Add(time.Minute)
				continue
			}
			r.play(line)
			calls = append(calls, r.out.Calls...)
		}
		if at := heldAtAbort(calls); r.m.Status().State != "dropped" || at != (wire.Attempt{}) {
			t.Errorf("%v: %s, and dropped while held for %v", ends, r.m.Status().State, at)
		}
	}
}

// heldAtAbort is the attempt that a handler holds when it is told to drop the copy, if it gives the first hold that it is asked for
// and no other one; zero for none.
func heldAtAbort(calls []target.Call) (at wire.Attempt) {
	asked := false
	for _, c := range calls {
		switch c := c.(type) {
		case target.CallHold:
			if !asked {
				at, asked = c.Attempt, true
			}
		case target.CallRelease:
			if !c.Attempt.Less(at) {
				at = wire.Attempt{}
			}
		case target.CallAbort:
			return at
		}
	}
	return at
}
