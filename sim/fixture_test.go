package sim_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// fixture is a cluster with one daemon on its first node, and what tests ask of it.
type fixture struct {
	*sim.Cluster
	t          *testing.T
	a, b, c, d *sim.Node
	daemon     node.Daemon
}

func newFixture(t *testing.T, opt sim.Options) *fixture {
	t.Helper()
	opt.Nodes, opt.Seed = 4, *seed
	if *show {
		opt.Trace = os.Stdout
	}
	c := sim.New(opt)
	f := &fixture{Cluster: c, t: t, a: c.Node(0), b: c.Node(1), c: c.Node(2), d: c.Node(3)}
	f.daemon = f.a.Spawn(sim.KindTape, "d0")
	return f
}

// feed submits a payload at a node every so often, for a while.
func (f *fixture) feed(n *sim.Node, label string, every, d time.Duration) {
	for at := time.Duration(0); at < d; at += every {
		f.After(at, func() {
			if n.Up() {
				n.SubmitVia(f.daemon.Origin, label, f.Payload(16), f.a.ID)
			}
		})
	}
}

// settle lets the cluster come to rest with all of its checks.
func (f *fixture) settle() {
	f.t.Helper()
	f.Settle(3 * time.Minute)
	if err := f.Err(); err != nil {
		f.t.Fatal(err)
	}
}

// until lets time pass until a node sees a migration in a phase or beyond.
func (f *fixture) until(n *sim.Node, id wire.MigrationID, p wire.Phase) {
	f.t.Helper()
	reached := f.RunUntil(time.Minute, func() bool {
		m, ok := n.Core().Migration(id)
		return ok && m.Phase >= p
	})
	if !reached {
		f.t.Fatalf("%s never saw %v: %v", n.Name, p, f.Err())
	}
}

// ends checks how a migration has ended at a node.
func (f *fixture) ends(n *sim.Node, id wire.MigrationID, o wire.Outcome, reason error) {
	f.t.Helper()
	m, ok := n.Core().Migration(id)
	if !ok || m.Outcome != o || reason != nil && !errors.Is(m.Reason.Err(), reason) {
		f.t.Fatalf("%s: %v %v %s, want %v %v", n.Name, m.Outcome, m.Reason, m.Detail, o, reason)
	}
}

// move moves the daemon and waits until all is quiet.
func (f *fixture) move(orch, from, to *sim.Node) {
	f.t.Helper()
	id := orch.Migrate(f.daemon.Origin, from, to, wire.Options{})
	f.settle()
	f.ends(orch, id, wire.OutcomeMoved, nil)
}

// answered checks that a request was answered without an error, at the epoch.
func (f *fixture) answered(r *sim.Request, epoch uint64) {
	f.t.Helper()
	if !r.Answered || r.Err != nil || r.Receipt.Epoch != epoch {
		f.t.Fatalf("answered %v, epoch %d, %v; want epoch %d", r.Answered, r.Receipt.Epoch, r.Err, epoch)
	}
}

// serves checks that exactly this node has the daemon, after so many moves.
func (f *fixture) serves(n *sim.Node, moves int) {
	f.t.Helper()
	host, ok := n.Host(f.daemon.Origin)
	if !ok || host.Dark() || len(host.Passport().Handovers) != moves {
		f.t.Fatalf("%s does not serve it after %d moves", n.Name, moves)
	}
}

var phases = []wire.Phase{wire.PhaseSnapshot, wire.PhaseTransfer, wire.PhaseRestore, wire.PhaseReplay, wire.PhaseCutover}
