package fuzz

import (
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/wire"
)

// What orchestrators are told: that the move has come to the cutover, and the handover.
var (
	orchestratorTold = []byte{0, 0, 18, 4, 0}
	orchestratorGave = []byte{0, 0, 17, 0, 0}

	orchestratorHalf    = slices.Concat([]byte{0}, orchestratorTold)
	orchestratorSilence = slices.Concat(orchestratorHalf, []byte{5, 255, 5, 255}, orchestratorGave, []byte{0, 1, 11, 1, 0, 0, 0}) // the target serves
	orchestratorAcked   = slices.Concat(orchestratorHalf, []byte{6, 0, 1}, orchestratorGave, []byte{0, 1, 5, 0, 1})               // its ack
	orchestratorStays   = []byte{0, 0, 0, 7, 2, 5, 20, 8, 5, 255}
)

func runOrchestrator(t *testing.T, data []byte) (*role, *orchestrator.Machine) {
	r := newRole(t, data)
	b := r.in.next()
	req := orchestrator.Request{Ref: r.ref(), Source: roleNodes[0], Target: roleNodes[1]}
	if b&1 == 1 {
		req.Ref.Epoch = 0
	}
	m, out := orchestrator.New(r.now, orchestrator.Config{Node: roleNodes[b>>1%4]}, req)
	var proof proof
	final := func(o orchestrator.Output) bool { return o.Ended != nil && o.Ended.Outcome != wire.OutcomeInDoubt }
	r.noted(out.Wake, final(out))
	for len(r.in.rest) > 0 {
		in := r.orchestratorInput()
		proof.note(in)
		out := m.Step(r.now, in)
		if r.ended && out.Ended != nil {
			t.Fatal("an outcome follows the final one")
		}
		r.noted(out.Wake, final(out))
		if out.Ended != nil && out.Ended.Outcome == wire.OutcomeMoved {
			r.provesMove(in, proof.whole)
		}
	}
	return r, m
}

// FuzzOrchestratorMachine checks also that a final outcome is the last one, and that moved needs a word of
// the activation.
func FuzzOrchestratorMachine(f *testing.F) {
	seedRoles(f, orchestratorHalf, 0, orchestratorSilence, orchestratorAcked, orchestratorStays)
	f.Fuzz(func(t *testing.T, data []byte) { runOrchestrator(t, data) })
}

// TestOrchestratorSeeds: the runs that fuzzing begins with mean what they say, however bytes are read by now.
func TestOrchestratorSeeds(t *testing.T) {
	for _, run := range [][]byte{orchestratorSilence, orchestratorAcked} {
		if _, m := runOrchestrator(t, run); m.Status().Ended == nil || m.Status().Ended.Outcome != wire.OutcomeMoved {
			t.Errorf("%v: %+v in phase %v", run, m.Status().Ended, m.Status().Phase)
		}
	}
	for _, run := range goldenRuns(t, orchestratorHalf, 0) {
		r, _ := runOrchestrator(t, run)
		r.mustCut()
	}
}

func (r *role) orchestratorInput() orchestrator.Input {
	switch r.in.next() % 8 {
	case 5:
		r.pass()
	case 6:
		return orchestrator.PeerDown{Peer: r.in.node(), Lost: r.in.next()&1 == 1, Err: errRole}
	case 7:
		return orchestrator.Cancel{}
	case 4:
		return orchestrator.Tick{}
	default:
		from := r.in.node()
		return orchestrator.Received{From: from, Message: r.message()}
	}
	return orchestrator.Tick{}
}

// proof is what an orchestrator has been shown of the activation: the handovers by the source, and then the target's ack of one, or that
// the source has moved the daemon once more.
type proof struct {
	entries map[crypto.Digest]bool
	whole   bool
}

func (p *proof) note(in orchestrator.Input) {
	got, _ := in.(orchestrator.Received)
	shown := func(ev crypto.CausalEvent) {
		if p.entries == nil {
			p.entries = make(map[crypto.Digest]bool)
		}
		p.entries[ev.Digest()] = true
	}
	switch msg := got.Message.(type) {
	case *wire.ActivateTarget:
		shown(msg.Handover)
	case *wire.Answer:
		shown(msg.Handover)
	case *wire.MigrationFailed:
		p.whole = p.whole || len(p.entries) > 0 && msg.Reason == wire.ReasonMoved
	case *wire.ActivateAck:
		p.whole = p.whole || got.From == roleNodes[1] && p.entries[msg.Signed.Head.Digest] && msg.Signed.VerifyKey(roleKeys[1].Public()) == nil
	}
}

// provesMove: the source says that all is done, or the target that it serves, or its ack has proven the activation, now or before.
func (r *role) provesMove(in orchestrator.Input, acked bool) {
	got, _ := in.(orchestrator.Received)
	msg, answer := got.Message.(*wire.Answer)
	switch _, completed := got.Message.(*wire.CleanupComplete); {
	case completed, acked:
	case answer && msg.State == wire.StateServing && got.From == roleNodes[1]:
	default:
		r.t.Fatalf("moved because of %T from %v", got.Message, got.From)
	}
}
