package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// The daemon goes A→B→C→A→B, while producers on all nodes go on; asked for by source, target and a third.
func TestO2_AnyoneMayAsk(t *testing.T) {
	for name, pick := range map[string]func(f *fixture, from, to *sim.Node) *sim.Node{
		"source": func(_ *fixture, from, _ *sim.Node) *sim.Node { return from },
		"target": func(_ *fixture, _, to *sim.Node) *sim.Node { return to },
		"third":  func(f *fixture, _, _ *sim.Node) *sim.Node { return f.d },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, sim.Options{})
			way := []*sim.Node{f.a, f.b, f.c, f.a, f.b}
			for i := 1; i < len(way); i++ {
				for _, n := range f.Nodes() {
					f.feed(n, "", time.Millisecond, 50*time.Millisecond)
				}
				f.move(pick(f, way[i-1], way[i]), way[i-1], way[i])
			}
			f.serves(f.b, 4)
		})
	}
}

func TestO2_StopAndCopy(t *testing.T) {
	f := newFixture(t, sim.Options{})
	f.daemon = f.a.Spawn(sim.KindFrozen, "d1")
	f.feed(f.c, "", time.Millisecond, 50*time.Millisecond)
	f.Run(20 * time.Millisecond)
	f.move(f.d, f.a, f.b)
	f.move(f.d, f.b, f.a)
	f.serves(f.a, 2)
}

// Submissions of every phase are applied, acknowledged and reach the target, once and in order: the checks
// of the cluster look at each.
func TestS2_SubmissionsInEveryPhase(t *testing.T) {
	f := newFixture(t, sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond, Chunk: 100}})
	for _, n := range f.Nodes() {
		f.feed(n, "", 300*time.Microsecond, 400*time.Millisecond)
		f.feed(n, "label", 700*time.Microsecond, 400*time.Millisecond)
	}
	f.Run(50 * time.Millisecond)
	f.move(f.d, f.a, f.b)
	f.serves(f.b, 1)
}

// What comes during the cutover is held and forwarded: it is answered by the successor, although its
// producer never asked anybody but the source.
func TestS3_HeldIsForwarded(t *testing.T) {
	f := newFixture(t, sim.Options{})
	first := f.c.SubmitVia(f.daemon.Origin, "held", f.Payload(8), f.a.ID)
	f.Run(100 * time.Millisecond)
	f.answered(first, 1)
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, id, wire.PhaseCutover)
	held := f.a.Submit(f.daemon.Origin, "held", f.Payload(8))
	f.Run(time.Microsecond)
	f.settle()
	f.ends(f.d, id, wire.OutcomeMoved, nil)
	f.answered(held, 2)
}

// A client follows over several hops, also one that never knew the daemon, and one whose last knowledge of
// it is three moves old.
func TestS6_ClientsFollow(t *testing.T) {
	f := newFixture(t, sim.Options{})
	old := f.d.SubmitVia(f.daemon.Origin, "old", f.Payload(8), f.a.ID)
	f.settle()
	f.answered(old, 1)
	f.move(f.a, f.a, f.b)
	f.move(f.b, f.b, f.c)
	f.move(f.c, f.c, f.a)
	f.move(f.a, f.a, f.b)
	requests := []*sim.Request{
		f.d.Submit(f.daemon.Origin, "old", f.Payload(8)),
		f.d.SubmitVia(f.daemon.Origin, "new", f.Payload(8), f.c.ID),
		f.c.Submit(f.daemon.Origin, "", f.Payload(8)),
		f.b.Submit(f.daemon.Origin, "", f.Payload(8)),
	}
	f.settle()
	for _, r := range requests {
		f.answered(r, 5)
	}
	// And on from there: the keys of the epochs it skipped are not needed for the next one.
	f.move(f.b, f.b, f.c)
	again := f.d.Submit(f.daemon.Origin, "old", f.Payload(8))
	f.settle()
	f.answered(again, 6)
}

func TestS6_TombstoneExpires(t *testing.T) {
	opt := sim.Options{}
	opt.Core.TombstoneLife = time.Minute
	f := newFixture(t, opt)
	f.move(f.a, f.a, f.b)
	left := func() int { return len(f.a.Core().Daemons()) }
	if left() != 1 {
		t.Fatalf("%d tombstones after the move", left())
	}
	f.Run(2 * time.Minute)
	if left() != 0 {
		t.Fatalf("%d tombstones after their time", left())
	}
	r := f.a.Submit(f.daemon.Origin, "", f.Payload(8)) // it looks for the daemon among its peers
	f.settle()
	f.answered(r, 2)
}

// The second of two requests is refused, also when its repetition comes after the first has ended.
func TestO1_TwoAtOnce(t *testing.T) {
	f := newFixture(t, sim.Options{})
	one := f.b.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, one, wire.PhaseSnapshot)
	two := f.c.Migrate(f.daemon.Origin, f.a, f.c, wire.Options{})
	f.settle()
	f.ends(f.b, one, wire.OutcomeMoved, nil)
	f.ends(f.c, two, wire.OutcomeStayed, nil)
	f.serves(f.b, 1)
}

// A request that was refused is refused for good: its repetition comes when nothing stands in its way any more, and
// who asked has been told that nothing moved.
func TestO1_RefusedStaysRefused(t *testing.T) {
	f := newFixture(t, sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond, Chunk: 100}})
	f.feed(f.a, "", time.Millisecond, 100*time.Millisecond)
	f.Run(100 * time.Millisecond)
	one := f.b.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, one, wire.PhaseSnapshot)
	two := f.c.Migrate(f.daemon.Origin, f.a, f.c, wire.Options{})
	f.until(f.c, two, wire.PhaseComplete)
	f.b.Cancel(one)
	f.settle()
	f.ends(f.b, one, wire.OutcomeStayed, nil)
	f.ends(f.c, two, wire.OutcomeStayed, nil)
	again := &wire.TakeSnapshot{Ref: wire.Ref{Migration: two, Origin: f.daemon.Origin}, Target: f.c.ID}
	if !f.a.Say(f.c, again) {
		t.Fatal("no session to repeat the request on")
	}
	f.settle()
	f.serves(f.a, 0)
}

// A cancel in each phase ends the migration as stayed, or comes too late; afterwards the daemon can move.
func TestO4_CancelInEachPhase(t *testing.T) {
	for _, p := range phases {
		t.Run(p.String(), func(t *testing.T) {
			f := newFixture(t, sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond, Chunk: 100}})
			f.feed(f.c, "", time.Millisecond, 300*time.Millisecond)
			f.Run(100 * time.Millisecond)
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, p)
			f.d.Cancel(id)
			f.settle()
			m, _ := f.d.Core().Migration(id)
			from, to := f.a, f.c
			if m.Outcome == wire.OutcomeMoved {
				from = f.b
			} else {
				f.ends(f.d, id, wire.OutcomeStayed, wire.ErrCancelled)
			}
			f.move(f.d, from, to)
		})
	}
}

// The move goes on without its orchestrator, in whatever phase it dies.
func TestO4_OrchestratorDies(t *testing.T) {
	for _, p := range phases {
		t.Run(p.String(), func(t *testing.T) {
			f := newFixture(t, sim.Options{})
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, p)
			f.d.Kill()
			f.Run(time.Second)
			f.d.Restart()
			f.settle()
			f.ends(f.a, id, wire.OutcomeMoved, nil)
			f.ends(f.b, id, wire.OutcomeMoved, nil)
		})
	}
}

// A session that is cut and one that lets nothing through for a while, in each phase.
func TestO5_LinkFails(t *testing.T) {
	for _, p := range phases {
		for _, half := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/%v", p, half), func(t *testing.T) {
				f := newFixture(t, sim.Options{})
				f.feed(f.c, "", time.Millisecond, 300*time.Millisecond)
				f.Run(50 * time.Millisecond)
				id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
				f.until(f.a, id, p)
				if half {
					f.Stall(f.b, f.a, 2*time.Second)
				} else {
					f.Block(f.a, f.b)
					f.After(2*time.Second, func() { f.Unblock(f.a, f.b) })
				}
				f.settle()
				m, _ := f.d.Core().Migration(id)
				if m.Outcome != wire.OutcomeMoved && m.Outcome != wire.OutcomeStayed {
					t.Fatalf("%v", m.Outcome)
				}
			})
		}
	}
}
