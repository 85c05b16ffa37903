package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// moments are when somebody goes away: the rows of the failure table (protocol §4.13), finer where it matters who knows what.
var moments = map[string]func(f *fixture, id wire.MigrationID) bool{
	"snapshot": phase(wire.PhaseSnapshot),
	"transfer": phase(wire.PhaseTransfer),
	"restore":  phase(wire.PhaseRestore),
	"replay":   phase(wire.PhaseReplay),
	"frozen": func(f *fixture, _ wire.MigrationID) bool {
		host, ok := f.a.Host(f.daemon.Origin)
		return ok && host.Frozen()
	},
	"held": func(f *fixture, _ wire.MigrationID) bool {
		_, _, ok := f.b.Handler().Held(f.daemon.Origin)
		return ok
	},
	"promising": atSource("promising"), // the promise is written and not synced
	"promised":  atSource("promised"),  // the certificate is on its way
	"claimed":   func(f *fixture, _ wire.MigrationID) bool { return f.Claims() > 0 },
	// The entry is in the source's log: without a directory it is not durable yet, with one it was decided before.
	"handed over": func(f *fixture, _ wire.MigrationID) bool { return f.handedOver() },
	"committed":   func(f *fixture, _ wire.MigrationID) bool { return len(f.Commits(f.daemon.Origin)) > 0 },
	"activated": func(f *fixture, _ wire.MigrationID) bool {
		host, ok := f.b.Host(f.daemon.Origin)
		return ok && !host.Dark()
	},
	"acknowledged": phase(wire.PhaseComplete),
}

func phase(p wire.Phase) func(*fixture, wire.MigrationID) bool {
	return func(f *fixture, id wire.MigrationID) bool {
		m, ok := f.a.Core().Migration(id)
		return ok && m.Phase >= p
	}
}

func atSource(state string) func(*fixture, wire.MigrationID) bool {
	return func(f *fixture, id wire.MigrationID) bool {
		m, ok := f.a.Core().Migration(id)
		return ok && m.State == state
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

// victims are the processes that can die, its columns.
var victims = map[string]func(f *fixture) []*sim.Node{
	"source":       func(f *fixture) []*sim.Node { return []*sim.Node{f.a} },
	"target":       func(f *fixture) []*sim.Node { return []*sim.Node{f.b} },
	"orchestrator": func(f *fixture) []*sim.Node { return []*sim.Node{f.d} },
	"both sides":   func(f *fixture) []*sim.Node { return []*sim.Node{f.a, f.b} },
	"everybody":    func(f *fixture) []*sim.Node { return []*sim.Node{f.a, f.b, f.c, f.d} },
}

// holder returns the node that serves the daemon.
func (f *fixture) holder() *sim.Node {
	f.t.Helper()
	for _, n := range f.Nodes() {
		host, ok := n.Host(f.daemon.Origin)
		if ok && holds(host) {
			return n
		}
	}
	f.t.Fatal("nobody serves the daemon")
	return nil
}

func holds(h *daemon.Host) bool {
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
