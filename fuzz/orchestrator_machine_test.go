package fuzz

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/wire"
)

// FuzzOrchestratorMachine checks also that a final outcome is the last one, and that moved needs a word of
// the activation.
func FuzzOrchestratorMachine(f *testing.F) {
	seedRoles(f, []byte{0, 0, 0, 18, 4, 0, 5, 255, 5, 255, 0, 0, 17, 0, 0, 0, 1, 11, 1, 0, 0, 0}, []byte{0, 0, 0, 7, 2, 5, 20, 8, 5, 255},
		[]byte{0, 0, 0, 18, 4, 0, 6, 0, 1, 0, 0, 17, 0, 0, 0, 1, 5, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
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
	})
}

func (r *role) orchestratorInput() orchestrator.Input {
	switch r.in.next() % 8 {
	case 5:
		r.pass()
	case 6:
		return orchestrator.LinkDown{Peer: r.in.node(), Lost: r.in.next()&1 == 1, Err: errRole}
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
