package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
)

// evidence is what is known about one daemon at the end of a run, from those who know it: the producers, the
// daemon itself, its node, the passport, and those who watched.
type evidence struct {
	ops      []operation
	trails   map[crypto.ProducerID]*kinds.AuditTrail // of producers that were recorded by the window
	reports  map[crypto.ProducerID]kinds.Report      // what the daemon says it applied
	sequence uint64                                  // of the daemon's newest entry
	holder   string                                  // id of the node it is at
	first    string                                  // id of the node it was born at
	passport crypto.Passport
	verified error                      // what "peer verify" made of the passport
	state    error                      // what the daemon's own check found
	seen     map[uint64]map[string]bool // who said, in which epoch, that it had the daemon
	moves    map[route]told             // what was said of the moves that were asked for
}

// findings are what does not hold.
type findings []string

func (f *findings) require(ok bool, format string, args ...any) {
	const most = 20 // of one run: the first ones tell
	if !ok && len(*f) < most {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// check holds the evidence together. It knows nothing of how it was gathered.
func (e *evidence) check() (f findings) {
	f.require(e.verified == nil, "peer verify does not accept the passport: %v", e.verified)
	f.require(e.state == nil, "the daemon's state contradicts itself: %v", e.state)
	e.checkProducers(&f)
	e.checkLog(&f)
	e.checkEpochs(&f)
	e.checkOrder(&f)
	e.checkMoves(&f)
	return f
}

// checkProducers: what was acknowledged was applied, once; what was applied had been sent, in that order.
func (e *evidence) checkProducers(f *findings) {
	asked, acknowledged := make(map[crypto.ProducerID]uint64), make(map[crypto.ProducerID]uint64)
	for i := range e.ops {
		op := &e.ops[i]
		asked[op.Producer] = max(asked[op.Producer], op.Seq)
		if !op.acknowledged() {
			continue
		}
		acknowledged[op.Producer]++
		f.require(contains(e.reports[op.Producer].Spans, op.Seq), "event %d of %s was acknowledged in epoch %d as entry %d, and is lost", op.Seq, op.Producer, op.Epoch, op.Sequence)
	}
	for p, r := range e.reports {
		f.require(r.Duplicates == 0, "%d events of %s were applied more than once", r.Duplicates, p)
		f.require(r.Reordered == 0, "%d events of %s were applied out of order", r.Reordered, p)
		f.require(r.Overflow == 0, "%d events of %s found no room in the daemon's record", r.Overflow, p)
		for _, s := range r.Spans {
			f.require(s.First > 0 && s.Last <= asked[p], "events %d to %d of %s were applied; it sent %d", s.First, s.Last, p, asked[p])
		}
		if trail := e.trails[p]; trail != nil && acknowledged[p] == asked[p] {
			v := kinds.Compare(trail, r)
			f.require(v.Clean(), "%s: %+v", p, v)
		}
	}
}

func contains(spans []kinds.Span, n uint64) bool {
	return slices.ContainsFunc(spans, func(s kinds.Span) bool { return s.First <= n && n <= s.Last })
}

// checkLog: the log has nothing in it but what the daemon applied and its handovers.
func (e *evidence) checkLog(f *findings) {
	applied := uint64(0)
	for _, r := range e.reports {
		applied += r.Applied
	}
	handovers := uint64(len(e.passport.Handovers))
	f.require(e.sequence == applied+handovers, "the log has %d entries, which is not %d applied events and %d handovers", e.sequence, applied, handovers)
}

// holders are the ids of the nodes that held the daemon, by epoch; the passport knows them but for the first.
func (e *evidence) holders() []string {
	list := []string{"", e.first}
	for i := range e.passport.Handovers {
		list = append(list, e.passport.Handovers[i].To.Hex())
	}
	return list
}

// checkEpochs: in each epoch one node had the daemon, and it is the one of the passport. A receipt may also
// come from the node before, which passes on what its successor answers.
func (e *evidence) checkEpochs(f *findings) {
	holders := e.holders()
	last := uint64(len(holders) - 1)
	f.require(e.holder == holders[last], "the daemon is at %s, and the passport says %s", e.holder, holders[last])
	for epoch, nodes := range e.seen {
		for node := range nodes {
			f.require(epoch <= last && node == holders[min(epoch, last)], "%s said that it had the daemon in epoch %d", node, epoch)
		}
	}
	for i := range e.ops {
		op := &e.ops[i]
		if !op.acknowledged() {
			continue
		}
		known := op.Epoch >= 1 && op.Epoch <= last
		f.require(known && (op.Holder == holders[op.Epoch] || op.Holder == holders[op.Epoch-1]),
			"%s acknowledged entry %d in epoch %d, of which it was not the holder", op.Holder, op.Sequence, op.Epoch)
		if known && !op.Repeat {
			f.require(e.within(op, holders), "entry %d was acknowledged in epoch %d, which had no such entry", op.Sequence, op.Epoch)
		}
	}
}

// within reports whether an entry can have been acknowledged for the first time under the epoch of its receipt.
// A holder answers for entries of its own epoch. The holder before it answers for what it sequenced itself and
// had on its disk only after the handover, and passes on what became of the submissions that it held: by the
// time that these are applied, the daemon may have moved on, so for them there is no upper end.
func (e *evidence) within(op *operation, holders []string) bool {
	h := e.passport.Handovers
	began := func(epoch uint64) uint64 { // the entry before its first
		if epoch < 2 {
			return 0
		}
		return h[epoch-2].Head.Sequence + 1 // that head is the entry before the handover
	}
	if op.Epoch > 1 && op.Holder == holders[op.Epoch-1] {
		return op.Sequence > began(op.Epoch-1)
	}
	before := op.Epoch > uint64(len(h)) || op.Sequence <= h[op.Epoch-1].Head.Sequence
	return op.Sequence > began(op.Epoch) && before
}

// checkMoves: a migration that was said to have moved has, one that was said to have stayed has not, and none is lost
// (promise P5). One that nobody has heard the end of can have done either.
func (e *evidence) checkMoves(f *findings) {
	made := make(map[route]int)
	for i := range e.passport.Handovers {
		h := &e.passport.Handovers[i]
		made[route{h.From.Hex(), h.To.Hex()}]++
	}
	for way, n := range made {
		t := e.moves[way]
		f.require(n <= t.moved+t.unclear, "%d handovers from %s to %s, and of all moves asked for %d moved and %d are unclear", n, way.from, way.to, t.moved, t.unclear)
	}
	for way, t := range e.moves {
		f.require(t.moved <= made[way], "%d moves from %s to %s are said to have moved, and there are %d handovers", t.moved, way.from, way.to, made[way])
		f.require(t.lost == 0, "%d moves from %s to %s are said to have lost the daemon", t.lost, way.from, way.to)
	}
}

// checkOrder: entries have one event each, and an event that was called after another's receipt comes after
// it in the log.
func (e *evidence) checkOrder(f *findings) {
	type event struct {
		at  int64
		op  *operation
		end bool
	}
	var events []event
	taken := make(map[uint64]*operation)
	for i := range e.ops {
		op := &e.ops[i]
		if !op.acknowledged() {
			continue
		}
		other := taken[op.Sequence]
		f.require(other == nil, "entry %d was acknowledged for two events", op.Sequence)
		taken[op.Sequence] = op
		events = append(events, event{op.Call, op, false}, event{op.Return, op, true})
	}
	slices.SortFunc(events, func(a, b event) int {
		// At the same moment neither is after the other.
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b2i(a.end), b2i(b.end)))
	})
	newest := uint64(0) // of the entries whose receipts have come
	for _, ev := range events {
		if ev.end {
			newest = max(newest, ev.op.Sequence)
			continue
		}
		f.require(ev.op.Sequence > newest, "entry %d was called after the receipt of entry %d", ev.op.Sequence, newest)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
