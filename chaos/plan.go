package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/internal/relay"
)

// faultKind is what a fault does.
type faultKind string

const (
	faultKill      faultKind = "kill"      // SIGKILL, and a start afterwards
	faultStop      faultKind = "stop"      // SIGSTOP, and SIGCONT afterwards
	faultFull      faultKind = "disk full" // of one node
	faultPartition faultKind = "partition" // of one end from all others, both ways
	faultOneWay    faultKind = "one-way"   // partition from one end to another
	faultRules     faultKind = "rules"     // loss, delay, repeats, another order
	faultRebind    faultKind = "rebind"    // new source ports for one end
)

// fault is one entry of a plan.
type fault struct {
	Kind  faultKind     `json:"kind"`
	At    time.Duration `json:"at_ns"`
	For   time.Duration `json:"for_ns"`
	End   string        `json:"end"`             // node or client
	Other string        `json:"other,omitempty"` // of a one-way partition
	Rules relay.Rules   `json:"rules"`
}

func (f fault) String() string {
	text := fmt.Sprintf("%v at %v for %v: %s", f.Kind, f.At.Round(time.Millisecond), f.For.Round(time.Millisecond), f.End)
	if f.Other != "" {
		text += " to " + f.Other
	}
	if f.Rules != (relay.Rules{}) {
		text += fmt.Sprintf(" %+v", f.Rules)
	}
	return text
}

// planner draws plans. Faults of processes follow each other; those of the network overlap them and each
// other.
type planner struct {
	rng    *rand.Rand
	nodes  []string
	ends   []string // nodes and clients
	length time.Duration
	kills  int
	disks  bool
}

// between draws a duration.
func (p *planner) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.rng.Int64N(int64(most-least)))
}

func (p *planner) pick(from []string) string { return from[p.rng.IntN(len(from))] }

// plan draws all faults of a run, sorted by time.
func (p *planner) plan() []fault {
	list := append(p.processes(), p.network()...)
	slices.SortStableFunc(list, func(a, b fault) int { return int(a.At - b.At) })
	return list
}

// processes draws what happens to processes: each kind as often as asked for or as there is room, one after
// the other.
func (p *planner) processes() (list []fault) {
	kinds := []faultKind{faultStop}
	for range p.kills {
		kinds = append(kinds, faultKill)
	}
	if p.rng.IntN(2) == 0 {
		kinds = append(kinds, faultStop)
	}
	if p.disks && p.rng.IntN(2) == 0 {
		kinds = append(kinds, faultFull)
	}
	p.rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	share := p.length / time.Duration(len(kinds))
	for i, kind := range kinds {
		f := fault{Kind: kind, End: p.pick(p.nodes), At: time.Duration(i)*share + p.between(0, share/2)}
		f.For = p.between(0, share/2)
		if kind == faultStop {
			f.For = p.between(100*time.Millisecond, min(3*time.Second, max(share/2, 200*time.Millisecond)))
		}
		list = append(list, f)
	}
	return list
}

// longCut is more than sessions between nodes survive. One plan in four has one.
const longCut = 5200 * time.Millisecond

// network draws what happens to packets.
func (p *planner) network() (list []fault) {
	if p.rng.IntN(4) == 0 {
		cut := fault{Kind: faultPartition, End: p.pick(p.nodes), At: p.between(500*time.Millisecond, 800*time.Millisecond), For: longCut, Rules: relay.Rules{Cut: true}}
		list = append(list, cut)
	}
	kinds := []faultKind{faultPartition, faultOneWay, faultOneWay, faultRules, faultRules, faultRules, faultRebind, faultRebind}
	for range 3 + p.rng.IntN(5) {
		f := fault{Kind: kinds[p.rng.IntN(len(kinds))], End: p.pick(p.ends)}
		f.At = p.between(0, p.length*4/5)
		f.For = min(p.between(100*time.Millisecond, 2*time.Second), p.length-f.At)
		switch f.Kind {
		case faultOneWay:
			f.Other = f.End
			for f.Other == f.End {
				f.Other = p.pick(p.ends)
			}
			f.Rules.Cut = true
		case faultPartition:
			f.Rules.Cut = true
		case faultRules:
			f.Rules = p.rules()
		case faultRebind:
			f.For = 0
		}
		list = append(list, f)
	}
	return list
}

// rules draws a bad line: some of everything, now and then much of one thing.
func (p *planner) rules() (r relay.Rules) {
	if p.rng.IntN(2) == 0 {
		r.Delay, r.Jitter = p.between(0, 30*time.Millisecond), p.between(1, 20*time.Millisecond)
	}
	if p.rng.IntN(2) == 0 {
		r.Loss = p.rng.Float64() * 0.3
	}
	if p.rng.IntN(3) == 0 {
		r.Duplicate = p.rng.Float64() * 0.5
	}
	if p.rng.IntN(3) == 0 {
		r.Reorder, r.ReorderBy = p.rng.Float64()*0.5, p.between(time.Millisecond, 50*time.Millisecond)
	}
	if p.rng.IntN(4) == 0 {
		r.Rate = 20_000 + p.rng.IntN(500_000)
	}
	return r
}
