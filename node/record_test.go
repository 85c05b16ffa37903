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
		core.Step(benchTime, node.Buried{Tombstone: journal.Tombstone{
			Entity: entity, Ref: ref, To: crypto.NodeID{3}, Handover: entry(t), Expires: uint64(benchTime.UnixNano()) + 1e9,
		}})
		if got := types(step(core, 1, c.msg)); !slices.Equal(got, c.want) {
			t.Errorf("%v is answered with %v, want %v", c.msg.Type(), got, c.want)
		}
	}
}
