package main

import (
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
)

// The people of a made-up run.
var (
	alice = crypto.ProducerID{1}
	nodeA = crypto.NodeID{0xa}
	nodeB = crypto.NodeID{0xb}

	thither = route{nodeA.Hex(), nodeB.Hex()}
)

// sound is the evidence of a run in which everything held: three events, a handover from a to b, two more,
// the last one without a receipt.
func sound() *evidence {
	e := &evidence{
		trails:  map[crypto.ProducerID]*kinds.AuditTrail{alice: new(kinds.AuditTrail)},
		reports: make(map[crypto.ProducerID]kinds.Report), sequence: 6, holder: nodeB.Hex(), first: nodeA.Hex(),
		seen:  map[uint64]map[string]bool{1: {nodeA.Hex(): true}, 2: {nodeB.Hex(): true}},
		moves: map[route]told{thither: {moved: 1}, {nodeB.Hex(), nodeA.Hex()}: {unclear: 1}},
	}
	e.passport.Handovers = []crypto.Handover{{From: nodeA, To: nodeB, Epoch: 2, Head: crypto.Head{Sequence: 3}}}
	for i, at := range []struct {
		sequence, epoch uint64
		holder          crypto.NodeID
	}{{1, 1, nodeA}, {2, 1, nodeA}, {3, 1, nodeA}, {5, 2, nodeA}, {6, 2, nodeB}} { // the fourth was passed on by a
		e.ops = append(e.ops, operation{
			Producer: alice, Seq: uint64(i + 1), Call: int64(10 * i), Return: int64(10*i + 5), Command: "x",
			Sequence: at.sequence, Epoch: at.epoch, Holder: at.holder.Hex(),
		})
		e.trails[alice].Record(uint64(i+1), []byte("x"))
	}
	e.reports[alice] = e.trails[alice].Report(alice)
	e.ops[4].Return = unknown
	return e
}

func TestSoundEvidenceIsAccepted(t *testing.T) {
	if f := sound().check(); len(f) > 0 {
		t.Errorf("findings: %q", f)
	}
	all := sound()
	all.ops[4].Return = 100
	if f := all.check(); len(f) > 0 {
		t.Errorf("findings: %q", f)
	}
}

// report changes what the daemon says of alice.
func (e *evidence) report(change func(r *kinds.Report)) {
	r := e.reports[alice]
	change(&r)
	e.reports[alice] = r
}

// TestEachViolationIsFound: one thing is wrong at a time, and the finding says what.
func TestEachViolationIsFound(t *testing.T) {
	for want, spoil := range map[string]func(e *evidence){
		"is lost": func(e *evidence) {
			e.report(func(r *kinds.Report) { r.Spans = []kinds.Span{{First: 1, Last: 2}, {First: 4, Last: 5}} })
		},
		"applied more than once":  func(e *evidence) { e.report(func(r *kinds.Report) { r.Duplicates = 1 }) },
		"applied out of order":    func(e *evidence) { e.report(func(r *kinds.Report) { r.Reordered = 1 }) },
		"no room in the daemon's": func(e *evidence) { e.report(func(r *kinds.Report) { r.Overflow = 1 }) },
		"it sent 5":               func(e *evidence) { e.report(func(r *kinds.Report) { r.Spans[0].Last = 9 }) },
		"Altered:1":               func(e *evidence) { e.ops[4].Return = 100; e.report(func(r *kinds.Report) { r.Chain[0]++ }) },
		"it sent 0": func(e *evidence) {
			e.reports[crypto.ProducerID{9}] = kinds.Report{Spans: []kinds.Span{{First: 1, Last: 1}}}
		},
		"the log has 7 entries":        func(e *evidence) { e.sequence = 7 },
		"the passport says":            func(e *evidence) { e.holder = nodeA.Hex() },
		"said that it had the daemon":  func(e *evidence) { e.seen[2][nodeA.Hex()] = true },
		"in epoch 3":                   func(e *evidence) { e.seen[3] = map[string]bool{nodeB.Hex(): true} },
		"was not the holder":           func(e *evidence) { e.ops[0].Holder = nodeB.Hex() },
		"in epoch 9":                   func(e *evidence) { e.ops[0].Epoch = 9 },
		"had no such entry":            func(e *evidence) { e.ops[3].Epoch, e.ops[3].Holder = 1, nodeA.Hex() },
		"entry 3 was acknowledged in":  func(e *evidence) { e.ops[2].Epoch, e.ops[2].Holder = 2, nodeB.Hex() },
		"acknowledged for two events":  func(e *evidence) { e.ops[1].Sequence = 1 },
		"called after the receipt":     func(e *evidence) { e.ops[0].Sequence, e.ops[1].Sequence = 2, 1 },
		"for 1 moved and 0 are":        func(e *evidence) { e.passport.Handovers = append(e.passport.Handovers, e.passport.Handovers[0]) },
		"for 0 moved and 0 are":        func(e *evidence) { e.moves = nil },
		"2 moves from":                 func(e *evidence) { e.moves[thither] = told{moved: 2} },
		"lost the daemon":              func(e *evidence) { e.moves[thither] = told{moved: 1, lost: 1} },
		"does not accept the passport": func(e *evidence) { e.verified = errTest },
		"state contradicts itself":     func(e *evidence) { e.state = errTest },
	} {
		e := sound()
		spoil(e)
		if f := strings.Join(e.check(), "\n"); !strings.Contains(f, want) {
			t.Errorf("no finding says %q: %q", want, f)
		}
	}
}

// TestFindingsAreBounded: a run that lost everything does not fill the screen.
func TestFindingsAreBounded(t *testing.T) {
	var f findings
	for range 1000 {
		f.require(false, "bad")
	}
	if len(f) != 20 {
		t.Errorf("%d findings", len(f))
	}
}
