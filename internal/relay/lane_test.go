package relay

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// start is the virtual time at which tests begin.
var start = time.Unix(1_000_000, 0)

// arrival is one copy that came out of a lane.
type arrival struct {
	n  int           // which packet
	at time.Duration // since start
}

// drive sends n packets of a size, one every gap, through a lane, and returns what came out and when. The
// virtual clock stops at every moment at which something happens.
func drive(l *lane, n, size int, gap time.Duration) (out []arrival) {
	drain := func(until time.Time) {
		for due, ok := l.next(); ok && !due.After(until); due, ok = l.next() {
			p, _ := l.pop(due)
			p.send(binary.BigEndian.AppendUint64(p.data[:0:0], uint64(due.Sub(start))))
		}
	}
	for i := range n {
		now := start.Add(time.Duration(i) * gap)
		drain(now)
		l.take(now, make([]byte, size), func(at []byte) {
			out = append(out, arrival{i, time.Duration(binary.BigEndian.Uint64(at))})
		})
	}
	drain(start.Add(1000 * time.Hour))
	return out
}

// order is the packets in the order of their arrival.
func order(out []arrival) []int {
	list := make([]int, len(out))
	for i, a := range out {
		list[i] = a.n
	}
	return list
}

func laneWith(seed uint64, r Rules) *lane {
	l := newLane(seed, 0, 1<<30)
	l.set(r)
	return l
}

func TestNothingHappensWithoutRules(t *testing.T) {
	for i, a := range drive(laneWith(1, Rules{}), 100, 50, time.Millisecond) {
		if a.n != i || a.at != time.Duration(i)*time.Millisecond {
			t.Fatalf("arrival %d is %+v", i, a)
		}
	}
}

func TestDelayIsExactAndJitterBounded(t *testing.T) {
	const delay, jitter = 20 * time.Millisecond, 5 * time.Millisecond
	for i, a := range drive(laneWith(1, Rules{Delay: delay}), 50, 50, time.Millisecond) {
		if a.at != time.Duration(i)*time.Millisecond+delay {
			t.Fatalf("packet %d took %v", i, a.at)
		}
	}
	var took []time.Duration
	out := drive(laneWith(1, Rules{Delay: delay, Jitter: jitter}), 200, 50, 10*time.Millisecond)
	for i, a := range out {
		took = append(took, a.at-time.Duration(i)*10*time.Millisecond)
	}
	if least, most := slices.Min(took), slices.Max(took); least < delay || most > delay+jitter || most-least < jitter/2 {
		t.Errorf("packets took from %v to %v", least, most)
	}
}

// TestJitterKeepsTheOrder: packets closer together than the jitter wait for each other.
func TestJitterKeepsTheOrder(t *testing.T) {
	if got := order(drive(laneWith(3, Rules{Jitter: 50 * time.Millisecond}), 500, 50, time.Millisecond)); !slices.IsSorted(got) {
		t.Errorf("order %v", got)
	}
}

// share is how often something happened, within four standard deviations of what was asked for.
func share(t *testing.T, what string, got uint64, n int, want float64) {
	t.Helper()
	if off := math.Abs(float64(got)/float64(n) - want); off > 4*math.Sqrt(want*(1-want)/float64(n)) {
		t.Errorf("%s: %d of %d, asked for %v", what, got, n, want)
	}
}

func TestSharesAreThoseAskedFor(t *testing.T) {
	const n = 20_000
	for seed := range uint64(5) {
		l := laneWith(seed, Rules{Loss: 0.1, Duplicate: 0.05, Reorder: 0.2})
		out := drive(l, n, 50, time.Millisecond)
		kept := int(l.stats.Queued)
		what := fmt.Sprintf("seed %d: ", seed)
		share(t, what+"lost", l.stats.Lost, n, 0.1)
		share(t, what+"duplicated", l.stats.Duplicated, kept, 0.05)
		share(t, what+"reordered", l.stats.Reordered, kept, 0.2)
		if kept+int(l.stats.Lost) != n || len(out) != kept+int(l.stats.Duplicated) || l.stats.Sent != uint64(len(out)) {
			t.Errorf("%s%+v does not add up to %d packets and %d arrivals", what, l.stats, n, len(out))
		}
	}
}

func TestReorderedPacketsAreOvertaken(t *testing.T) {
	l := laneWith(7, Rules{Reorder: 0.1, ReorderBy: 5 * time.Millisecond})
	out := drive(l, 300, 50, time.Millisecond)
	overtaken := 0
	for i, a := range out {
		switch late := a.at - time.Duration(a.n)*time.Millisecond; {
		case late != 0 && late != 5*time.Millisecond:
			t.Fatalf("packet %d is late by %v", a.n, late)
		case late != 0 && i > 0 && out[i-1].n > a.n:
			overtaken++
		}
	}
	// The last few may have nobody behind them.
	if n := int(l.stats.Reordered); n < 10 || overtaken < n-5 {
		t.Errorf("%d reordered, %d overtaken", n, overtaken)
	}
}

// TestRate: the line carries what the rate says, and packets wait for those before them.
func TestRate(t *testing.T) {
	out := drive(laneWith(1, Rules{Rate: 10_000, Delay: time.Second}), 100, 100, 0)
	for i, a := range out {
		if want := time.Duration(i+1)*10*time.Millisecond + time.Second; a.n != i || a.at != want {
			t.Fatalf("arrival %d is %+v, want %v", i, a, want)
		}
	}
}

func TestQueueIsBounded(t *testing.T) {
	l := newLane(1, 0, 1000)
	l.set(Rules{Delay: time.Hour, Duplicate: 1})
	out := drive(l, 20, 100, 0)
	if len(out) != 10 || l.stats.Overflow != 15 || l.bytes != 0 {
		t.Errorf("%d arrivals, %+v, %d bytes left", len(out), l.stats, l.bytes)
	}
}

func TestCutDropsWhatComesAndWhatIsOnItsWay(t *testing.T) {
	l := laneWith(1, Rules{Delay: time.Second})
	l.take(start, []byte("on its way"), nil)
	l.set(Rules{Cut: true})
	l.take(start, []byte("too late"), nil)
	if _, any := l.next(); any || l.stats.CutQueued != 1 || l.stats.Cut != 1 || l.bytes != 0 {
		t.Errorf("something is left: %+v", l.stats)
	}
	l.set(Rules{})
	if out := drive(l, 3, 10, 0); len(out) != 3 {
		t.Errorf("%d arrivals after the cut", len(out))
	}
}

// TestSameSeedSameFate, and a rule that is added leaves the decisions of the others alone.
func TestSameSeedSameFate(t *testing.T) {
	rules := Rules{Loss: 0.2, Duplicate: 0.1, Jitter: 3 * time.Millisecond}
	run := func(seed uint64, r Rules) []arrival { return drive(laneWith(seed, r), 500, 50, 10*time.Millisecond) }
	if !slices.Equal(run(5, rules), run(5, rules)) {
		t.Error("the same seed gave two results")
	}
	if slices.Equal(run(5, rules), run(6, rules)) {
		t.Error("two seeds gave the same result")
	}
	more := rules
	more.Reorder, more.ReorderBy = 0.3, 25*time.Millisecond
	a, b := order(run(5, rules)), order(run(5, more))
	if slices.Equal(a, b) {
		t.Error("reordering changed nothing")
	}
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Error("reordering changed what is lost and repeated")
	}
}

func TestRulesThatMeanNothing(t *testing.T) {
	for _, r := range []Rules{
		{Loss: -0.1}, {Loss: 1.1}, {Loss: math.NaN()}, {Duplicate: 2}, {Reorder: -1}, {Delay: -1}, {Jitter: -1}, {ReorderBy: -1}, {Rate: -1},
	} {
		if r.Check() == nil {
			t.Errorf("%+v is accepted", r)
		}
	}
	if err := (Rules{Cut: true, Loss: 1, Duplicate: 1, Reorder: 1, Rate: 1}).Check(); err != nil {
		t.Error(err)
	}
}
