package target_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// restoringRig is a machine whose restore has claimed the origin.
func restoringRig(t *testing.T) *machineRig {
	r := newMachineRig(t)
	for _, line := range []string{"new", "stream", "claimed 3"} {
		r.play(line)
	}
	return r
}

func (r *machineRig) resume(serial uint64) target.MachineOutput {
	return r.get(nodeS, &wire.Resume{Ref: r.ref, Serial: serial, Head: r.heads[3]})
}

// answers returns what the last step told the source of where to go on.
func answers(out target.MachineOutput) (list []*wire.ResumeAt) {
	for _, e := range out.Sends {
		if at, ok := e.Message.(*wire.ResumeAt); ok {
			list = append(list, at)
		}
	}
	return list
}

func calls[C target.Call](out target.MachineOutput) (n int) {
	for _, c := range out.Calls {
		if _, ok := c.(C); ok {
			n++
		}
	}
	return n
}

// Where to go on is said only when the restore reads nothing more from the stream before, and the next stream is the only
// one that is let in.
func TestResume_CutOffBeforeTheAnswer(t *testing.T) {
	r := restoringRig(t)
	if out := r.step(target.StreamOpened{Stream: 2}); !out.RefuseStream {
		t.Error("a second stream is let in beside the first")
	}
	out := r.resume(1)
	if calls[target.CallCutOff](out) != 1 || len(answers(out)) != 0 {
		t.Fatalf("asked to resume: %+v", out)
	}
	if out := r.step(target.StreamOpened{Stream: 3}); !out.RefuseStream {
		t.Error("a stream is let in before its place is known")
	}
	out = r.step(target.CutOff{Offset: 400})
	if at := answers(out); len(at) != 1 || at[0].Offset != 400 || at[0].Serial != 1 || at[0].Head != r.heads[3] {
		t.Fatalf("the answer: %+v", at)
	}
	if out := r.step(target.StreamOpened{Stream: 4}); calls[target.CallFeed](out) != 1 || out.RefuseStream {
		t.Errorf("the stream that is waited for: %+v", out)
	}
}

// A question that is repeated gets the same answer while its stream is waited for, and none once it has come: the stream
// must not be cut by the repetition.
func TestResume_RepeatedQuestion(t *testing.T) {
	r := restoringRig(t)
	r.resume(2)
	if out := r.resume(2); len(out.Calls)+len(answers(out)) != 0 {
		t.Errorf("repeated before the answer is known: %+v", out)
	}
	r.step(target.CutOff{Offset: 400})
	if out := r.resume(2); calls[target.CallCutOff](out) != 0 || len(answers(out)) != 1 || answers(out)[0].Offset != 400 {
		t.Errorf("repeated after the answer: %+v", out)
	}
	r.step(target.StreamOpened{Stream: 2})
	for _, serial := range []uint64{0, 1, 2} {
		if out := r.resume(serial); len(out.Calls)+len(answers(out)) != 0 {
			t.Errorf("question %d while stream 2 runs: %+v", serial, out)
		}
	}
}

// The source sends events again once it hears of the claim, so the claim is told with the answer.
func TestResume_TellsTheClaimAgain(t *testing.T) {
	r := restoringRig(t)
	r.resume(1)
	out := r.step(target.CutOff{Offset: 400})
	if p, ok := out.Sends[len(out.Sends)-1].Message.(*wire.Progress); !ok || p.Head != r.heads[3] {
		t.Errorf("behind the answer: %+v", out.Sends)
	}
}

// A copy that is complete answers with that, as its first word of it may be lost.
func TestResume_AlreadyRestored(t *testing.T) {
	r := restoringRig(t)
	r.play("restored at=3")
	out := r.resume(1)
	if m, ok := out.Sends[0].Message.(*wire.RestoreComplete); !ok || m.Head != r.heads[3] {
		t.Errorf("the answer: %+v", out.Sends)
	}
	if out := r.step(target.CutOff{Offset: 400}); len(answers(out)) != 0 {
		t.Error("a late result asks for more of a snapshot that is complete")
	}
}

// After a restart, what the disk has counts if it is of the same view; else the copy begins anew.
func TestResume_PartOfAnEarlierProcess(t *testing.T) {
	for _, c := range []struct{ of, want uint64 }{{3, 4096}, {4, 0}} {
		r := newMachineRig(t)
		req := target.Request{Source: nodeS, Key: testNext, Prepare: &wire.Prepare{
			Ref: r.ref, Entity: r.genes.Entity, Kind: "test", Orchestrator: nodeO, Durability: wire.DurabilityEveryEvent,
		}}
		var out target.MachineOutput
		r.m, out = target.RecoverMachine(r.now, target.MachineConfig{Node: nodeT, Boot: 6}, target.Recovered{
			Request: req, Part: &target.Part{Head: r.heads[c.of], Size: 4096},
		})
		if ok, is := out.Sends[0].Message.(*wire.PrepareOK); !is || ok.Next != testNext.Public() {
			t.Fatalf("after the restart: %+v", out.Sends)
		}
		if at := answers(r.resume(1)); len(at) != 1 || at[0].Offset != c.want {
			t.Fatalf("part of the view at %d: %+v", c.of, at)
		}
		out = r.step(target.StreamOpened{Stream: 1})
		if op, ok := out.Calls[0].(target.CallRestore); !ok || op.From != c.want {
			t.Errorf("part of the view at %d: restored by %+v", c.of, out.Calls)
		}
	}
}

// A source that has been away for long, and one that has ended the migration, let the copy go, cut or not.
func TestResume_CutCopyIsDropped(t *testing.T) {
	for _, line := range []string{"MigrationFailed", "run 40s"} {
		r := restoringRig(t)
		r.resume(1)
		r.step(target.CutOff{Offset: 400})
		r.play("down")
		if line == "run 40s" {
			r.now = r.now.Add(40 * time.Second)
			r.step(target.Tick{})
		} else {
			r.play(line)
		}
		if s := r.m.Status(); s.State != "dropped" || calls[target.CallAbort](r.out) != 1 {
			t.Errorf("%s: %s, %+v", line, s.State, r.out.Calls)
		}
	}
}
