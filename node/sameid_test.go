package node_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
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

// executor is one with an empty journal.
func executor(t *testing.T) *node.Executor {
	t.Helper()
	x := process(t, crashdisk.New(), crypto.NodeID{1})
	x.Journal.Recovered() // there is nothing to bring back
	return x
}

// record makes the executor keep an announced daemon.
func record(t *testing.T, x *node.Executor, msg *wire.Prepare) {
	t.Helper()
	op := target.CallPrepare{Request: target.Request{Source: crypto.NodeID{2}, Prepare: msg, Key: mustKey(1)}}
	if r, _ := x.Run(node.Call{Origin: msg.Origin, Migration: msg.Migration, Op: op}); r != (target.Prepared{}) {
		t.Fatalf("the record of %x: %v", msg.Origin, r)
	}
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
	x := executor(t)
	first, other := twoUnderOneID()
	record(t, x, first)
	record(t, x, other)
	x.Run(node.Call{Origin: first.Origin, Migration: first.Migration, Op: target.CallDiscard{}})
	var left []uint64
	for _, found := range x.Found() {
		left = append(left, found.(node.FoundCopy).Origin)
	}
	if !slices.Equal(left, []uint64{other.Origin}) {
		t.Errorf("the journal is left with copies of %x, want of %x", left, other.Origin)
	}
}

// leaving is node 1 with a daemon that node 2 has asked for. try asks for it, agrees, and returns the first call of that try; fail
// ends a try in a way that lets it be asked for again under the same id.
type leaving struct {
	*testing.T
	c   *node.Core
	ref wire.Ref
}

func leave(t *testing.T, stop bool) leaving {
	l := leaving{t, withPeers(), arrival(0).Ref}
	l.c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: arrival(0).Entity, Origin: l.ref.Origin, Epoch: l.ref.Epoch, StopAndCopy: stop}})
	return l
}

func (l leaving) try() node.Call {
	l.Helper()
	step(l.c, 1, &wire.TakeSnapshot{Ref: l.ref, Target: crypto.NodeID{2}, Addrs: []string{"t:1"}})
	calls := step(l.c, 1, &wire.PrepareOK{Ref: l.ref, Next: mustKey(1).Public(), CreditEvents: 64, CreditBytes: 1 << 16}).Calls
	if len(calls) != 1 {
		l.Fatalf("the try begins with %d calls", len(calls))
	}
	return calls[0]
}

func (l leaving) fail() { step(l.c, 1, &wire.MigrationFailed{Ref: l.ref, Reason: wire.ReasonNotReady}) }

func (l leaving) done(call node.Call, result any) node.Effects {
	return l.c.Step(benchTime, node.Done{Call: call, Result: result})
}

// TestFreezeOfAnEarlierTry: a daemon that is asked for again goes on at the head of its second freeze. That of the first comes late, and
// events have been sequenced since: a view and a handover behind it would not follow the head that is held.
func TestFreezeOfAnEarlierTry(t *testing.T) {
	l := leave(t, true)
	first := l.try()
	l.fail()
	second := l.try()
	if calls := l.done(first, source.Frozen{Head: crypto.Head{Origin: l.ref.Origin, Sequence: 1}}).Calls; len(calls) > 0 {
		t.Errorf("the freeze of the try before leads to %T", calls[0].Op)
	}
	calls := l.done(second, source.Frozen{Head: crypto.Head{Origin: l.ref.Origin, Sequence: 2}}).Calls
	if len(calls) != 1 || calls[0].Op != any(source.CallSnapshot{}) {
		t.Errorf("the freeze leads to %+v, want the view", calls)
	}
}

// TestViewOfAnEarlierTry: the view of a try that has ended is closed, although another try under the same id waits for its own.
func TestViewOfAnEarlierTry(t *testing.T) {
	l := leave(t, false)
	first := l.try()
	l.fail()
	second := l.try()
	old, view := new(daemon.Snapshot), new(daemon.Snapshot)
	eff := l.done(first, node.Snapshot{View: old})
	if len(eff.Copies) > 0 || len(eff.Calls) != 1 || eff.Calls[0].Op != any(node.CloseView{Snapshot: old}) {
		t.Errorf("the view of the try before leads to %+v and %d streams", eff.Calls, len(eff.Copies))
	}
	if eff := l.done(second, node.Snapshot{View: view}); len(eff.Copies) != 1 || eff.Copies[0].Snapshot != view {
		t.Errorf("the view leads to the streams %+v", eff.Copies)
	}
}

// TestHolderForAnEarlierTry: what a directory says to the question of a try that has ended, here that it does not know the daemon, is
// not about the next one.
func TestHolderForAnEarlierTry(t *testing.T) {
	c := withDirectory()
	first, other := twoUnderOneID()
	ask := func(msg *wire.Prepare) node.Consult {
		c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: msg.Entity, Origin: msg.Origin, Epoch: 1}})
		eff := step(c, 1, &wire.TakeSnapshot{Ref: msg.Ref, Target: crypto.NodeID{2}, Addrs: []string{"t:1"}})
		if len(eff.Consults) != 1 {
			t.Fatalf("the try begins with %d questions", len(eff.Consults))
		}
		return eff.Consults[0]
	}
	question := ask(first)
	step(c, 1, &wire.MigrationFailed{Ref: first.Ref, Reason: wire.ReasonNotReady})
	ask(other)
	c.Step(benchTime, node.Consulted{Consult: question, Result: source.HolderFound{Err: wire.ErrDaemonNotFound}})
	if m, _ := c.Migration(other.Migration); m.Origin != other.Origin || m.Outcome != 0 {
		t.Errorf("the migration is of %x and %v: %s", m.Origin, m.Outcome, m.Detail)
	}
}

// TestIDOfACopyThatSleeps: a node that has restarted gives an id to no other daemon while the copy is being brought back whose migration
// has that id (protocol §5.6). The one would take the place of the other, which nobody would find any more.
func TestIDOfACopyThatSleeps(t *testing.T) {
	first, other := twoUnderOneID()
	for name, tc := range map[string]struct {
		write func(t *testing.T, x *node.Executor)
		ask   wire.Message
	}{
		"it comes": {func(t *testing.T, x *node.Executor) { record(t, x, first) }, other},
		"it is promised": {func(t *testing.T, x *node.Executor) { promise(t, x, first) },
			&wire.TakeSnapshot{Ref: other.Ref, Target: crypto.NodeID{3}, Addrs: []string{"t:1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			x, c := executor(t), withPeers()
			tc.write(t, x)
			for _, in := range x.Found() {
				c.Step(benchTime, in)
			}
			if _, takes := tc.ask.(*wire.TakeSnapshot); takes {
				c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: other.Entity, Origin: other.Origin, Epoch: 1}})
			}
			eff := step(c, 1, tc.ask)
			if got := types(eff); !slices.Equal(got, []wire.Type{wire.TypeMigrationFailed}) || len(eff.Calls) > 0 {
				t.Errorf("%v of the other daemon is answered with %v and %d calls", tc.ask.Type(), got, len(eff.Calls))
			}
			if m, ok := c.Migration(other.Migration); ok {
				t.Errorf("the other daemon's migration is %s", m.State)
			}
		})
	}
}

// promise makes the journal keep a daemon about whose move a directory is to decide.
func promise(t *testing.T, x *node.Executor, msg *wire.Prepare) {
	t.Helper()
	id, head, held := x.Journal.Next(), crypto.Head{Origin: msg.Origin}, wire.Attempt{Epoch: 1, Boot: 1, Count: 1}
	spool, err := x.Journal.Spool(id)
	if err != nil {
		t.Fatal(err)
	}
	base, err := spool.Commit(head)
	if err != nil {
		t.Fatal(err)
	}
	x.Journal.Append(journal.Born{Copy: id, Origin: msg.Origin, Entity: msg.Entity, Durability: msg.Durability}, base)
	x.Journal.Append(journal.Promise{Copy: id, Ref: msg.Ref, Target: crypto.NodeID{3}, Cert: crypto.FreezeCert{Head: head, Attempt: held}})
}

// TestIDOfACopyThatIsBack: once the copy is back its migration has the id, and when that has ended another daemon may have it.
func TestIDOfACopyThatIsBack(t *testing.T) {
	x, c := executor(t), withPeers()
	first, other := twoUnderOneID()
	record(t, x, first)
	for _, in := range x.Found() {
		c.Step(benchTime, in)
	}
	calls := c.Step(benchTime, node.KindRegistered{Kind: first.Kind}).Calls
	if len(calls) != 1 {
		t.Fatalf("%d calls bring the copy back", len(calls))
	}
	request := target.Request{Source: crypto.NodeID{2}, Prepare: first, Key: mustKey(1)}
	c.Step(benchTime, node.Done{Call: calls[0], Result: node.Revived{Recovered: &target.Recovered{Request: request, Part: new(target.Part)}}})
	if m, _ := c.Migration(first.Migration); m.Origin != first.Origin {
		t.Fatalf("the id is that of %x", m.Origin)
	}
	calls = step(c, 1, &wire.MigrationFailed{Ref: first.Ref, Reason: wire.ReasonCancelled}).Calls
	for ; len(calls) > 0; calls = calls[1:] {
		calls = append(calls, c.Step(benchTime, node.Done{Call: calls[0]}).Calls...)
	}
	if eff := step(c, 2, other); len(eff.Calls) != 1 {
		t.Errorf("with the first copy gone, the other daemon's Prepare is answered with %v", types(eff))
	}
}

// TestOutcomeOfAnotherDaemon: an orchestrator believes nothing that its source says of another daemon. Somebody else has used the id of
// its migration for that.
func TestOutcomeOfAnotherDaemon(t *testing.T) {
	c := withPeers()
	first, other := twoUnderOneID()
	c.Step(benchTime, node.Migrate{Migration: first.Migration, Origin: first.Origin, Source: crypto.NodeID{2}, Target: crypto.NodeID{3}})
	step(c, 1, &wire.CleanupComplete{Ref: other.Ref, Outcome: wire.OutcomeMoved})
	if m, _ := c.Migration(first.Migration); m.Outcome != 0 {
		t.Errorf("%v, by what was said of another daemon", m.Outcome)
	}
	step(c, 1, &wire.CleanupComplete{Ref: first.Ref, Outcome: wire.OutcomeMoved})
	if m, _ := c.Migration(first.Migration); m.Outcome != wire.OutcomeMoved {
		t.Errorf("%v, by what was said of the daemon", m.Outcome)
	}
}

// TestEachDaemonItsMigration: of two daemons under one id, one that this node has asked for and one that somebody brings here, each
// has its own outcome.
func TestEachDaemonItsMigration(t *testing.T) {
	c := withPeers()
	first, other := twoUnderOneID()
	c.Step(benchTime, node.Migrate{Migration: first.Migration, Origin: first.Origin, Source: crypto.NodeID{2}, Target: crypto.NodeID{3}})
	step(c, 2, other)
	step(c, 1, &wire.CleanupComplete{Ref: first.Ref, Outcome: wire.OutcomeMoved})
	if m, _ := c.Migration(first.Migration); m.Origin != first.Origin || m.Outcome != wire.OutcomeMoved || len(m.Roles) != 1 {
		t.Errorf("what was asked for is shown as %+v", m)
	}
	outcomes := make(map[uint64]wire.Outcome)
	for _, m := range c.Migrations() {
		outcomes[m.Origin] = m.Outcome
	}
	if want := map[uint64]wire.Outcome{first.Origin: wire.OutcomeMoved, other.Origin: 0}; !maps.Equal(outcomes, want) {
		t.Errorf("listed are %v, want %v", outcomes, want)
	}
}

// TestRecordOfAnotherEpoch: the record of a move is no answer to a target whose copy is from a later stay, under the same id: it is not
// the handover for that, and the copy would wait for ever.
func TestRecordOfAnotherEpoch(t *testing.T) {
	c := withPeers()
	msg := arrival(0)
	c.Step(benchTime, node.FoundTombstone{Tombstone: journal.Tombstone{Entity: msg.Entity, Ref: msg.Ref, To: crypto.NodeID{2}, Handover: entry(t), Expires: uint64(benchTime.UnixNano()) + 1e9}})
	c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: msg.Entity, Origin: msg.Origin, Epoch: 3}})
	for epoch, want := range map[uint64][]wire.Type{1: {wire.TypeAnswer, wire.TypeCleanupComplete}, 3: {wire.TypeAnswer, wire.TypeMigrationFailed}} {
		ref := msg.Ref
		ref.Epoch = epoch
		if got := types(step(c, 2, &wire.Ask{Ref: ref})); !slices.Equal(got, want) {
			t.Errorf("asked about epoch %d, the node answers %v, want %v", epoch, got, want)
		}
	}
}
