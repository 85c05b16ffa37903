package demo

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
)

// tally is the outcome of a run: the comparison of the records, and everything that did not hold.
type tally struct {
	verdict  kinds.Verdict
	problems []string // empty is a pass
}

// tally holds the evidence together. It knows nothing of how it was gathered.
func (e *evidence) tally() tally {
	t := tally{verdict: kinds.Compare(e.trail, e.applied)}
	t.require(e.unknown == nil, "the end could not be looked into: %v", e.unknown)
	e.checkMoves(&t)
	e.checkProducer(&t)
	e.checkVerdict(&t)
	e.checkLog(&t)
	e.checkState(&t)
	e.checkPassport(&t)
	return t
}

// require notes a problem unless ok.
func (t *tally) require(ok bool, format string, args ...any) {
	if !ok {
		t.problems = append(t.problems, fmt.Sprintf(format, args...))
	}
}

// checkMoves: every step led to what the plan says, and no node ended but the one that was killed.
func (e *evidence) checkMoves(t *tally) {
	for _, m := range e.moves {
		t.require(m.problem == "", "%s -> %s: %s", m.from, m.to, m.problem)
	}
	t.require(len(e.moves) == e.steps, "only %d of %d steps were taken", len(e.moves), e.steps)
	t.require(len(e.crashed) == 0, "a node ended by itself: %s", strings.Join(e.crashed, ", "))
}

// checkProducer: every event was acknowledged, once, under its own number.
func (e *evidence) checkProducer(t *tally) {
	a := e.acks
	t.require(a.problem == nil, "%v", a.problem)
	t.require(a.acknowledged == a.sent, "%s of %s events were acknowledged", comma(a.acknowledged), comma(a.sent))
}

// checkVerdict: the daemon's own record is the producer's.
func (e *evidence) checkVerdict(t *tally) {
	v := t.verdict
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{v.Lost, "sent and never applied (lost)"},
		{v.Duplicated, "applied more than once (duplicated)"},
		{v.Reordered, "applied in another order than sent"},
		{v.Altered, "applied with other bytes than sent"},
		{v.Foreign, "applied in the producer's name, and never sent by it"},
		{v.Undecided, "in too many pieces to tell"},
	} {
		t.require(c.n == 0, "events %s: %s", c.what, comma(c.n))
	}
	t.require(e.applied.Applied == e.acks.sent, "%s events were sent and %s applied", comma(e.acks.sent), comma(e.applied.Applied))
	t.require(e.producers <= 1, "the daemon has heard from %d producers; there is one", e.producers)
}

// checkLog: nothing is in the log but what the daemon applied and its handovers.
func (e *evidence) checkLog(t *tally) {
	handovers := uint64(e.handovers())
	t.require(e.head.Sequence == e.applied.Applied+handovers,
		"the log has %s entries, which is not %s applied events and %s", comma(e.head.Sequence), comma(e.applied.Applied), count(e.handovers(), "handover"))
	t.require(e.head.State == client.StateServing, "the daemon is %q at %s, not %q", e.head.State, e.holder, client.StateServing)
	t.require(e.head.Holder.Name == e.holder, "the daemon is at %q, not at %q", e.head.Holder.Name, e.holder)
}

// checkState: the daemon's own invariant holds, and a count of text is the one made on the way in.
func (e *evidence) checkState(t *tally) {
	t.require(e.check.OK, "the daemon's state contradicts itself: %s", e.check.Problem)
	if e.counted != nil {
		want := textJSON{Lines: e.read.lines, Words: e.read.words, Bytes: e.read.bytes}
		t.require(*e.counted == want, "the daemon counted %s; the producer read %s", e.counted, want)
	}
}

// checkPassport: the proof is accepted by somebody else, is about this daemon, and has every move in it.
func (e *evidence) checkPassport(t *tally) {
	p := e.passport
	t.require(p.verified, "peer verify does not accept the passport: %s", strings.TrimSpace(p.output))
	t.require(p.entity == e.head.ID, "the passport is that of %s, the daemon is %s", p.entity, e.head.ID)
	t.require(p.handovers == e.handovers(), "the passport has %s; there were %s", count(p.handovers, "handover"), count(e.handovers(), "move"))
}

// handovers is how many moves there were.
func (e *evidence) handovers() (n int) {
	for _, m := range e.moves {
		if m.outcome == client.OutcomeMoved {
			n++
		}
	}
	return n
}

// String is the count for people.
func (t textJSON) String() string {
	return fmt.Sprintf("%s lines, %s words, %s bytes", comma(t.Lines), comma(t.Words), comma(t.Bytes))
}

// comma groups digits, as all counts for people are.
func comma(n uint64) string { return humanize.Comma(int64(n)) }
