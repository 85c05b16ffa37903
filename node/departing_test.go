package node_test

import (
	"runtime"
	"slices"
	"testing"
	"weak"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// departing is a core that gives a daemon to node 2, which replays. Node 3 submits to the daemon, whose part the test plays.
type departing struct {
	t    *testing.T
	c    *node.Core
	ref  wire.Ref
	head crypto.Head
	outs []weak.Pointer[byte] // the outputs of what has been applied
}

const target2, producer3 = node.SessionID(1), node.SessionID(2)

func newDeparting(t *testing.T, level wire.Durability) *departing {
	d := &departing{t: t, c: withPeers(), head: genesis.Head()}
	d.ref = wire.Ref{Migration: wire.MigrationID{9}, Origin: d.head.Origin, Epoch: 1}
	d.c.Step(benchTime, node.Serve{Daemon: node.Daemon{Entity: genesis.Entity, Origin: d.head.Origin, Epoch: 1, Durability: level}})
	d.departs()
	return d
}

// departs begins the move to node 2, up to where that has restored.
func (d *departing) departs() {
	d.t.Helper()
	d.c.Step(benchTime, node.Migrate{Migration: d.ref.Migration, Origin: d.ref.Origin, Target: crypto.NodeID{2}})
	e := step(d.c, target2, &wire.PrepareOK{Ref: d.ref, Next: nextKey.Public(), CreditEvents: 1 << 20, CreditBytes: 1 << 30})
	if len(e.Calls) != 1 {
		d.t.Fatalf("the target is willing, and the calls are %+v", e.Calls)
	}
	d.c.Step(benchTime, node.Done{Call: e.Calls[0], Result: node.Snapshot{Snapshotted: source.Snapshotted{Head: d.head}}})
	step(d.c, target2, &wire.RestoreComplete{Ref: d.ref, Head: d.head})
}

// submits lets node 3 submit a number, and the daemon apply it if it is asked to, with outputs of a size. A refusal's reason
// is returned.
func (d *departing) submits(number uint64, outputs int) (reason wire.Reason) {
	d.t.Helper()
	e := step(d.c, producer3, &wire.Submit{Origin: d.ref.Origin, Items: []wire.Submission{{Seq: number}}})
	if len(e.Calls) == 0 {
		return decoded(d.t, e.Sends[0]).(*wire.Refused).Reason
	}
	ev := crypto.CausalEvent{
		Link: crypto.CausalLink{Origin: d.head.Origin, Sequence: d.head.Sequence + 1, Parent: d.head.Digest},
		Kind: crypto.EventInput, Producer: crypto.DeriveProducer(crypto.NodeID{3}, ""), ProducerSeq: number,
	}
	r := daemon.Receipt{Event: ev, Outputs: [][]byte{make([]byte, outputs)}}
	d.outs = append(d.outs, weak.Make(&r.Outputs[0][0]))
	d.head = d.head.Append(ev, r.Outputs)
	r.Head = d.head
	d.c.Step(benchTime, node.Done{Call: e.Calls[0], Result: node.Applied{Receipts: []daemon.Receipt{r}}})
	return 0
}

// At durability both, acknowledgments wait for the target with the outputs of their events. These count, and not only their number:
// 65,536 of them can be 16 GiB, and the target that does not report decides how long they wait (P6). Nothing of what waits is lost.
func TestP6_OutputsThatWaitAreBounded(t *testing.T) {
	const size, fit = wire.MaxOutputs, source.MaxHeldBytes / wire.MaxOutputs
	d := newDeparting(t, wire.DurabilityBoth)
	n := uint64(1)
	for ; n <= fit; n++ {
		if reason := d.submits(n, size); reason != 0 {
			t.Fatalf("submission %d is refused: %v", n, reason)
		}
	}
	if reason := d.submits(n, size); reason != wire.ReasonBufferFull {
		t.Fatalf("with %d bytes waiting another one is answered %v", fit*size, reason)
	}
	e := step(d.c, target2, &wire.Progress{Ref: d.ref, Head: d.head})
	if got := types(e); len(slices.DeleteFunc(got, func(m wire.Type) bool { return m != wire.TypeReceipts })) != fit {
		t.Errorf("the target has everything, and what is sent is %v", got)
	}
	if reason := d.submits(n, size); reason != 0 {
		t.Errorf("with nothing waiting another one is answered %v", reason)
	}
}

// What the target has covered is told, and not kept by the list of what still waits.
func TestP6_ToldOutputsAreGone(t *testing.T) {
	d := newDeparting(t, wire.DurabilityBoth)
	var second crypto.Head
	for n := range uint64(3) {
		if reason := d.submits(n+1, wire.MaxOutputs); reason != 0 {
			t.Fatal(reason)
		}
		if n == 1 {
			second = d.head
		}
	}
	if n := len(step(d.c, target2, &wire.Progress{Ref: d.ref, Head: second}).Sends); n != 2 {
		t.Fatalf("the target has two, and %d frames are sent", n)
	}
	runtime.GC()
	for i, want := range []bool{false, false, true} {
		if kept := d.outs[i].Value() != nil; kept != want {
			t.Errorf("the outputs of %d are kept: %v", i+1, kept)
		}
	}
	runtime.KeepAlive(d.c)
}

// The events of a migration have a stream in the session that was the newest when they were sent. When the migration is over it ends
// in every session: one that was left open would keep its goroutine and its slot as long as the session lives.
func TestEventStreamsEndInEverySession(t *testing.T) {
	d := newDeparting(t, wire.DurabilityMemory)
	if reason := d.submits(1, 1); reason != 0 {
		t.Fatal(reason)
	}
	const second = node.SessionID(7)
	d.c.Step(benchTime, node.SessionUp{Session: second, Peer: crypto.NodeID{2}, Rights: wire.AllRights})
	step(d.c, second, &wire.Hello{Versions: versions, Boot: 1})
	e := step(d.c, target2, &wire.MigrationFailed{Ref: d.ref, Reason: wire.ReasonDiverged})
	want := []node.EndEvents{{Session: target2, Migration: d.ref.Migration}, {Session: second, Migration: d.ref.Migration}}
	if !slices.Equal(e.EndEvents, want) {
		t.Errorf("the streams that end are %v, want %v", e.EndEvents, want)
	}
}
