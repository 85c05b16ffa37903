package node_test

import (
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// What happens when an orchestrator uses the id of one migration for another daemon, or for another try.

// twoUnderOneID announces two daemons under one id, which are to be kept on disk.
func twoUnderOneID() (first, other *wire.Prepare) {
	first, other = arrival(0), arrival(1)
	other.Migration = first.Migration
	first.Durability, other.Durability = wire.DurabilityEveryEvent, wire.DurabilityEveryEvent
	return first, other
}

// TestIDWaitsForItsCopy: an id is free for another daemon only when all calls about the copy that came under it before have run
// (protocol §5.6). One of them deletes what the journal has under the id, and another source's daemon has a queue of its own, which
// that does not wait for.
func TestIDWaitsForItsCopy(t *testing.T) {
	c := withPeers()
	first, other := twoUnderOneID()
	calls := step(c, 1, first).Calls
	calls = append(calls, step(c, 1, &wire.MigrationFailed{Ref: first.Ref, Reason: wire.ReasonCancelled}).Calls...)
	if len(calls) != 2 {
		t.Fatalf("the first copy made %d calls, want those that record and discard it", len(calls))
	}
	for len(calls) > 0 {
		eff := step(c, 2, other)
		if got := types(eff); !slices.Equal(got, []wire.Type{wire.TypeMigrationFailed}) || len(eff.Calls) > 0 {
			t.Fatalf("with %d calls of the first copy out, the other daemon's Prepare is answered with %v and %d calls", len(calls), got, len(eff.Calls))
		}
		calls = append(calls[1:], c.Step(benchTime, node.Done{Call: calls[0], Result: target.Prepared{}}).Calls...)
	}
	if eff := step(c, 2, other); len(eff.Calls) != 1 {
		t.Errorf("with the first copy gone, the other daemon's Prepare is answered with %v", types(eff))
	}
}

// TestDiscardOfOneDaemon: the journal's copy of a daemon is found by the migration and the daemon: to discard what has come of one
// leaves a copy of another alone that the same id was used for.
func TestDiscardOfOneDaemon(t *testing.T) {
	j, err := journal.Open(crashdisk.New(), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	j.Recovered() // there is nothing to bring back
	x := &node.Executor{Journal: j}
	key, err := crypto.KeypairFromSeed([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	first, other := twoUnderOneID()
	for _, msg := range []*wire.Prepare{first, other} {
		op := target.CallPrepare{Request: target.Request{Source: crypto.NodeID{2}, Prepare: msg, Key: key}}
		if r, _ := x.Run(node.Call{Origin: msg.Origin, Migration: msg.Migration, Op: op}); r != (target.Prepared{}) {
			t.Fatalf("the record of %x: %v", msg.Origin, r)
		}
	}
	x.Run(node.Call{Origin: first.Origin, Migration: first.Migration, Op: target.CallDiscard{}})
	var left []uint64
	for _, found := range x.Found() {
		left = append(left, found.(node.Dormant).Origin)
	}
	if !slices.Equal(left, []uint64{other.Origin}) {
		t.Errorf("the journal is left with copies of %x, want of %x", left, other.Origin)
	}
}
