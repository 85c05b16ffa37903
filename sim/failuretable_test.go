package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// table is the failure table (protocol §4.13, with §7.3 above durability memory and §7.4 at it). A row is a moment of
// [moments]. A cell is what is so while somebody is away, and behind the > how it ends, once they are back:
//
//	A  the source serves: stayed    B  the target serves: moved    -  nobody serves
//	?  whoever is left says that it is in doubt, and nobody that it has ended
//
// Where the table says |, it depends on what the others had heard, and each is right.
type table []struct {
	moment                                        string
	source, target, orchestrator, both, directory string
}

// Without a directory: the source decides. What is on a disk comes back (§7.3), and a target that is back soon goes on with
// its copy (§4.3.5).
var durable = table{
	{"snapshot", "-? > A|B", "A > A", "B > B", "-? > A|B", ""},
	{"transfer", "- > A", "A > A|B", "B > B", "-? > A", ""},
	{"restore", "- > A", "A > A|B", "B > B", "-? > A", ""},
	{"replay", "- > A", "A > A|B", "B > B", "-? > A", ""},
	{"frozen", "- > A", "A|-? > A|B", "B > B", "-? > A", ""}, // with an early hold the freeze commits at once (§4.6.7)
	{"held", "-? > A", "A > A|B", "B > B", "-? > A", ""},
	{"handed over", "-? > A|B", "-? > B", "B > B", "-? > A|B", ""}, // the entry is written and not synced: all of it counts, or nothing
	{"committed", "-? > B", "-? > B", "B > B", "-? > B", ""},
	{"activated", "B > B", "-? > B", "B > B", "-? > B", ""},
	{"acknowledged", "B > B", "- > B", "B > B", "-? > B", ""},
}

// At memory a daemon lives and dies with its node's process. A copy that was promised is all there is, and stays (§7.4.3, §7.4.4).
var volatile = table{
	{"snapshot", "-? > -", "A > A", "B > B", "-? > -", ""},
	{"transfer", "- > -", "A > A", "B > B", "-? > -", ""},
	{"restore", "- > -", "A > A", "B > B", "-? > -", ""},
	{"replay", "- > -", "A > A", "B > B", "-? > -", ""},
	{"frozen", "- > -", "A > A", "B > B", "-? > -", ""},
	{"held", "-? > -?", "A > A", "B > B", "-? > -", ""},
	{"handed over", "-? > -?", "-? > -?", "B > B", "-? > -", ""},
	{"committed", "-? > -?", "-? > -?", "B > B", "-? > -", ""},
	{"activated", "B > B", "-? > -?", "B > B", "-? > -", ""},
	{"acknowledged", "B > B", "- > -", "B > B", "-? > -", ""},
}

// With a directory (§4.14). A claim that is under way is decided, whoever has died since. While the directory is away, what is
// promised waits for it, frozen, and what is not promised is not asked to move.
var decided = table{
	{"snapshot", "-? > A|B", "A > A", "B > B", "-? > A|B", "A > A|B"},
	{"transfer", "- > A", "A > A|B", "B > B", "-? > A", "-? > A|B"},
	{"restore", "- > A", "A > A|B", "B > B", "-? > A", "-? > A|B"},
	{"replay", "- > A", "A > A|B", "B > B", "-? > A", "-? > A|B"},
	{"frozen", "- > A", "A > A|B", "B > B", "-? > A", "-? > A|B"},
	{"held", "-? > A", "A > A|B", "B > B", "-? > A", "-? > A|B"},
	{"promising", "-? > A|B", "A > A|B", "B > B", "-? > A|B", "-? > A|B"},
	{"promised", "-? > A|B", "A > A|B", "B > B", "-? > A|B", "-? > A|B"},
	{"claimed", "B > B", "-? > B", "B > B", "-? > B", "-? > A|B"},
	{"committed", "B > B", "-? > B", "B > B", "-? > B", "B > B"},
	{"activated", "B > B", "-? > B", "B > B", "-? > B", "B > B"},
	{"handed over", "B > B", "- > B", "B > B", "-? > B", "B > B"},
	{"acknowledged", "B > B", "- > B", "B > B", "-? > B", "B > B"},
}

// With a directory and at memory: what the directory has given to a process that is gone is nobody's, and the source, which
// still has its frozen copy, says so.
var decidedVolatile = table{
	{"snapshot", "-? > -", "A > A", "B > B", "-? > -", "A > A|B"},
	{"transfer", "- > -", "A > A", "B > B", "-? > -", "-? > A|B"},
	{"restore", "- > -", "A > A", "B > B", "-? > -", "-? > A|B"},
	{"replay", "- > -", "A > A", "B > B", "-? > -", "-? > A|B"},
	{"frozen", "- > -", "A > A", "B > B", "-? > -", "-? > A|B"},
	{"held", "-? > -?", "A > A", "B > B", "-? > -", "-? > A|B"},
	{"promising", "-? > -?", "A > A", "B > B", "-? > -", "-? > A|B"},
	{"promised", "-? > -?", "A > A", "B > B", "-? > -", "-? > A|B"},
	{"claimed", "B > B", "-? > -?", "B > B", "-? > -", "-? > A|B"},
	{"committed", "B > B", "-? > -?", "B > B", "-? > -", "B > B"},
	{"activated", "B > B", "-? > -?", "B > B", "-? > -", "B > B"},
	{"handed over", "B > B", "- > -?|-", "B > B", "-? > -", "B > B"},
	{"acknowledged", "B > B", "- > -", "B > B", "-? > -", "B > B"},
}

// How long somebody is away: shorter than anybody's patience, and longer than it takes to say that something is in doubt. The
// directory may also never be back.
var absences = []time.Duration{80 * time.Millisecond, 20 * time.Second}

const forGood = time.Minute

// cell is one run: who goes away, when, for how long, and what is expected.
type cell struct {
	moment      string
	who         string
	away        time.Duration
	while, ends string
}

// cells are those of the table.
func (tb table) cells() (list []cell) {
	for _, row := range tb {
		for who, text := range map[string]string{
			"source": row.source, "target": row.target, "orchestrator": row.orchestrator, "both sides": row.both,
			"everybody": row.both, "directory": row.directory,
		} {
			if text == "" {
				continue
			}
			while, ends, _ := strings.Cut(text, " > ")
			for _, away := range absences {
				list = append(list, cell{row.moment, who, away, while, ends})
			}
			if who == "directory" {
				list = append(list, cell{row.moment, who, forGood, while, while})
			}
		}
	}
	return list
}

// TestFailureTable makes every party, several at once and the directory go away at every moment of a move, at every level of
// durability and with both ways to commit; a process takes with it what its machine had not synced. After every step and at
// the end the checks of the cluster hold the promises P1 to P5 against what happened; here it is compared with the
// table where the daemon is meanwhile and where it ends. Nobody interferes, and afterwards the daemon can be moved on.
func TestFailureTable(t *testing.T) {
	for _, level := range []wire.Durability{wire.DurabilityMemory, wire.DurabilityHandover, wire.DurabilityEveryEvent, wire.DurabilityBoth} {
		for _, directory := range []bool{false, true} {
			tb := map[[2]bool]table{
				{false, false}: durable, {true, false}: volatile, {false, true}: decided, {true, true}: decidedVolatile,
			}[[2]bool{level == wire.DurabilityMemory, directory}]
			mode := map[bool]string{false: "alone", true: "directory"}[directory]
			opt := sim.Options{
				Durability: level, Directory: directory, Journal: journal.Config{SegmentSize: 16 << 10, MaxSegments: 3},
				Net: sim.Speeds{Piece: time.Millisecond, Chunk: 200},
			}
			t.Run(fmt.Sprintf("%v/%s", level, mode), func(t *testing.T) {
				t.Parallel()
				for _, c := range tb.cells() {
					t.Run(fmt.Sprintf("%s/%s/%v", c.moment, c.who, c.away), func(t *testing.T) { newFixture(t, opt).run(c) })
				}
			})
		}
	}
}

// run does what one cell says.
func (f *fixture) run(c cell) {
	f.t.Helper()
	f.feed(f.c, "", time.Millisecond, 400*time.Millisecond)
	f.Run(50 * time.Millisecond)
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	if !f.RunUntil(time.Minute, func() bool { return moments[c.moment](f, id) }) {
		f.t.Fatalf("the moment never came: %v", f.Err())
	}
	f.leave(c)
	if c.away > time.Second {
		f.stands("meanwhile", id, c.while)
	}
	if c.away == forGood {
		return
	}
	f.comeBack(c)
	if where := f.stands("in the end", id, c.ends); where != nil {
		f.move(f.d, where, map[*sim.Node]*sim.Node{f.a: f.c, f.b: f.a}[where]) // the target may be refused for a while
	}
}

// leave takes the victims of a cell away, and lets that time pass.
func (f *fixture) leave(c cell) {
	if c.who == "directory" {
		f.Outage(c.away)
	} else {
		for _, n := range victims[c.who](f) {
			n.Kill()
		}
	}
	f.Run(c.away)
}

// comeBack ends an absence, one victim after the other, and lets everybody find out what is left. At memory some of it stays
// in doubt, and whoever is left must have had the time to learn all that can be learned.
func (f *fixture) comeBack(c cell) {
	f.t.Helper()
	if c.who != "directory" {
		for _, n := range victims[c.who](f) {
			n.Restart()
			f.Run(80 * time.Millisecond)
		}
	}
	if f.daemon.Durability == wire.DurabilityMemory {
		f.Run(40 * time.Second)
	}
	f.settle()
}

// stands compares how things stand with what a table says, and returns who serves.
func (f *fixture) stands(when string, id wire.MigrationID, want string) *sim.Node {
	f.t.Helper()
	if err := f.Err(); err != nil {
		f.t.Fatal(err)
	}
	serving := f.serving()
	is := "-"
	if serving != nil {
		is = serving.Name
	}
	for _, w := range strings.Split(want, "|") {
		if strings.TrimSuffix(w, "?") == is && (!strings.HasSuffix(w, "?") || f.inDoubt(id)) {
			return serving
		}
	}
	f.t.Fatalf("%s %s serves, in doubt %v; want %s", when, is, f.inDoubt(id), want)
	return nil
}

// serving returns who answers producers for the daemon, nil for nobody.
func (f *fixture) serving() *sim.Node {
	for _, n := range f.Nodes() {
		if host, ok := n.Host(f.daemon.Origin); ok && holds(host) && !host.Frozen() {
			return n
		}
	}
	return nil
}

// inDoubt reports whether those of a migration's nodes that live and know of it say that it is in doubt, and none that it has
// ended. Where none of them lives, nobody says anything.
func (f *fixture) inDoubt(id wire.MigrationID) bool {
	var said []wire.Outcome
	for _, n := range []*sim.Node{f.a, f.b, f.d} {
		if !n.Up() {
			continue
		}
		if m, ok := n.Core().Migration(id); ok {
			said = append(said, m.Outcome)
		}
	}
	return !slices.ContainsFunc(said, func(o wire.Outcome) bool { return o != wire.OutcomeInDoubt })
}

// TestDurabilityCosts: the death of a holder costs what protocol §7.1.1 says of the daemon's level, and nothing else: the
// daemon, acknowledged entries at the end of the log, or nothing. The cluster checks that those are no older than the log's
// delay, and that what is left has no hole.
func TestDurabilityCosts(t *testing.T) {
	for _, level := range []wire.Durability{wire.DurabilityMemory, wire.DurabilityHandover, wire.DurabilityEveryEvent, wire.DurabilityBoth} {
		t.Run(level.String(), func(t *testing.T) {
			f := newFixture(t, sim.Options{Durability: level})
			var list []*sim.Request
			for range 210 {
				list = append(list, f.c.SubmitVia(f.daemon.Origin, "", f.Payload(16), f.a.ID))
				f.Run(time.Millisecond)
			}
			f.a.Kill()
			f.Run(80 * time.Millisecond)
			f.a.Restart()
			f.settle()
			serves, lost := f.serving() == f.a, 0
			for _, r := range list {
				if r.Lost {
					lost++
				}
			}
			if serves != (level > wire.DurabilityMemory) || lost > 0 != (level == wire.DurabilityHandover) || lost > 40 {
				t.Errorf("the holder serves: %v; %d of %d acknowledged entries are lost", serves, lost, len(list))
			}
		})
	}
}
