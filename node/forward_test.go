package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// activated is node 1 with a daemon that node 2 has given it a moment ago, at the epoch of the message plus one.
func activated(t *testing.T) (*node.Core, *wire.Prepare) {
	t.Helper()
	c, msg := withPeers(), arrival(0)
	head := crypto.Head{Origin: msg.Origin}
	ev, _, err := crypto.SignHandover(mustKey(3), crypto.Handover{From: crypto.NodeID{2}, To: crypto.NodeID{1}, Epoch: 2, Head: head, Next: mustKey(1).Public()})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := crypto.SignHead(mustKey(1), head.Append(ev, nil), 2)
	if err != nil {
		t.Fatal(err)
	}
	c.Step(benchTime, node.FoundCopy{Origin: msg.Origin, Entity: msg.Entity, Kind: msg.Kind})
	revive := c.Step(benchTime, node.KindRegistered{Kind: msg.Kind}).Calls[0]
	c.Step(benchTime, node.Done{Call: revive, Result: node.Revived{Recovered: &target.Recovered{
		Request: target.Request{Source: crypto.NodeID{2}, Prepare: msg, Key: mustKey(1)}, Head: head, EpochKey: mustKey(3).Public(),
	}}})
	activate := step(c, 1, &wire.ActivateTarget{Ref: msg.Ref, Handover: ev}).Calls
	if len(activate) != 1 {
		t.Fatalf("the handover leads to %d calls", len(activate))
	}
	if got := types(c.Step(benchTime, node.Done{Call: activate[0], Result: target.Activated{Signed: signed}})); !slices.Contains(got, wire.TypeActivateAck) {
		t.Fatalf("the activation is answered with %v", got)
	}
	return c, msg
}

// TestD1_ForwardEnds: the source of a migration submits under the ids of others, for what it held: to the daemon as it was activated,
// and not for long (protocol §5.3). Whoever goes on is told that it is over, which is final for it, and its producers ask for themselves.
func TestD1_ForwardEnds(t *testing.T) {
	leaves := func(c *node.Core, msg *wire.Prepare) { c.Step(benchTime, node.End{Origin: msg.Origin}) }
	for name, tc := range map[string]struct {
		happens func(c *node.Core, msg *wire.Prepare)
		after   time.Duration
		taken   bool
	}{
		"at once":            {taken: true},
		"within the minute":  {after: time.Minute - 1, taken: true},
		"after a minute":     {after: time.Minute},
		"it has gone on":     {happens: leaves},
		"it has come back":   {happens: func(c *node.Core, msg *wire.Prepare) { leaves(c, msg); comesBack(c, msg, 4) }},
		"an older one comes": {happens: func(c *node.Core, msg *wire.Prepare) { leaves(c, msg); comesBack(c, msg, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			c, msg := activated(t)
			if tc.happens != nil {
				tc.happens(c, msg)
			}
			forward := &wire.Forward{Ref: msg.Ref, Producer: crypto.ProducerID{9}, Items: []wire.Submission{{Seq: 1, Payload: []byte("held")}}}
			for _, epoch := range []uint64{1, 0} { // an epoch that is left open opens nothing
				forward.Epoch = epoch
				eff := c.Step(benchTime.Add(tc.after), framed(1, forward))
				if tc.taken {
					wantApplied(t, eff, forward.Producer)
					continue
				}
				if wantFailed(t, eff, wire.ReasonStaleEpoch); len(eff.Calls) > 0 {
					t.Errorf("refused, and leads to %T", eff.Calls[0].Op)
				}
			}
		})
	}
}

// comesBack lets the daemon be served here at another epoch, as after a later migration.
func comesBack(c *node.Core, msg *wire.Prepare, epoch uint64) {
	c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: msg.Entity, Origin: msg.Origin, Epoch: epoch}})
}

// wantApplied checks that a step submits something for the producer.
func wantApplied(t *testing.T, eff node.Effects, producer crypto.ProducerID) {
	t.Helper()
	if len(eff.Calls) != 1 {
		t.Fatalf("leads to %d calls and %v", len(eff.Calls), types(eff))
	}
	if op, ok := eff.Calls[0].Op.(node.Apply); !ok || op.Producer != producer {
		t.Errorf("leads to %+v", eff.Calls[0].Op)
	}
}
