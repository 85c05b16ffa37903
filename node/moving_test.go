package node_test

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// This file is about what peers say around a commit, and about what the core makes of it in messages of its own.

// said are the messages of a type in what is sent.
func said[M wire.Message](t *testing.T, e node.Effects) (list []M) {
	t.Helper()
	for _, s := range e.Sends {
		if m, ok := decoded(t, s).(M); ok {
			list = append(list, m)
		}
	}
	return list
}

// TestP6_LongHandoverIsNotSaidAgain: an orchestrator keeps the handover that the source sends it, unread, and shows it to whoever asks. In
// an answer there is less room for it: one of full length would end the process of the node that only asked for a move.
func TestP6_LongHandoverIsNotSaidAgain(t *testing.T) {
	c := withPeers()
	ref := wire.Ref{Migration: wire.MigrationID{9}, Origin: genesis.Head().Origin, Epoch: 1}
	c.Step(benchTime, node.Migrate{Migration: ref.Migration, Origin: ref.Origin, Source: crypto.NodeID{2}, Target: crypto.NodeID{3}})
	long := &wire.ActivateTarget{Ref: ref, Handover: crypto.CausalEvent{Kind: crypto.EventHandover, Payload: make([]byte, 8_045)}}
	if n := len(wire.AppendFrame(nil, long)); n != 6+wire.MaxControl {
		t.Fatalf("the frame has %d bytes", n)
	}
	if e := step(c, 1, long); len(said[*wire.SessionError](t, e)) != 1 || len(e.Sends) != 1 {
		t.Errorf("what no handover can be is answered with %v", types(e))
	}
	answers := said[*wire.Answer](t, step(c, 2, &wire.Ask{Ref: ref}))
	if len(answers) != 1 || answers[0].HasHandover {
		t.Errorf("who asks is answered with %+v", answers)
	}
}
