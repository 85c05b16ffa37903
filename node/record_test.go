package node_test

import (
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// TestRecordTellsTheOutcome: a source that has restarted and has only its record of a move left tells the orchestrator how the
// migration ended (protocol §4.9.3), whatever that sends. Nobody else might: the daemon may have gone on from the target. A target,
// which names the attempt that it holds, is told where the daemon is and no outcome, which it would refuse.
func TestRecordTellsTheOutcome(t *testing.T) {
	answer, told := []wire.Type{wire.TypeAnswer}, []wire.Type{wire.TypeAnswer, wire.TypeCleanupComplete}
	entity := arrival(0).Entity
	ref := wire.Ref{Migration: wire.MigrationID{5}, Origin: crypto.OriginOf(entity), Epoch: 1}
	open := wire.Ref{Migration: ref.Migration, Origin: ref.Origin}
	for _, c := range []struct {
		msg  wire.Message
		want []wire.Type
	}{
		{&wire.Ask{Ref: open}, told},
		{&wire.Cancel{Ref: open}, told},
		{&wire.TakeSnapshot{Ref: open, Target: crypto.NodeID{3}}, told},
		{&wire.Ask{Ref: ref, Attempt: wire.Attempt{Epoch: 1, Boot: 1, Count: 1}}, answer},
		{&wire.Progress{Ref: ref}, answer},
	} {
		core := withPeers()
		core.Step(benchTime, node.FoundTombstone{Tombstone: journal.Tombstone{
			Entity: entity, Ref: ref, To: crypto.NodeID{3}, Handover: entry(t), Expires: uint64(benchTime.UnixNano()) + 1e9,
		}})
		if got := types(step(core, 1, c.msg)); !slices.Equal(got, c.want) {
			t.Errorf("%v is answered with %v, want %v", c.msg.Type(), got, c.want)
		}
	}
}

// TestRecordWhileTheDaemonIsBack: the record of a move tells its outcome also when the daemon is here again (protocol §4.9.3), and nothing
// else: the daemon serves. It goes when the daemon ends here, which would otherwise be looked for where it was before.
func TestRecordWhileTheDaemonIsBack(t *testing.T) {
	entity := arrival(0).Entity
	ref := wire.Ref{Migration: wire.MigrationID{5}, Origin: crypto.OriginOf(entity), Epoch: 1}
	c := withPeers()
	c.Step(benchTime, node.FoundTombstone{Tombstone: journal.Tombstone{
		Entity: entity, Ref: ref, To: crypto.NodeID{3}, Handover: entry(t), Expires: uint64(benchTime.UnixNano()) + 1e9,
	}})
	c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: entity, Origin: ref.Origin, Epoch: 3}})
	asked := func(id wire.MigrationID) []wire.Type {
		return types(step(c, 1, &wire.Ask{Ref: wire.Ref{Migration: id, Origin: ref.Origin}}))
	}
	if got := asked(ref.Migration); !slices.Equal(got, []wire.Type{wire.TypeAnswer, wire.TypeCleanupComplete}) {
		t.Errorf("who asks about the move is answered with %v", got)
	}
	if got := asked(wire.MigrationID{6}); !slices.Equal(got, []wire.Type{wire.TypeAnswer, wire.TypeMigrationFailed}) {
		t.Errorf("who asks about another move is answered with %v", got)
	}
	open := &wire.Open{Origin: ref.Origin}
	if calls := step(c, 1, open).Calls; len(calls) != 1 {
		t.Errorf("a producer's Open leads to %d calls of the daemon", len(calls))
	}
	if d, _ := c.Daemon(ref.Origin); d.Left || len(c.Daemons()) != 1 {
		t.Errorf("shown are %+v", c.Daemons())
	}
	calls := c.Step(benchTime, node.End{Origin: ref.Origin}).Calls
	if !slices.ContainsFunc(calls, func(call node.Call) bool { _, ok := call.Op.(node.Forget); return ok }) {
		t.Errorf("the end of the daemon leads to %v", calls)
	}
	if got := types(step(c, 1, open)); !slices.Equal(got, []wire.Type{wire.TypeRefused}) {
		t.Errorf("with the daemon ended a producer is answered with %v", got)
	}
}
