package demo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// applied is the record of a daemon that has applied these events of the producer {1}, in this order.
func applied(events ...string) kinds.Report {
	var a kinds.Audit
	for i, e := range events {
		var seq uint64
		if _, err := fmt.Sscanf(e, "%d", &seq); err != nil {
			panic(err)
		}
		a.Record(daemon.Event{
			Link: crypto.CausalLink{Sequence: uint64(i) + 1}, Kind: crypto.EventInput,
			Producer: crypto.ProducerID{1}, ProducerSeq: seq, Payload: []byte(e),
		})
	}
	r, _ := a.Producer(crypto.ProducerID{1})
	return r
}

// perfect is the evidence of a run in which everything held: ten events, two moves and a killed target.
func perfect() *evidence {
	var trail kinds.AuditTrail
	var events []string
	for i := range 10 {
		e := fmt.Sprintf("%d event\n", i+1)
		trail.Record(uint64(i)+1, []byte(e))
		events = append(events, e)
	}
	moved := func(from, to string, epoch uint64) move {
		return move{from: from, to: to, outcome: client.OutcomeMoved, gap: 4 * time.Millisecond, stats: client.Stats{
			SnapshotBytes: 64 << 20, Transfer: 300 * time.Millisecond, EventsDuring: 1412, Blackout: 3100 * time.Microsecond, Epoch: epoch,
		}}
	}
	killed := move{from: "bravo", to: "charlie", killed: true, outcome: client.OutcomeStayed, detail: "no progress for 2s while copying", gap: 5 * time.Millisecond, stats: client.Stats{
		SnapshotBytes: 64 << 20, SnapshotSent: 33 << 20, EventsDuring: 6016, Epoch: 2,
	}}
	return &evidence{
		acks: ackFigures{
			sent: 10, acknowledged: 10, p50: 300 * time.Microsecond, p99: 1900 * time.Microsecond,
			longest: 6200 * time.Microsecond, gap: 1200 * time.Millisecond,
		},
		trail: &trail, applied: applied(events...), producers: 1,
		steps: 3, moves: []move{moved("alpha", "bravo", 2), killed, moved("bravo", "charlie", 3)}, holder: "charlie",
		head:  client.Daemon{ID: "e0", State: client.StateServing, Sequence: 12, Epoch: 3, Holder: client.Node{Name: "charlie"}},
		check: stateCheck{OK: true}, passport: proof{entity: "e0", handovers: 2, verified: true},
		peaks: map[string]uint64{"charlie": 0, "alpha": 150 << 20, "bravo": 1 << 30},
	}
}

func TestTallyPass(t *testing.T) {
	if got := perfect().tally(); len(got.problems) != 0 || !got.verdict.Clean() {
		t.Errorf("got %+v", got)
	}
}

// TestTallyPlanted: whatever goes wrong is found and named, and nothing else is.
func TestTallyPlanted(t *testing.T) {
	for what, c := range map[string]struct {
		plant func(e *evidence)
		want  []string
	}{
		"lost": {func(e *evidence) {
			e.applied, e.head.Sequence = without(4), 11
		}, []string{"(lost): 1", "10 events were sent and 9 applied"}},
		"lost, and the log says otherwise": {func(e *evidence) {
			e.applied = without(4)
		}, []string{"(lost): 1", "10 events were sent and 9 applied", "the log has 12 entries"}},
		"applied twice": {func(e *evidence) {
			e.applied, e.head.Sequence = applied(twice(7)...), 13
		}, []string{"(duplicated): 1", "10 events were sent and 11 applied"}},
		"altered": {func(e *evidence) {
			events := ten()
			events[2] = "3 EVENT\n"
			e.applied = applied(events...)
		}, []string{"other bytes"}},
		"reordered": {func(e *evidence) {
			events := ten()
			events[2], events[3] = events[3], events[2]
			e.applied = applied(events...)
		}, []string{"another order"}},
		"foreign":          {func(e *evidence) { e.applied, e.head.Sequence = applied(append(ten(), "11 more\n")...), 13 }, []string{"never sent", "11 applied"}},
		"a stranger":       {func(e *evidence) { e.producers = 2 }, []string{"2 producers"}},
		"not acknowledged": {func(e *evidence) { e.acks.acknowledged = 9 }, []string{"9 of 10 events were acknowledged"}},
		"a refusal":        {func(e *evidence) { e.acks.problem = errors.New("event 3 was refused") }, []string{"event 3 was refused"}},
		"an extra entry":   {func(e *evidence) { e.head.Sequence++ }, []string{"the log has 13 entries"}},
		"frozen":           {func(e *evidence) { e.head.State = client.StateFrozen }, []string{`"frozen" at charlie`}},
		"elsewhere":        {func(e *evidence) { e.head.Holder.Name = "alpha" }, []string{`at "alpha", not at "charlie"`}},
		"broken state":     {func(e *evidence) { e.check = stateCheck{Problem: "sum is 3"} }, []string{"sum is 3"}},
		"miscounted text": {func(e *evidence) {
			e.counted, e.read = &textJSON{Lines: 9, Words: 20, Bytes: 81}, textCount{lines: 10, words: 20, bytes: 81}
		}, []string{"counted 9 lines, 20 words, 81 bytes; the producer read 10 lines"}},
		"a bad passport":     {func(e *evidence) { e.passport.verified, e.passport.output = false, "bad signature\n" }, []string{"bad signature"}},
		"another's passport": {func(e *evidence) { e.passport.entity = "f1" }, []string{"that of f1"}},
		"a short passport":   {func(e *evidence) { e.passport.handovers = 1 }, []string{"1 handover; there were 2 moves"}},
		"a bad move":         {func(e *evidence) { e.moves[0].problem = "it is slow" }, []string{"alpha -> bravo: it is slow"}},
		"an early end":       {func(e *evidence) { e.steps = 4 }, []string{"3 of 4 steps"}},
		"a crash":            {func(e *evidence) { e.crashed = []string{"alpha"} }, []string{"by itself: alpha"}},
		"no answers":         {func(e *evidence) { e.unknown = errors.New("nobody answers") }, []string{"nobody answers"}},
	} {
		e := perfect()
		c.plant(e)
		if got := e.tally().problems; !namesAll(got, c.want) {
			t.Errorf("%s: got %q, want %q", what, got, c.want)
		}
	}
}

// namesAll reports whether there is one problem for each word, and no other.
func namesAll(problems, words []string) bool {
	return len(problems) == len(words) && !slices.ContainsFunc(words, func(word string) bool {
		return !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, word) })
	})
}

// ten are the events that the perfect run has applied.
func ten() (events []string) {
	for i := range 10 {
		events = append(events, fmt.Sprintf("%d event\n", i+1))
	}
	return events
}

func without(seq int) kinds.Report { return applied(slices.Delete(ten(), seq-1, seq)...) }

func twice(seq int) []string {
	return slices.Insert(ten(), seq, ten()[seq-1])
}

// TestTextCount holds the count against one that splits the whole text.
func TestTextCount(t *testing.T) {
	text := "a b\tc\r\n\n \x01\x02 \xff\xfe\nword\x80 d\ve\f!"
	var c textCount
	for _, cut := range []int{3, 1, 9, len(text)} {
		n := min(cut, len(text))
		c.add([]byte(text[:n]))
		text = text[n:]
	}
	if want := (textCount{lines: 3, words: 7, bytes: 26, inWord: true}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
}
