package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// moments are the rows of the failure table (protocol §4.13), finer where it matters who knows what.
var moments = []struct {
	name      string
	committed bool // the daemon must end up at the target
	reached   func(f *fixture, id wire.MigrationID) bool
}{
	{"snapshot", false, phase(wire.PhaseSnapshot)},
	{"transfer", false, phase(wire.PhaseTransfer)},
	{"restore", false, phase(wire.PhaseRestore)},
	{"replay", false, phase(wire.PhaseReplay)},
	{"frozen", false, func(f *fixture, _ wire.MigrationID) bool {
		host, ok := f.a.Host(f.daemon.Origin)
		return ok && host.Frozen()
	}},
	{"held", false, func(f *fixture, _ wire.MigrationID) bool {
		_, _, ok := f.b.Handler().Held(f.daemon.Origin)
		return ok
	}},
	{"handed over", false, func(f *fixture, _ wire.MigrationID) bool { return f.handedOver() }},
	{"committed", true, func(f *fixture, _ wire.MigrationID) bool { return len(f.Commits(f.daemon.Origin)) > 0 }},
	{"activated", true, func(f *fixture, _ wire.MigrationID) bool {
		host, ok := f.b.Host(f.daemon.Origin)
		return ok && !host.Dark()
	}},
	{"acknowledged", true, func(f *fixture, id wire.MigrationID) bool {
		m, ok := f.a.Core().Migration(id)
		return ok && m.Phase == wire.PhaseComplete
	}},
}

func phase(p wire.Phase) func(*fixture, wire.MigrationID) bool {
	return func(f *fixture, id wire.MigrationID) bool {
		m, ok := f.a.Core().Migration(id)
		return ok && m.Phase >= p
	}
}

func (f *fixture) handedOver() bool {
	host, ok := f.a.Host(f.daemon.Origin)
	if !ok {
		return false
	}
	_, gone := host.HandedOver()
	return gone
}

// victims are its columns.
var victims = map[string]func(f *fixture) []*sim.Node{
	"source":       func(f *fixture) []*sim.Node { return []*sim.Node{f.a} },
	"target":       func(f *fixture) []*sim.Node { return []*sim.Node{f.b} },
	"orchestrator": func(f *fixture) []*sim.Node { return []*sim.Node{f.d} },
	"both sides":   func(f *fixture) []*sim.Node { return []*sim.Node{f.a, f.b} },
	"everybody":    func(f *fixture) []*sim.Node { return []*sim.Node{f.a, f.b, f.c, f.d} },
}

// TestFailureTable kills processes at every moment of a move, at every level that promises to survive it, and
// lets the machine's memory take what was not synced with it. Nothing that was acknowledged is lost, one node
// holds the daemon in the end and everybody says the same of the move: the checks of the cluster see to
// that. Nobody interferes, and afterwards the daemon can be moved on.
func TestFailureTable(t *testing.T) {
	for _, level := range []wire.Durability{wire.DurabilityEveryEvent, wire.DurabilityBoth} {
		for _, m := range moments {
			for who, pick := range victims {
				t.Run(level.String()+"/"+m.name+"/"+who, func(t *testing.T) {
					f := newFixture(t, sim.Options{
						Durability: level, Journal: journal.Config{SegmentSize: 16 << 10, MaxSegments: 3},
						Net: sim.Speeds{Piece: time.Millisecond, Chunk: 200},
					})
					f.feed(f.c, "", time.Millisecond, 400*time.Millisecond)
					f.Run(50 * time.Millisecond)
					id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
					if !f.RunUntil(time.Minute, func() bool { return m.reached(f, id) }) {
						t.Fatalf("the moment never came: %v", f.Err())
					}
					f.kill(pick(f))
					f.settle()
					holder := f.holder()
					if m.committed && holder != f.b {
						t.Fatalf("committed, and %s holds it", holder.Name)
					}
					next := map[*sim.Node]*sim.Node{f.a: f.b, f.b: f.a}[holder]
					f.move(f.c, holder, next)
				})
			}
		}
	}
}

// kill ends processes and brings them back, one after the other.
func (f *fixture) kill(nodes []*sim.Node) {
	for _, n := range nodes {
		n.Kill()
	}
	for _, n := range nodes {
		f.Run(80 * time.Millisecond)
		n.Restart()
	}
}

// holder returns the node that serves the daemon.
func (f *fixture) holder() *sim.Node {
	f.t.Helper()
	for _, n := range f.Nodes() {
		host, ok := n.Host(f.daemon.Origin)
		if ok && owns(host) {
			return n
		}
	}
	f.t.Fatal("nobody serves the daemon")
	return nil
}

func owns(h *daemon.Host) bool {
	_, gone := h.HandedOver()
	return !h.Dark() && !gone
}

// TestFullDisk: a node whose disk takes no writes acknowledges nothing, loses nothing, and goes on by itself
// when it does again.
func TestFullDisk(t *testing.T) {
	f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent})
	f.feed(f.c, "", time.Millisecond, 50*time.Millisecond)
	f.Run(100 * time.Millisecond)
	before, _ := f.a.Host(f.daemon.Origin)
	acked := before.Head().Sequence
	f.a.Disk().Full(true)
	r := f.c.Submit(f.daemon.Origin, "late", f.Payload(8))
	f.Run(5 * time.Second)
	if r.Answered {
		t.Fatalf("acknowledged at %d on a full disk", r.Receipt.Sequence)
	}
	f.a.Disk().Full(false)
	f.settle()
	if !r.Answered || r.Err != nil || r.Receipt.Sequence <= acked {
		t.Fatalf("answered %v at %d, %v", r.Answered, r.Receipt.Sequence, r.Err)
	}
}

// TestP3_PartitionedSource: a source that is cut off with its handover durable and unsent serves nobody, and
// neither does one that comes back later: its producers are told to look elsewhere.
func TestP3_PartitionedSource(t *testing.T) {
	f := newFixture(t, sim.Options{Durability: wire.DurabilityEveryEvent})
	f.feed(f.c, "", time.Millisecond, 30*time.Millisecond)
	f.Run(50 * time.Millisecond)
	f.a.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	if !f.RunUntil(time.Minute, func() bool { return len(f.Commits(f.daemon.Origin)) > 0 }) {
		t.Fatal("never committed")
	}
	for _, n := range f.Nodes()[1:] {
		f.Block(f.a, n)
	}
	f.Run(time.Second)
	own := f.a.Submit(f.daemon.Origin, "own", f.Payload(8))
	f.Run(20 * time.Second)
	if own.Answered && own.Err == nil {
		t.Fatalf("the former holder acknowledged at %d", own.Receipt.Sequence)
	}
	for _, n := range f.Nodes()[1:] {
		f.Unblock(f.a, n)
	}
	f.settle()
	if f.holder() != f.b {
		t.Fatalf("%s serves it", f.holder().Name)
	}
}
