package node_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// disked is a process of node 1 with a disk.
type disked struct {
	t *testing.T
	*node.Core
	x *node.Executor
}

func onDisk(t *testing.T, disk journal.Disk) disked {
	t.Helper()
	return disked{t, withPeers(), process(t, disk, crypto.NodeID{1})}
}

// born registers a daemon of the entity, as a copy of its own.
func (n disked) born() *daemon.Host {
	n.t.Helper()
	key := mustKey(1)
	host, err := daemon.NewHost(blank{}, key, "model", daemon.HostConfig{Node: crypto.NodeID{1}})
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.x.Born(host, key, wire.DurabilityEveryEvent, n.x.Journal.Wait); err != nil {
		n.t.Fatal(err)
	}
	return host
}

// run gives the core an input and runs what it calls for, until nothing is left.
func (n disked) run(in node.Input) {
	for inputs := []node.Input{in}; len(inputs) > 0; inputs = inputs[1:] {
		for _, call := range n.Step(benchTime, inputs[0]).Calls {
			result, at := n.x.Run(call)
			if err := n.x.Journal.Wait(at); err != nil {
				n.t.Fatal(err)
			}
			inputs = append(inputs, node.Done{Call: call, Result: result})
		}
	}
}

// A disk has a copy that was handed over, not known to be activated, and the daemon that has come back since. The proof of the first
// move, when it comes at last, ends that copy and nothing else.
func TestLateProofLeavesTheDaemonThatIsBack(t *testing.T) {
	disk := crashdisk.New()
	old := onDisk(t, disk)
	host := old.born()
	if err := old.x.Registry.Register(host); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Freeze(); err != nil {
		t.Fatal(err)
	}
	frozen, move := host.Head(), wire.Ref{Migration: wire.MigrationID{5}, Origin: host.Origin(), Epoch: 1}
	result, at := old.x.Run(node.Call{Origin: host.Origin(), Migration: move.Migration, Op: source.CallHandOver{
		From: crypto.NodeID{1}, To: crypto.NodeID{2}, Next: nextKey.Public(), Ref: move, Orchestrator: crypto.NodeID{3},
	}})
	handover := result.(source.HandedOver)
	if handover.Err != nil || old.x.Journal.Wait(at) != nil {
		t.Fatalf("the handover: %v", handover.Err)
	}
	old.born()
	if err := old.x.Journal.Close(); err != nil {
		t.Fatal(err)
	}

	n := onDisk(t, disk)
	for _, in := range n.x.Found() {
		n.run(in)
	}
	n.run(node.KindRegistered{Kind: "model"})
	ack, err := crypto.SignHead(nextKey, frozen.Append(handover.Event, nil), 2)
	if err != nil {
		t.Fatal(err)
	}
	n.run(framed(1, &wire.ActivateAck{Ref: move, Signed: ack}))
	if m, _ := n.Migration(move.Migration); m.Outcome != wire.OutcomeMoved {
		t.Fatalf("the first move is %v: the ack proved nothing", m.Outcome)
	}
	if d, ok := n.Daemon(host.Origin()); !ok || d.Left {
		t.Errorf("the daemon that is back: %v, left %v", ok, d.Left)
	}
	copies := n.x.Journal.State().Copies
	if len(copies) != 1 || copies[2] == nil {
		t.Errorf("%d copies are left, among them that of the daemon: %v", len(copies), copies[2] != nil)
	}
}

// What a disk says of the time is of the wall clock, and what the core waits for is of a clock that nobody sets. In one heap they would
// have no order once the first is set back: what is due would wait behind a tombstone. So the tombstone's end is told by the second.
func TestFoundTombstoneExpiresByTheCoresClock(t *testing.T) {
	now := time.Now()
	c := node.New(node.Config{Node: crypto.NodeID{1}, Boot: 1})
	c.Step(now, node.FoundTombstone{Tombstone: journal.Tombstone{
		Entity: genesis.Entity, Ref: wire.Ref{Origin: genesis.Head().Origin, Epoch: 1}, To: crypto.NodeID{2}, Expires: uint64(now.Add(time.Hour).UnixNano()),
	}})
	// Two times are equal to == only if both their clocks are.
	if v, ok := c.Daemon(genesis.Head().Origin); !ok || v.Expires != now.Add(time.Hour) {
		t.Errorf("it expires at %v, want %v", v.Expires, now.Add(time.Hour))
	}
}
