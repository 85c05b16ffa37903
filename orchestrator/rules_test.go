package orchestrator_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/wire"
)

// Tests named after the rules that an orchestrator must keep, as far as its machine alone decides them.

// at is a machine that has heard of a phase.
func at(t *testing.T, phase string) *rig {
	r := newRig(t)
	r.start()
	r.play("Status " + phase)
	return r
}

// The loser of two that start at once learns it at once; its repeats do not bother anybody.
func TestO1_TheLoserLearns(t *testing.T) {
	r := newRig(t)
	r.start()
	r.play("MigrationFailed already")
	if len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeStayed || r.ended[0].Reason != wire.ReasonAlreadyMigrating {
		t.Fatalf("learns %+v", r.ended)
	}
	if !r.wake.IsZero() {
		t.Error("goes on after the end")
	}
}

// The orchestrator may be the source or the target: it sends the same messages, to itself where it must.
func TestO2_AnyNode(t *testing.T) {
	for name, self := range map[string]func(*orchestrator.Request){
		"source": func(q *orchestrator.Request) { q.Source = nodeO },
		"target": func(q *orchestrator.Request) { q.Target = nodeO },
		"third":  func(*orchestrator.Request) {},
	} {
		r := newRig(t)
		self(&r.req)
		r.start()
		r.get(r.req.Source, &wire.Status{Ref: testRef, Phase: wire.PhaseCutover})
		r.get(r.req.Source, &wire.ActivateTarget{Ref: testRef})
		if len(r.out.Sends) != 1 || r.out.Sends[0].To != r.req.Target {
			t.Errorf("%s: relays to %v", name, r.out.Sends)
		}
		asked := map[string]bool{}
		for end := r.now.Add(10 * time.Second); r.wake.Before(end); {
			r.now = r.wake
			for _, e := range r.step(orchestrator.Tick{}).Sends {
				if e.Message.Type() == wire.TypeAsk {
					asked[e.To.String()] = true
				}
			}
		}
		if !asked[r.req.Source.String()] || !asked[r.req.Target.String()] {
			t.Errorf("%s: does not ask both sides", name)
		}
		if r.get(r.req.Target, &wire.Answer{Ref: testRef, State: wire.StateServing, HasHandover: true}); len(r.ended) == 0 || r.ended[len(r.ended)-1].Outcome != wire.OutcomeMoved {
			t.Errorf("%s: learns %v", name, r.ended)
		}
	}
}

// A handover to another node is of a migration that somebody else has begun under the same id, at a source that has forgotten this one.
func TestO5_AnotherMigrationsHandover(t *testing.T) {
	for to, want := range map[crypto.NodeID]wire.Outcome{nodeT: 0, {9}: wire.OutcomeStayed} {
		r := at(t, "replay")
		r.get(nodeS, &wire.Answer{Ref: testRef, State: wire.StateReleased, HasHandover: true, Handover: handoverTo(to)})
		if ended := r.m.Status().Ended; (ended != nil) != (want != 0) || ended != nil && ended.Outcome != want {
			t.Errorf("a handover to %v: %+v", to, ended)
		}
	}
}

// Phases move forward; the one way back is an attempt that ends without a commit.
func TestO3_PhasesMoveForward(t *testing.T) {
	names := []string{"snapshot", "transfer", "restore", "replay", "cutover", "complete"}
	for i, from := range names {
		for j, to := range names {
			r := at(t, from)
			r.play("Status " + to)
			want := phases[from]
			if j > i || from == "cutover" && to == "replay" {
				want = phases[to]
			}
			if got := r.m.Status().Phase; got != want {
				t.Errorf("%s, then %s: %v", from, to, got)
			}
		}
	}
	r := at(t, "cutover")
	r.play("ActivateTarget")
	r.play("Status replay")
	if got := r.m.Status().Phase; got != wire.PhaseCutover {
		t.Errorf("committed, then back in %v", got)
	}
}

// A failure reaches the caller with its reason, in every phase, and then it is over: another migration of
// the daemon is another machine.
func TestO4_FailureInEveryPhase(t *testing.T) {
	for phase := range phases {
		r := at(t, phase)
		r.play("MigrationFailed diverged")
		if len(r.ended) != 1 || r.ended[0].Reason != wire.ReasonDiverged || r.ended[0].Detail == "" {
			t.Errorf("%s: learns %+v", phase, r.ended)
		}
	}
}

// The outcome comes once. What is said afterwards, truthfully or not, changes nothing.
func TestO5_OneOutcome(t *testing.T) {
	final := []string{"CleanupComplete", "MigrationFailed diverged", "Answer serving target"}
	for _, first := range final {
		for _, second := range append(final, "cancel", "down", "Status replay", "ActivateTarget", "MigrationFailed notready", "Answer unknown", "Answer unknown target", "run 1h") {
			r := at(t, "cutover")
			r.play(first)
			r.play(second)
			r.play("Answer unknown")
			if len(r.ended) != 1 {
				t.Errorf("%s, then %s: %d outcomes", first, second, len(r.ended))
			}
		}
	}
}

// Moved is learned from the source's CleanupComplete or the target's own word, which both rest on the
// activation; a handover alone is none.
func TestO5_SuccessOnlyAfterActivation(t *testing.T) {
	r := at(t, "cutover")
	for _, line := range []string{"ActivateTarget", "Answer released", "Answer frozen target", "Answer frozen", "Status complete"} {
		if r.play(line); len(r.ended) != 0 {
			t.Fatalf("%s: learns %+v", line, r.ended[0])
		}
	}
	if r.play("CleanupComplete"); len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeMoved {
		t.Errorf("learns %+v", r.ended)
	}
}

// An orchestrator that has had the handover knows of the commit (protocol §4.7). A source to which the daemon has come back, or that
// has restarted without it, knows nothing of the migration any more, and no word of it is that nothing has moved. Neither is a
// target's that serves the daemon without a handover to show. What nobody can prove is in doubt.
func TestO5_CommittedIsNotStayed(t *testing.T) {
	for name, lines := range map[string][]string{
		"it has come back":         {"Answer serving", "MigrationFailed notfound"},
		"it is to try again":       {"MigrationFailed notready"},
		"the source has restarted": {"Answer unknown", "Answer serving target bare"},
		"it is to be cancelled":    {"cancel", "MigrationFailed notready"},
	} {
		r := at(t, "cutover")
		for _, line := range []string{"ActivateTarget", "down lost"} {
			r.play(line)
		}
		for end := r.now.Add(time.Minute); r.now.Before(end); { // asked again and again, they say the same
			for _, line := range lines {
				r.play(line)
			}
			r.play("run 2s")
		}
		if len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeInDoubt {
			t.Errorf("%s: learns %d outcomes, first %+v", name, len(r.ended), r.ended[0])
		}
		if r.play("ActivateAck target"); len(r.ended) == 0 || r.ended[len(r.ended)-1].Outcome != wire.OutcomeMoved {
			t.Errorf("%s: the proof does not end it", name)
		}
	}
}

// An ack proves the activation by its signature and its head, and nothing else does. One that came before the source fell silent, or
// said that nothing had moved, counts from then on.
func TestO5_AckProves(t *testing.T) {
	for _, bad := range []string{"forged", "epoch", "otherhead", "outputs", "later"} {
		r := at(t, "cutover")
		for _, line := range []string{"ActivateTarget", "down lost", "ActivateAck target " + bad} {
			r.play(line)
		}
		if len(r.ended) != 0 || !r.m.Proves() {
			t.Errorf("%s: learns %+v, still has the handover: %v", bad, r.ended, r.m.Proves())
		}
	}
	for _, after := range []string{"down lost", "MigrationFailed notfound", "run 5s"} {
		r := at(t, "cutover")
		for _, line := range []string{"ActivateTarget", "ActivateAck target"} {
			if r.play(line); len(r.ended) != 0 {
				t.Fatalf("%s: the source has more to tell", line)
			}
		}
		if r.play(after); len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeMoved {
			t.Errorf("%s: learns %+v", after, r.ended)
		}
	}
}

// A source that has only its record of the move left (protocol §4.9.3) knows no figures. Those that it reported stay, and give
// way to figures alone.
func TestO5_FiguresStay(t *testing.T) {
	reported, last := wire.Stats{SnapshotBytes: 7, Blackout: 8, Epoch: 4}, wire.Stats{SnapshotBytes: 9, Epoch: 5}
	for told, want := range map[wire.Stats]wire.Stats{{Epoch: 5}: {SnapshotBytes: 7, Blackout: 8, Epoch: 5}, last: last} {
		r := at(t, "cutover")
		r.get(nodeS, &wire.Status{Ref: testRef, Phase: wire.PhaseCutover, Stats: reported})
		r.get(nodeS, &wire.CleanupComplete{Ref: testRef, Outcome: wire.OutcomeMoved, Stats: told})
		if s := r.m.Status(); s.Stats != want || s.Ended == nil || s.Ended.Outcome != wire.OutcomeMoved {
			t.Errorf("told %+v: has %+v and learns %+v", told, s.Stats, s.Ended)
		}
	}
}

// Cancel is a wish. The outcome is what the source says became of it.
func TestO5_CancelRacesSuccess(t *testing.T) {
	for line, want := range map[string]wire.Outcome{"CleanupComplete": wire.OutcomeMoved, "MigrationFailed cancelled": wire.OutcomeStayed} {
		r := at(t, "cutover")
		if r.play("cancel"); len(r.ended) != 0 {
			t.Fatal("a wish is an outcome")
		}
		if r.play(line); len(r.ended) != 1 || r.ended[0].Outcome != want {
			t.Errorf("%s: learns %+v", line, r.ended)
		}
	}
}

// Not ready is asked again within the budget, whether or not anybody waits, and then given up with a count. That is the outcome once
// the source has answered the Cancel.
func TestO6_NotReadyBudget(t *testing.T) {
	r := newRig(t)
	r.start()
	asked, last := 1, time.Duration(0)
	for {
		refused := r.now
		if r.play("MigrationFailed notready"); sends(r, wire.TypeCancel) {
			break
		}
		r.now = r.wake
		for _, e := range r.step(orchestrator.Tick{}).Sends {
			if e.Message.Type() == wire.TypeTakeSnapshot {
				asked++
			}
		}
		wait := r.now.Sub(refused)
		if wait < last {
			t.Errorf("waits %v after %v", wait, last)
		}
		last = wait
	}
	if spent := r.now.Sub(testStart); spent > orchestrator.DefaultReadyBudget {
		t.Errorf("the budget of %v took %v", orchestrator.DefaultReadyBudget, spent)
	}
	if r.play("MigrationFailed cancelled"); len(r.ended) != 1 {
		t.Fatalf("learns %v", r.ended)
	}
	e := r.ended[0]
	if e.Outcome != wire.OutcomeStayed || e.Reason != wire.ReasonNotReadyTimeout || e.Tries != asked || asked < 3 {
		t.Errorf("learns %v, %v after %d tries, %d were made", e.Outcome, e.Reason, e.Tries, asked)
	}
}

// sends reports whether the last output has a message of a type.
func sends(r *rig, typ wire.Type) bool {
	return slices.ContainsFunc(r.out.Sends, func(e wire.Envelope) bool { return e.Message.Type() == typ })
}

// A request that was repeated may have started the migration again when the refusal of the first arrives, and its target may be ready
// now. Nothing is said of the outcome then, neither when the budget is spent nor when somebody cancels, before the source has
// answered the Cancel; and a refusal is no such answer, since it may be of a request that came before it (protocol §4.1.4).
func TestO6_NotStayedWhileARepeatMayRun(t *testing.T) {
	for name, lines := range map[string][]string{
		"cancelled while it waits": {"run 300ms", "MigrationFailed notready", "cancel"},
		"cancelled before":         {"run 300ms", "cancel", "MigrationFailed notready"},
		"the budget is spent":      {"run 9900ms", "MigrationFailed notready", "run 4s", "MigrationFailed notready", "run 4s", "MigrationFailed notready", "run 4s", "MigrationFailed notready", "run 4s"},
	} {
		given := func() *rig {
			r := newRig(t)
			r.start()
			for _, line := range lines {
				r.play(line)
			}
			r.play("MigrationFailed notready") // the repeat's, or the same once more
			if len(r.ended) != 0 {
				t.Fatalf("%s: learns %+v", name, r.ended[0])
			}
			return r
		}
		r := given()
		for _, line := range []string{"Status cutover", "ActivateTarget", "ActivateAck target", "CleanupComplete"} {
			r.play(line)
		}
		if len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeMoved {
			t.Errorf("%s, and the repeat moves it: learns %+v", name, r.ended)
		}
		for _, line := range []string{"MigrationFailed cancelled", "MigrationFailed notfound"} {
			r := given()
			if r.play(line); len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeStayed {
				t.Errorf("%s, then %s: learns %+v", name, line, r.ended)
			}
		}
		r = given()
		cancels := 0
		for end := r.now.Add(time.Minute); r.now.Before(end); r.step(orchestrator.Tick{}) {
			r.now = r.wake
			if sends(r, wire.TypeTakeSnapshot) {
				t.Fatalf("%s: asks for it again", name)
			}
			if sends(r, wire.TypeCancel) {
				cancels++
			}
		}
		if len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeInDoubt || cancels < 10 {
			t.Errorf("%s, and the source is silent: learns %+v after %d cancels", name, r.ended, cancels)
		}
	}
}

// Any other reason is not asked again.
func TestO6_OnlyNotReady(t *testing.T) {
	r := newRig(t)
	r.start()
	r.play("MigrationFailed diverged")
	r.now = r.now.Add(time.Hour)
	if o := r.step(orchestrator.Tick{}); len(o.Sends) != 0 {
		t.Error("asks again")
	}
}

// A target that holds is answered also by an orchestrator that is done.
func TestD6_AsksAreAnswered(t *testing.T) {
	r := at(t, "cutover")
	for _, line := range []string{"Ask target", "ActivateTarget", "Ask target", "MigrationFailed diverged", "Ask target"} {
		r.play(line)
		if line == "Ask target" && len(r.out.Sends) != 1 {
			t.Errorf("%d answers", len(r.out.Sends))
		}
	}
	ans := r.out.Sends[0].Message.(*wire.Answer)
	if ans.State != wire.StateReleased || !ans.HasHandover {
		t.Errorf("answers %v", ans.State)
	}
}

// A machine that is let alone rests, in every state.
func TestWakeMakesProgress(t *testing.T) {
	for _, lines := range [][]string{{}, {"cancel"}, {"Status replay"}, {"Status replay", "cancel"}, {"Status replay", "down lost"}, {"MigrationFailed notready"}, {"ActivateTarget"}, {"down lost"}} {
		r := newRig(t)
		r.start()
		for _, line := range lines {
			r.play(line)
		}
		ticks := 0
		for end := r.now.Add(time.Minute); !r.wake.IsZero() && r.wake.Before(end); ticks++ {
			r.now = r.wake
			r.step(orchestrator.Tick{}) // noted fails the test if the next wake is not in the future
		}
		if ticks > 100 {
			t.Errorf("%v: woken %d times in a minute", lines, ticks)
		}
	}
}

// A source says that the migration has ended to tell that the daemon has moved, and for nothing else (protocol §3.3.14). What it adds
// to that is no outcome: one that is in doubt, or lost, nobody could correct any more.
func TestO5_TheEndIsMoved(t *testing.T) {
	for _, said := range []wire.Outcome{wire.OutcomeStayed, wire.OutcomeInDoubt, wire.OutcomeLost} {
		r := at(t, "cutover")
		r.get(nodeS, &wire.CleanupComplete{Ref: testRef, Outcome: said, Stats: wire.Stats{SnapshotBytes: 1, Epoch: 9}})
		if s := r.m.Status(); len(r.ended) != 0 || s.Stats.Epoch == 9 {
			t.Errorf("%v: learns %v, with the figures %+v", said, r.ended, s.Stats)
		}
		if r.play("CleanupComplete"); len(r.ended) != 1 || r.ended[0].Outcome != wire.OutcomeMoved {
			t.Errorf("%v, then moved: learns %v", said, r.ended)
		}
	}
}
