package admin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// noon is when every plan of these tests begins.
var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// plan is a drainPlan with a clock that the test turns, and names for what it moves.
type plan struct {
	*drainPlan
	now   time.Time
	views []node.DaemonView
	moves int
}

// delta is a target beside bravo and charlie.
var delta = crypto.NodeID{'d'}

// newPlan has a daemon of the kind kv for each name.
func newPlan(parallel int, names string, targets ...crypto.NodeID) *plan {
	p := &plan{drainPlan: newDrainPlan(parallel), now: noon}
	for i, name := range strings.Fields(names) {
		p.views = append(p.views, node.DaemonView{Daemon: node.Daemon{
			Origin: uint64(i + 1), Name: name, Kind: "kv", Epoch: 1, Durability: wire.DurabilityEveryEvent,
		}})
	}
	p.near(targets...)
	p.look()
	return p
}

// near says which targets have a session.
func (p *plan) near(targets ...crypto.NodeID) {
	var list []drainTarget
	for _, id := range targets {
		list = append(list, drainTarget{id: id})
	}
	p.reach(p.now, list)
}

// look shows the plan what is here. Of what sleeps in the journal nothing comes back whose kind is gone.
func (p *plan) look() {
	p.see(p.now, p.views, func(v node.DaemonView) bool { return v.Dormant && v.Kind == "gone" }, 0)
}

// begins lists what the plan begins now, as "daemon>target".
func (p *plan) begins() string {
	var out []string
	for _, e := range p.begin(p.now) {
		p.moves++
		e.move = wire.MigrationID{byte(p.moves)}
		out = append(out, e.view.Name+">"+string(e.target[:1]))
	}
	return strings.Join(out, " ")
}

// ends tells how the move of a daemon has ended: by a reason, or moved with none.
func (p *plan) ends(name string, r wire.Reason, detail string) {
	e := p.entry(name)
	m := node.Migration{ID: e.move, Origin: e.view.Origin, Kind: e.view.Kind, Target: e.target, Reason: r, Detail: detail, Outcome: wire.OutcomeStayed}
	if r == wire.ReasonNone {
		m.Outcome, m.Stats.Blackout = wire.OutcomeMoved, time.Millisecond
	}
	p.told(p.now, e, m, true)
}

func (p *plan) entry(name string) *drainEntry {
	i := slices.IndexFunc(p.entries, func(e *drainEntry) bool { return e.view.Name == name })
	return p.entries[i]
}

// want compares what is begun now.
func (p *plan) want(t *testing.T, when, want string) {
	t.Helper()
	if got := p.begins(); got != want {
		t.Fatalf("%s: begun %q, want %q", when, got, want)
	}
}

// TestDrainTargetsInTurn: the one that has got the fewest, and never more at once than was said.
func TestDrainTargetsInTurn(t *testing.T) {
	p := newPlan(3, "a b c d e", bravo, charlie)
	p.want(t, "at first", "a>b b>c c>b")
	p.want(t, "with all places taken", "")
	p.ends("b", wire.ReasonNone, "")
	p.ends("c", wire.ReasonNone, "")
	p.want(t, "with two places free", "d>c e>b")
	for _, name := range []string{"a", "d", "e"} {
		if p.settled() {
			t.Fatalf("settled before %s had ended", name)
		}
		p.ends(name, wire.ReasonNone, "")
	}
	if p.want(t, "at the end", ""); !p.settled() || p.entry("e").blackout != time.Millisecond {
		t.Error("not settled, or without the figures")
	}
}

// TestDrainPrefersSessions: a node without a session is asked only when no other will do.
func TestDrainPrefersSessions(t *testing.T) {
	p := newPlan(2, "a b c")
	p.reach(p.now, []drainTarget{{id: bravo, far: true}, {id: charlie}})
	p.want(t, "with one near", "a>c b>c")
	p.ends("a", wire.ReasonFactoryNotFound, "")
	p.want(t, "when that does not know the kind", "c>b")
	p.ends("b", wire.ReasonNone, "")
	p.want(t, "the one that it was found out with", "a>b")
}

// TestDrainTriesAllOthersFirst: a target that turned a daemon down comes again when all others did as well, after a pause that
// grows up to ten seconds.
func TestDrainTriesAllOthersFirst(t *testing.T) {
	p := newPlan(1, "a", bravo, charlie)
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second} {
		p.want(t, "a round", "a>b")
		p.ends("a", wire.ReasonNotReadyTimeout, "")
		p.want(t, "the other", "a>c")
		p.ends("a", wire.ReasonNotConverging, "")
		p.want(t, "at once", "")
		if got := p.wake(p.now); !got.Equal(p.now.Add(pause)) {
			t.Fatalf("the next round is in %v, want %v", got.Sub(p.now), pause)
		}
		p.now = p.now.Add(pause - 1)
		p.want(t, "before the pause is over", "")
		p.now = p.now.Add(1)
	}
}

// TestDrainLeavesTroubledTargetAlone: its pause grows once for all moves that were under way, one daemon probes it, and it gets
// more when it has taken that. Meanwhile the others take what it would have got.
func TestDrainLeavesTroubledTargetAlone(t *testing.T) {
	p := newPlan(4, "a b c d", bravo)
	p.want(t, "at first", "a>b b>b c>b d>b")
	for _, name := range []string{"a", "b", "c", "d"} {
		p.ends(name, wire.ReasonUnreachable, "no connection to the target")
	}
	p.want(t, "at once", "")
	p.now = p.now.Add(time.Second)
	p.want(t, "a probe", "a>b")
	p.ends("a", wire.ReasonUnreachable, "no connection to the target")
	p.now = p.now.Add(time.Second)
	p.want(t, "before two seconds have passed", "")
	p.near(bravo, charlie)
	p.want(t, "when another is there", "b>c c>c d>c a>c")
	p.ends("b", wire.ReasonNone, "")
	p.ends("c", wire.ReasonLimit, "")
	p.now = p.now.Add(time.Second)
	p.want(t, "the probe", "c>b")
	p.want(t, "beside it", "")
	p.ends("c", wire.ReasonNone, "")
	p.ends("a", wire.ReasonUnreachable, "")
	p.want(t, "after it", "a>b")
}

// TestDrainGivesUpWhatCannotPass: a kind at the target that lacks it, a target that gives no right for everything, a daemon that cannot
// be moved everywhere, and what should not happen after three times.
func TestDrainGivesUpWhatCannotPass(t *testing.T) {
	p := newPlan(8, "a b", bravo, charlie)
	p.views[1].Kind = "chess"
	p.look()
	p.want(t, "at first", "a>b b>c")
	p.ends("b", wire.ReasonFactoryNotFound, "")
	p.want(t, "the other", "b>b")
	p.ends("b", wire.ReasonFactoryNotFound, "")
	p.want(t, "then none", "")
	if e := p.entry("b"); e.state != entryStays || len(p.reasons(e)) != 2 {
		t.Errorf("b is in state %v, for %d reasons", e.state, len(p.reasons(e)))
	}

	p = newPlan(1, "a b c", bravo)
	p.want(t, "at first", "a>b")
	p.ends("a", wire.ReasonRefused, `Prepare needs the right "migrate-in", which it has not been given here`)
	p.want(t, "without the right", "")
	if e := p.entry("c"); e.state != entryStays || len(p.reasons(e)) != 1 || !p.settled() {
		t.Errorf("c is in state %v", e.state)
	}
	p.near(bravo, delta)
	p.want(t, "when another is there", "b>d")

	p = newPlan(1, "a", bravo, charlie)
	p.want(t, "at first", "a>b")
	p.ends("a", wire.ReasonStateless, "")
	if p.want(t, "stateless", ""); p.entry("a").state != entryStays {
		t.Errorf("a is in state %v", p.entry("a").state)
	}

	p = newPlan(1, "a", bravo)
	for n := range maxDrainFaults {
		p.want(t, fmt.Sprintf("try %d", n+1), "a>b")
		p.ends("a", wire.ReasonDiverged, "")
		p.want(t, "at once", "")
		p.now = p.now.Add(drainLastPause)
	}
	if p.want(t, "a fourth time", ""); p.entry("a").state != entryStays {
		t.Errorf("a is in state %v", p.entry("a").state)
	}
}

// TestDrainWaitsForOthersMoves: one that somebody else moves is left to that, and taken up where it failed.
func TestDrainWaitsForOthersMoves(t *testing.T) {
	p := newPlan(1, "a b", bravo)
	p.views[0].Moving, p.views[0].Migration = true, wire.MigrationID{9}
	p.look()
	p.want(t, "at first", "b>b")
	p.told(p.now, p.entry("a"), node.Migration{Target: delta, Outcome: wire.OutcomeStayed}, true)
	p.views[0].Moving = false
	p.ends("b", wire.ReasonAlreadyMigrating, "")
	p.want(t, "when that has failed", "a>b")
	p.ends("a", wire.ReasonNone, "")
	p.views[1].Left, p.views[1].Holder = true, delta
	p.look()
	if e := p.entry("b"); e.state != entryMoved || e.target != delta || e.failures > 0 || !p.settled() {
		t.Errorf("b is %+v", e)
	}
}

// TestDrainDoubtTakesNoPlace: moves in doubt are waited for, and others begin meanwhile.
func TestDrainDoubtTakesNoPlace(t *testing.T) {
	p := newPlan(1, "a b", bravo)
	p.want(t, "at first", "a>b")
	p.told(p.now, p.entry("a"), node.Migration{Target: bravo, Outcome: wire.OutcomeInDoubt}, true)
	p.want(t, "beside the doubt", "b>b")
	p.ends("b", wire.ReasonNone, "")
	if p.settled() {
		t.Error("settled with a daemon in doubt")
	}
	p.ends("a", wire.ReasonNone, "")
	if !p.settled() {
		t.Error("not settled after it")
	}
}

// TestDrainSeesWhatComesAndGoes: arrivals and what is brought back from the journal are moved, what cannot come back stays, what was
// stopped has ended, and nothing is begun after the end.
func TestDrainSeesWhatComesAndGoes(t *testing.T) {
	p := newPlan(4, "a b c", bravo)
	p.views[0].Dormant = true
	p.views[1].Dormant, p.views[1].Kind = true, "gone"
	p.look()
	p.want(t, "at first", "c>b")
	if got := p.entry("b").state; got != entryStays {
		t.Errorf("b is in state %v", got)
	}
	p.ends("c", wire.ReasonNone, "")
	p.views[0].Dormant = false
	p.views = append(p.views[:2], node.DaemonView{Daemon: node.Daemon{Origin: 8, Name: "late"}}) // c and its record are gone
	p.look()
	p.want(t, "later", "late>b a>b")
	p.ends("a", wire.ReasonDaemonNotFound, "")
	p.views = p.views[1:]
	p.look()
	if got := p.entry("a").state; got != entryEnded {
		t.Errorf("a is in state %v", got)
	}
	p.ends("late", wire.ReasonNotReady, "")
	p.over = true
	p.now = p.now.Add(time.Minute)
	p.want(t, "after the end", "")
}

// TestDrainMovesMemoryFirst: what the end of the process would lose goes before the rest, and what has failed comes last.
func TestDrainMovesMemoryFirst(t *testing.T) {
	p := newPlan(1, "a b c", bravo, charlie)
	p.views[1].Durability = wire.DurabilityMemory
	p.look()
	p.want(t, "at first", "b>b")
	p.ends("b", wire.ReasonCancelled, "")
	p.want(t, "then", "a>b")
}

// TestDrainTakesBackWhatReturns: a daemon that has left and is here again, with a later epoch, is moved again. One whose record goes
// a moment after it has left is not.
func TestDrainTakesBackWhatReturns(t *testing.T) {
	p := newPlan(1, "a", bravo)
	p.want(t, "at first", "a>b")
	p.ends("a", wire.ReasonNone, "")
	p.look()
	p.want(t, "while its record is here", "")
	p.views[0].Epoch = 3
	p.look()
	p.want(t, "when it is back", "a>b")
}
