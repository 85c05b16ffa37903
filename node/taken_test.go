package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// TestTakenID: a migration that has run here long ago is still answered for (protocol §5.6) when somebody else has begun another one
// under its id; and what belongs to neither is refused.
func TestTakenID(t *testing.T) {
	c := withPeers()
	c.Step(benchTime, node.Serve{Daemon: node.Daemon{Origin: 7, Epoch: 3}})
	other := arrival(0)
	step(c, 1, other)
	if _, ok := c.Migration(other.Migration); !ok {
		t.Fatal("node 2 has begun nothing under the id")
	}
	mine := wire.Ref{Migration: other.Migration, Origin: 7, Epoch: 1}

	if got := types(step(c, 2, &wire.Ask{Ref: mine})); len(got) == 0 || got[0] != wire.TypeAnswer {
		t.Errorf("the source that asks for its migration is sent %v", got)
	}
	found := step(c, 2, &wire.ActivateTarget{Ref: mine, Handover: entry(t)}).Calls
	if len(found) != 1 {
		t.Fatalf("%d calls look for the proof of the earlier migration", len(found))
	}
	if op, ok := found[0].Op.(node.Prove); !ok || op.Ref != mine {
		t.Errorf("what is looked for is %+v", found[0].Op)
	}
	if got := types(step(c, 2, &wire.ActivateAck{Ref: mine})); len(got) != 1 || got[0] != wire.TypeSessionError {
		t.Errorf("an ack that belongs to no migration is answered with %v", got)
	}
}

// TestDisplacedTarget: a node that keeps a copy for a migration which its source has forgotten is told that it is over (protocol
// §5.6) when somebody else has had the daemon moved to another node under the id: in so many words while that runs, since a
// complaint would not release a hold, and by its handover when only the record is left. The other migration is answered as ever.
func TestDisplacedTarget(t *testing.T) {
	ref := arrival(0).Ref
	held := wire.Attempt{Epoch: 1, Boot: 1, Count: 1}
	for name, tc := range map[string]struct {
		begin func(c *node.Core)
		want  wire.Type
	}{
		"it runs": {func(c *node.Core) {
			c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: arrival(0).Entity, Origin: ref.Origin, Epoch: 1}})
			step(c, 2, &wire.TakeSnapshot{Ref: ref, Target: crypto.NodeID{3}, Addrs: []string{"t:1"}})
		}, wire.TypeMigrationFailed},
		"it has moved the daemon": {func(c *node.Core) {
			expires := uint64(benchTime.Add(time.Hour).UnixNano())
			c.Step(benchTime, node.FoundTombstone{Tombstone: journal.Tombstone{Entity: arrival(0).Entity, Ref: ref, To: crypto.NodeID{3}, Handover: entry(t), Expires: expires}})
		}, wire.TypeAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			c := withPeers()
			tc.begin(c)
			for _, msg := range []wire.Message{
				&wire.ReplayComplete{Ref: ref, Attempt: held}, &wire.Ask{Ref: ref, Attempt: held}, &wire.Progress{Ref: ref},
			} {
				if got := types(step(c, 1, msg)); !slices.Equal(got, []wire.Type{tc.want}) {
					t.Errorf("%v of the first target is answered with %v", msg.Type(), got)
				}
				if got := types(step(c, 2, msg)); slices.Contains(got, wire.TypeMigrationFailed) {
					t.Errorf("%v of the other target is answered with %v", msg.Type(), got)
				}
			}
			later := wire.Ref{Migration: ref.Migration, Origin: ref.Origin, Epoch: 2}
			if got := types(step(c, 1, &wire.Ask{Ref: later, Attempt: held})); !slices.Contains(got, wire.TypeAnswer) {
				t.Errorf("a question about another epoch is answered with %v", got)
			}
		})
	}
}

// TestLatePrepare: the announcement of a migration that has ended here takes nothing from the next one of its source (protocol §5.6).
func TestLatePrepare(t *testing.T) {
	c := withPeers()
	run := func(msg wire.Message) {
		for calls := step(c, 1, msg).Calls; len(calls) > 0; calls = calls[1:] {
			calls = append(calls, c.Step(benchTime, node.Done{Call: calls[0]}).Calls...)
		}
	}
	first := arrival(0)
	next := *first
	next.Migration = wire.MigrationID{9}
	run(first)
	run(&wire.MigrationFailed{Ref: first.Ref, Reason: wire.ReasonCancelled})
	run(&next)
	run(first)
	if m, _ := c.Migration(first.Migration); m.Outcome != wire.OutcomeStayed {
		t.Errorf("the first migration is %v", m.Outcome)
	}
	if m, ok := c.Migration(next.Migration); !ok || m.Outcome != 0 {
		t.Errorf("the second migration is %v: %v, %s", m.Outcome, m.Reason, m.Detail)
	}
}

// A node that is a migration's source and orchestrator gives one answer to its target (protocol §5.7): the second one, of a role
// that knows nothing yet, would let a copy go that is still coming in.
func TestOneAnswerToAQuestion(t *testing.T) {
	c := withPeers()
	c.Step(benchTime, node.Serve{Daemon: node.Daemon{Origin: 7, Epoch: 1}})
	id := wire.MigrationID{1}
	c.Step(benchTime, node.Migrate{Migration: id, Origin: 7, Source: crypto.NodeID{1}, Target: crypto.NodeID{2}})
	eff := step(c, 1, &wire.Ask{Ref: wire.Ref{Migration: id, Origin: 7, Epoch: 1}})
	if got := types(eff); len(got) != 1 || got[0] != wire.TypeAnswer {
		t.Errorf("the target that asks is sent %v", got)
	}
}

// TestBegunAnew: a source that has started again, and is asked for the same migration once more, finds the copy of its earlier life in
// the way, which goes (protocol §7.4.2). A Prepare that only comes twice takes nothing away.
func TestBegunAnew(t *testing.T) {
	c := withPeers()
	msg := arrival(0)
	prepare := func(session node.SessionID) wire.Type {
		eff := step(c, session, msg)
		for calls := eff.Calls; len(calls) > 0; calls = calls[1:] {
			done := c.Step(benchTime, node.Done{Call: calls[0], Result: target.Prepared{}})
			eff.Sends, calls = append(eff.Sends, done.Sends...), append(calls, done.Calls...)
		}
		got := types(eff)
		return got[len(got)-1]
	}
	for range 2 {
		if got := prepare(1); got != wire.TypePrepareOK {
			t.Fatalf("answered with %v", got)
		}
	}
	c.Step(benchTime, node.SessionUp{Session: 9, Peer: crypto.NodeID{2}, Rights: wire.AllRights})
	step(c, 9, &wire.Hello{Versions: versions, Boot: 2})
	for _, want := range []wire.Type{wire.TypeMigrationFailed, wire.TypePrepareOK, wire.TypePrepareOK} {
		if got := prepare(9); got != want {
			t.Errorf("after the restart answered with %v, want %v", got, want)
		}
	}
}

// TestBegunAnewAfterBothRestarted: a target that has restarted knows the boot of its source's process from no session. A copy that was
// past its announcement then, announced once more, is begun anew all the same (protocol §7.4.2): the process that sent it would not
// announce it, and one that does would find it in the way until the stall limit. Where only a part of the snapshot was on the disk,
// the announcement may be the one that has not been answered.
func TestBegunAnewAfterBothRestarted(t *testing.T) {
	for name, tc := range map[string]struct {
		part *target.Part
		want wire.Type
	}{
		"a copy that replays": {nil, wire.TypeMigrationFailed},
		"a part of a copy":    {&target.Part{}, wire.TypePrepareOK},
	} {
		t.Run(name, func(t *testing.T) {
			c, msg := recovered(tc.part)
			if got := types(step(c, 1, msg)); !slices.Contains(got, tc.want) {
				t.Errorf("the announcement is answered with %v", got)
			}
		})
	}
}

// TestBegunAnewBehindItsStream: a source that has begun to send the snapshot is the process that announced it, also if its announcement,
// on another stream, comes only then.
func TestBegunAnewBehindItsStream(t *testing.T) {
	c, msg := recovered(&target.Part{})
	c.Step(benchTime, node.StreamOpened{Session: 1, Ref: msg.Ref, Stream: 1})
	step(c, 1, msg)
	if m, _ := c.Migration(msg.Migration); m.Outcome != 0 {
		t.Errorf("the migration has ended: %v, %v, %s", m.Outcome, m.Reason, m.Detail)
	}
}

// recovered is a node that has found on its disk the copy, or a part of it, that node 2 has announced with the message.
func recovered(part *target.Part) (*node.Core, *wire.Prepare) {
	c, msg := withPeers(), arrival(0)
	c.Step(benchTime, node.FoundCopy{Origin: msg.Origin, Entity: msg.Entity, Kind: msg.Kind})
	revive := c.Step(benchTime, node.KindRegistered{Kind: msg.Kind}).Calls[0]
	c.Step(benchTime, node.Done{Call: revive, Result: node.Revived{Recovered: &target.Recovered{
		Request: target.Request{Source: crypto.NodeID{2}, Prepare: msg, Key: mustKey(1)}, Part: part,
	}}})
	return c, msg
}

// TestIDOfAnotherDaemon: what a source that has started again announces for another daemon does not take the place of a copy with the
// same id, which nobody would find any more: it goes by the word of its source, and then there is room.
func TestIDOfAnotherDaemon(t *testing.T) {
	c := withPeers()
	run := func(session node.SessionID, msg wire.Message) (sent []wire.Type) {
		eff := step(c, session, msg)
		sent = types(eff)
		for calls := eff.Calls; len(calls) > 0; calls = calls[1:] {
			done := c.Step(benchTime, node.Done{Call: calls[0], Result: target.Prepared{}})
			sent, calls = append(sent, types(done)...), append(calls, done.Calls...)
		}
		return sent
	}
	first, other := arrival(0), arrival(1)
	other.Migration = first.Migration
	run(1, first)
	c.Step(benchTime, node.SessionUp{Session: 9, Peer: crypto.NodeID{2}, Rights: wire.AllRights})
	step(c, 9, &wire.Hello{Versions: versions, Boot: 2})
	if got := run(9, other); slices.Contains(got, wire.TypePrepareOK) {
		t.Errorf("the other daemon's Prepare is answered with %v", got)
	}
	run(9, &wire.MigrationFailed{Ref: first.Ref, Reason: wire.ReasonDaemonNotFound})
	if m, _ := c.Migration(first.Migration); m.Origin != first.Origin || m.Outcome != wire.OutcomeStayed {
		t.Errorf("the copy's migration is of %x and %v", m.Origin, m.Outcome)
	}
	if got := run(9, other); !slices.Contains(got, wire.TypePrepareOK) {
		t.Errorf("with the copy gone the other daemon's Prepare is answered with %v", got)
	}
}

// TestRecordBehindAStrangersCopy: somebody brings a copy here under the id of a migration that has moved the daemon away. Its orchestrator
// is not of the copy's parties, and is answered by the record all the same (protocol §5.6); a refusal would read as *stayed*.
func TestRecordBehindAStrangersCopy(t *testing.T) {
	c := withPeers()
	msg := arrival(0)
	msg.Orchestrator = crypto.NodeID{9}
	left := msg.Ref
	msg.Epoch++ // of the daemon's next holder
	expires := uint64(benchTime.Add(time.Hour).UnixNano())
	c.Step(benchTime, node.FoundTombstone{Tombstone: journal.Tombstone{Entity: msg.Entity, Ref: left, To: crypto.NodeID{3}, Handover: entry(t), Expires: expires}})
	step(c, 1, msg)
	if _, ok := c.Migration(msg.Migration); !ok {
		t.Fatal("no copy is on its way under the id")
	}
	ask := &wire.Ask{Ref: wire.Ref{Migration: msg.Migration, Origin: msg.Origin}}
	if got := types(step(c, 2, ask)); !slices.Equal(got, []wire.Type{wire.TypeAnswer, wire.TypeCleanupComplete}) {
		t.Errorf("the orchestrator is answered with %v", got)
	}
}

// TestStalePrepare: who announces a daemon at an epoch that is over, with an old disk or an old key, is told so and brings nothing
// here (protocol §3.3): this node has had a later epoch, and knows it from its tombstone. A daemon that comes back has a later one.
func TestStalePrepare(t *testing.T) {
	msg := arrival(0)
	left := msg.Ref
	left.Migration, left.Epoch = wire.MigrationID{5}, 2
	for _, tc := range []struct {
		name  string
		epoch uint64
		want  bool
	}{
		{"at an epoch before this node's", 1, false},
		{"at this node's epoch", 2, false},
		{"at the epoch of the successor", 3, true},
		{"at a later one", 5, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := withPeers()
			expires := uint64(benchTime.Add(time.Hour).UnixNano())
			stone := journal.Tombstone{Entity: msg.Entity, Ref: left, To: crypto.NodeID{3}, Handover: entry(t), Expires: expires}
			c.Step(benchTime, node.FoundTombstone{Tombstone: stone})
			again := *msg
			again.Epoch = tc.epoch
			eff := step(c, 1, &again)
			if _, begun := c.Migration(msg.Migration); begun != tc.want {
				t.Errorf("a migration has begun: %v", begun)
			}
			if !tc.want {
				wantFailed(t, eff, wire.ReasonStaleEpoch)
			}
		})
	}
}

// wantFailed checks that what is sent is one MigrationFailed with the reason.
func wantFailed(t *testing.T, eff node.Effects, reason wire.Reason) {
	t.Helper()
	if got := types(eff); !slices.Equal(got, []wire.Type{wire.TypeMigrationFailed}) {
		t.Fatalf("answered with %v", got)
	}
	h, body, _, err := wire.SplitFrame(eff.Sends[0].Frame)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := wire.Decode(h, body)
	if err != nil {
		t.Fatal(err)
	}
	if got := msg.(*wire.MigrationFailed).Reason; got != reason {
		t.Errorf("refused with %v, want %v", got, reason)
	}
}

// types lists what is sent.
func types(eff node.Effects) (list []wire.Type) {
	for _, s := range eff.Sends {
		h, _ := wire.ParseHeader(s.Frame)
		list = append(list, h.Type)
	}
	return list
}

// entry is a handover of the daemon with origin 7 to node 1.
func entry(t *testing.T) crypto.CausalEvent {
	t.Helper()
	key, err := crypto.KeypairFromSeed([32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	next, err := crypto.KeypairFromSeed([32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	ev, _, err := crypto.SignHandover(key, crypto.Handover{
		Epoch: 2, Head: crypto.Head{Origin: 7}, From: crypto.NodeID{3}, To: crypto.NodeID{1}, Next: next.Public(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return ev
}
