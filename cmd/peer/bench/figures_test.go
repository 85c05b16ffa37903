package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// ms is a moment of the tests' own clock.
func ms(n int) time.Time { return time.Unix(0, 0).Add(time.Duration(n) * time.Millisecond) }

// TestFiguresAreKeptApart: at home, away, during moves; what was beside a move of another daemon is in none of them.
func TestFiguresAreKeptApart(t *testing.T) {
	f := newFigures()
	for i := 1; i <= 100; i++ {
		f.sent()
		f.acked(atHome, time.Duration(i)*time.Millisecond)
		f.acked(beside, time.Hour)
	}
	f.acked(away, 2*time.Hour) // more than the histogram has: its end
	f.acked(moving, 0)
	f.moved(client.Stats{Blackout: 3 * time.Millisecond, SnapshotBytes: 64 << 20, Transfer: 250 * time.Millisecond})
	f.moved(client.Stats{Blackout: 5 * time.Millisecond})
	f.moved(client.Stats{}) // nobody could tell
	f.silent(7 * time.Millisecond)
	f.round(500 * time.Millisecond)
	var r Report
	f.fill(&r, 2*time.Second)
	near := func(got, want time.Duration) bool { return got >= want && got <= want+want/500 }
	if q := r.AckHome; q.Count != 100 || !near(q.P50, 50*time.Millisecond) || !near(q.P90, 90*time.Millisecond) || !near(q.P99, 99*time.Millisecond) || !near(q.Max, 100*time.Millisecond) {
		t.Errorf("at home %+v", q)
	}
	if r.AckRest.Count != 101 || r.AckAway.Count != 1 || !near(r.AckAway.Max, time.Hour) || r.AckMoving.Count != 1 {
		t.Errorf("at rest %+v, away %+v, moving %+v", r.AckRest, r.AckAway, r.AckMoving)
	}
	if r.Moves != 3 || r.MovesRate != 6 || r.Blackout.Count != 2 || !near(r.Blackout.Max, 5*time.Millisecond) || !near(r.ProducerBlackout.P50, 7*time.Millisecond) {
		t.Errorf("moves %d, %v/s, blackout %+v, %+v", r.Moves, r.MovesRate, r.Blackout, r.ProducerBlackout)
	}
	if rate := float64(r.Transfer.P50) / (256 << 20); r.Transfer.Count != 1 || rate < 0.999 || rate > 1.002 {
		t.Errorf("transfer %+v", r.Transfer)
	}
	if r.Events.Submitted != 100 || r.Events.Acknowledged != 202 || r.Events.Rate != 101 {
		t.Errorf("events %+v", r.Events)
	}
}

// TestSilence: the blackout of the producers is from the last answer of one epoch to the first of the next,
// without the time in which nobody waited; and only a wait is a stall.
func TestSilence(t *testing.T) {
	var s subject
	s.sent(ms(0))
	if _, changed := s.acked(ms(5), 1); changed {
		t.Error("the first answer of all ends no blackout")
	}
	if s.waiting(ms(1000)) != 0 {
		t.Error("nothing is awaited")
	}
	s.sent(ms(1000))
	s.sent(ms(1001))
	if got := s.waiting(ms(1004)); got != 4*time.Millisecond {
		t.Errorf("waiting for %v", got)
	}
	if silence, changed := s.acked(ms(1009), 2); !changed || silence != 9*time.Millisecond {
		t.Errorf("the blackout lasted %v (%v)", silence, changed)
	}
	if _, changed := s.acked(ms(1010), 1); changed {
		t.Error("a late answer of the old holder begins nothing new")
	}
	s.sent(ms(1020))
	if _, changed := s.acked(ms(1021), 2); changed {
		t.Error("the same epoch again ends no blackout")
	}
}

// TestClock: an event that waited for the one before it counts from when it was due, one that a timer was late
// for from then.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, quit := time.Now(), make(chan struct{})
		c := newClock(start, 1000)
		defer c.stop()
		for i := range 5 {
			from, ok := c.next(quit, nil)
			if want := start.Add(time.Duration(i) * time.Millisecond); !ok || !from.Equal(want) || time.Now().Before(from) {
				t.Fatalf("event %d from %v, want %v", i, from, want)
			}
		}
		<-time.After(20 * time.Millisecond) // the node takes no more
		if from, ok := c.next(quit, nil); !ok || !from.Equal(start.Add(5*time.Millisecond)) {
			t.Errorf("an event that was held up counts from %v", from.Sub(start))
		}
		c.woken = start.Add(10 * time.Millisecond) // a timer that was to fire at 5 ms
		if from, ok := c.next(quit, nil); !ok || !from.Equal(c.woken) {
			t.Errorf("an event after a late timer counts from %v", from.Sub(start))
		}
		close(quit)
		if _, ok := c.next(quit, nil); ok {
			t.Error("an event after the end")
		}
	})
}

// record of a daemon that has applied these numbers of the producer {1}.
func applied(seqs ...uint64) kinds.Report {
	var a kinds.Audit
	for i, seq := range seqs {
		a.Record(daemon.Event{
			Link: crypto.CausalLink{Sequence: uint64(i) + 1}, Kind: crypto.EventInput,
			Producer: crypto.ProducerID{1}, ProducerSeq: seq, Payload: []byte{byte(seq)},
		})
	}
	r, _ := a.Producer(crypto.ProducerID{1})
	return r
}

// TestJudge: what was acknowledged is applied once; what was not may have been, or not.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		what    string
		applied kinds.Report
		want    Events
	}{
		{"all", applied(1, 2, 3), Events{Applied: 3}},
		{"and the one that was not acknowledged", applied(1, 2, 3, 4), Events{Applied: 4}},
		{"lost", applied(1, 3), Events{Applied: 2, Lost: 1}},
		{"twice", applied(1, 2, 2, 3), Events{Applied: 4, Twice: 1}},
		{"never submitted", applied(1, 2, 3, 4, 5), Events{Applied: 5, Wrong: 1}},
		{"in another order", applied(1, 3, 2), Events{Applied: 3, Wrong: 1}},
	} {
		p := producer{submitted: 4, acknowledged: 3}
		for seq := byte(1); seq <= 3; seq++ {
			p.trail.Record(uint64(seq), []byte{seq})
		}
		var e Events
		if p.judge(c.applied, &e); e != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, e, c.want)
		}
	}
}

// TestReport: both forms say the same; rows of which there is nothing are left out.
func TestReport(t *testing.T) {
	r := measured()
	r.judge([]Condition{must(t, "lost>0"), must(t, "blackout_max>50ms")})
	var text, line bytes.Buffer
	if err := errors.Join(r.Write(&text, false), r.Write(&line, true)); err != nil {
		t.Fatal(err)
	}
	want := `blackout                        p50       p90       p99       max          of moves
 as the source reports it    4.0 ms    6.0 ms     61 ms     80 ms          10
 as producers meet it        4.0 ms    6.0 ms     61 ms     80 ms          10
acknowledged after              p50       p90       p99       max          of events
 at rest, at alpha           4.0 ms    6.0 ms     61 ms     80 ms          10
 at rest, at bravo           4.0 ms    6.0 ms     61 ms     80 ms          10
 during moves                4.0 ms    6.0 ms     61 ms     80 ms          10
transfer   median 200 MiB/s, slowest 50 MiB/s
moves      10 in 2.00 s: 5.0/s
events     submitted 4,000, acknowledged 4,000 (1,999/s of 2,000/s asked for)
checked    applied 4,000: lost 0, twice 0
FAIL       blackout_max is 80 ms, 30 ms above the limit of 'blackout_max>50ms'
`
	if text.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", text.String(), want)
	}
	var back Report
	if err := json.Unmarshal(line.Bytes(), &back); err != nil || back.Blackout != r.Blackout || len(back.Findings) != 1 || back.Findings[0].By != float64(30*time.Millisecond) {
		t.Errorf("printed %s: %v", line.String(), err)
	}
	text.Reset()
	empty := Report{Home: "alpha", Events: Events{Lost: 1, Wrong: 2}}
	if err := empty.Write(&text, false); err != nil || strings.Contains(text.String(), "blackout") || !strings.Contains(text.String(), "not every daemon could be asked") || !strings.Contains(text.String(), "wrong      2 events ") {
		t.Errorf("an empty report is\n%s", text.String())
	}
}

func must(t *testing.T, text string) Condition {
	t.Helper()
	c, err := ParseCondition(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
