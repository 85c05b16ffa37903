package node_test

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
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

// theCall is the only call of a step.
func theCall(t *testing.T, e node.Effects) node.Call {
	t.Helper()
	if len(e.Calls) != 1 {
		t.Fatalf("the calls are %+v, want one", e.Calls)
	}
	return e.Calls[0]
}

func (d *departing) done(call node.Call, result any) node.Effects {
	return d.c.Step(benchTime, node.Done{Call: call, Result: result})
}

// handsOver takes the move up to the proof of its activation. What comes while the daemon is frozen is held. Returned is what follows
// from each of those frames, and from the proof.
func (d *departing) handsOver(frozen ...node.Frame) (held []node.Effects, proven node.Effects) {
	d.t.Helper()
	finals := said[*wire.Final](d.t, step(d.c, target2, &wire.Progress{Ref: d.ref, Head: d.head}))
	if len(finals) != 1 {
		d.t.Fatalf("the target has everything, and is asked %d times to hold it", len(finals))
	}
	hold := &wire.ReplayComplete{Ref: d.ref, Attempt: finals[0].Attempt, Head: d.head}
	if err := hold.Sign(nextKey); err != nil {
		d.t.Fatal(err)
	}
	freeze := theCall(d.t, step(d.c, target2, hold))
	for _, in := range frozen {
		held = append(held, d.c.Step(benchTime, in))
	}
	entry := d.entry(crypto.NodeID{1}, crypto.NodeID{2}, nextKey)
	d.done(theCall(d.t, d.done(freeze, source.Frozen{Head: d.head})), source.HandedOver{Event: entry})
	return held, step(d.c, target2, &wire.ActivateAck{Ref: d.ref, Signed: d.signed(entry, nextKey)})
}

// entry is the handover that follows the daemon's log. The epochs before the last have the entity's key.
func (d *departing) entry(from, to crypto.NodeID, next *crypto.EntityKeypair) crypto.CausalEvent {
	d.t.Helper()
	ev, _, err := crypto.SignHandover(entityKey, crypto.Handover{From: from, To: to, Epoch: d.ref.Epoch + 1, Head: d.head, Next: next.Public()})
	if err != nil {
		d.t.Fatal(err)
	}
	return ev
}

// signed is the head that a handover leads to, signed by the node that it is for.
func (d *departing) signed(entry crypto.CausalEvent, key *crypto.EntityKeypair) crypto.SignedHead {
	d.t.Helper()
	s, err := crypto.SignHead(key, d.head.Append(entry, nil), d.ref.Epoch+1)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// TestP6_WhatIsHeldFitsIntoItsForward: a Submit has less around its items than the Forward in which they go to the target. One that is full
// to the last byte would make a Forward that no frame has room for, which ends the process; the right to submit is enough for it.
func TestP6_WhatIsHeldFitsIntoItsForward(t *testing.T) {
	for _, c := range []struct {
		items    int // bytes
		reason   wire.Reason
		forwards int
	}{
		{wire.SubmitRoom, 0, 1},
		{wire.SubmitRoom + 1, wire.ReasonTooLarge, 0},
		{wire.MaxBatchBytes - 8 - 1 - 8 - 1, wire.ReasonTooLarge, 0}, // the frame is as long as a frame can be
	} {
		d := newDeparting(t, wire.DurabilityMemory)
		items := []wire.Submission{{Seq: 1, Payload: make([]byte, wire.MaxPayload)}, {Seq: 2, Payload: make([]byte, wire.MaxPayload/2)}}
		items[1].Payload = make([]byte, c.items-wire.SubmissionsLen(items)+wire.MaxPayload/2)
		held, proven := d.handsOver(framed(producer3, &wire.Submit{Origin: d.ref.Origin, Items: items}))
		refused := said[*wire.Refused](t, held[0])
		if c.reason == 0 && len(refused) > 0 || c.reason != 0 && (len(refused) != 1 || refused[0].Reason != c.reason || refused[0].Seq != 1) {
			t.Errorf("%d bytes of items are refused: %+v, want %v", c.items, refused, c.reason)
		}
		if n := len(said[*wire.Forward](t, proven)); n != c.forwards {
			t.Errorf("%d bytes of items are forwarded in %d frames", c.items, n)
		}
	}
}

// newPassing is a departing daemon that has just come here, from node 3. Migration 8 is the one that has brought it.
func newPassing(t *testing.T) (d *departing, first wire.Ref) {
	d = &departing{t: t, c: withPeers(), head: genesis.Head()}
	d.ref = wire.Ref{Migration: wire.MigrationID{8}, Origin: d.head.Origin, Epoch: 1}
	first = d.ref
	step(d.c, producer3, &wire.Prepare{Ref: first, Entity: genesis.Entity, Orchestrator: crypto.NodeID{3}})
	restore := theCall(t, d.c.Step(benchTime, node.StreamOpened{Session: producer3, Ref: first, Stream: 1}))
	d.c.Step(benchTime, node.Claimed{Migration: first.Migration, Head: d.head})
	d.done(restore, target.Restored{Head: d.head, EpochKey: entityKey.Public()})
	attempt := wire.Attempt{Epoch: 1, Boot: 1, Count: 1}
	hold := theCall(t, step(d.c, producer3, &wire.Final{Ref: first, Attempt: attempt, Head: d.head}))
	d.done(hold, target.HoldDone{Attempt: attempt})
	entry := d.entry(crypto.NodeID{3}, crypto.NodeID{1}, entityKey) // which is the key that the core makes
	signed := d.signed(entry, entityKey)
	d.done(theCall(t, step(d.c, producer3, &wire.ActivateTarget{Ref: first, Attempt: attempt, Handover: entry})), target.Activated{Signed: signed})
	d.head, d.ref = signed.Head, wire.Ref{Migration: wire.MigrationID{9}, Origin: first.Origin, Epoch: 2}
	d.departs()
	return d, first
}

// TestS3_AnswerThatRefusesNothing: the daemon goes on to node 2 while node 3, where it came from, still forwards what it has held. Node 2
// answers for all of a batch, and says besides that the rest of it is refused. There is no rest that node 3 could be told of: it is no
// answer, and node 3 has the one that comes after it.
func TestS3_AnswerThatRefusesNothing(t *testing.T) {
	d, first := newPassing(t)
	producer := crypto.ProducerID{7}
	batch := &wire.Forward{Ref: first, Producer: producer, Items: []wire.Submission{{Seq: 5}}}
	_, proven := d.handsOver(framed(producer3, batch))
	if n := len(said[*wire.Forward](t, proven)); n != 1 {
		t.Fatalf("what was held is forwarded in %d frames", n)
	}
	answer := &wire.Forwarded{Ref: d.ref, Producer: producer, First: 5, Items: []wire.ReceiptItem{{Seq: 5, Sequence: 9}}, FailedSeq: 6, Reason: wire.ReasonNotReady}
	if e := step(d.c, target2, answer); len(e.Sends) > 0 {
		t.Errorf("an answer that refuses nothing is passed on: %v", types(e))
	}
	answer.FailedSeq, answer.Reason = 0, 0
	got := said[*wire.Forwarded](t, step(d.c, target2, answer))
	if len(got) != 1 || got[0].Ref != first || len(got[0].Items) != 1 || got[0].Reason != 0 {
		t.Errorf("node 3 is told %+v", got)
	}
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
