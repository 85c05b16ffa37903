package demo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
)

// at is a moment of the tests' own clock.
func at(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }

// ack acknowledges an event in a way that has nothing wrong with it.
func ack(a *acks, seq uint64, due, now time.Time) {
	a.answered(seq, due, now, node.Receipt{ProducerSeq: seq, Sequence: seq}, nil)
}

func TestAcksFigures(t *testing.T) {
	a := newAcks()
	for i := range 100 {
		seq := a.send(at(10 * i))
		ack(a, seq, at(10*i), at(10*i+1+i/99*7)) // 1 ms, but 8 ms for the last
	}
	f := a.figures()
	if f.sent != 100 || f.acknowledged != 100 || f.refused != 0 || f.problem != nil {
		t.Errorf("counted %+v", f)
	}
	near := func(got, want time.Duration) bool { return got >= want && got < want+want/500 }
	if !near(f.p50, time.Millisecond) || !near(f.p99, time.Millisecond) || f.longest != 8*time.Millisecond {
		t.Errorf("latencies %v %v %v, want 1ms 1ms 8ms", f.p50, f.p99, f.longest)
	}
}

// TestAcksGap: a gap counts while something is awaited, not while nothing is.
func TestAcksGap(t *testing.T) {
	a := newAcks()
	ack(a, a.send(at(0)), at(0), at(2))
	first, second := a.send(at(1000)), a.send(at(1001)) // after a second without anything to wait for
	ack(a, first, at(1000), at(1005))
	ack(a, second, at(1001), at(1030))
	if f := a.figures(); f.gap != 25*time.Millisecond {
		t.Errorf("longest gap %v, want 25ms", f.gap)
	}
	if got := a.takeGap(); got != 25*time.Millisecond {
		t.Errorf("gap of the step %v, want 25ms", got)
	}
	ack(a, a.send(at(2000)), at(2000), at(2003))
	if got := a.takeGap(); got != 3*time.Millisecond {
		t.Errorf("gap of the next step %v, want 3ms", got)
	}
}

func TestAcksProblems(t *testing.T) {
	a := newAcks()
	broken := errors.New("no such account")
	a.answered(a.send(at(0)), at(0), at(1), node.Receipt{ProducerSeq: 1}, nil)
	a.answered(a.send(at(0)), at(0), at(1), node.Receipt{}, broken)
	if f := a.figures(); !errors.Is(f.problem, broken) || f.acknowledged != 1 || f.refused != 1 {
		t.Errorf("after a refusal: %+v", f)
	}
	b := newAcks()
	b.answered(b.send(at(0)), at(0), at(1), node.Receipt{ProducerSeq: 7}, nil)
	if f := b.figures(); f.problem == nil || !strings.Contains(f.problem.Error(), "number 7") {
		t.Errorf("after a wrong number: %v", f.problem)
	}
}

func TestAcksMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcks()
		before := a.send(at(0))
		by := make(chan crypto.NodeID)
		mark := a.mark()
		more := func() {
			id, err := a.more(t.Context(), mark)
			if err != nil {
				t.Error(err)
			}
			by <- id
		}
		go more()
		synctest.Wait()
		ack(a, before, at(0), at(1)) // sent before the mark
		synctest.Wait()
		select {
		case <-by:
			t.Fatal("an event sent before was taken for one sent after")
		default:
		}
		here := crypto.NodeID{1}
		a.answered(a.send(at(2)), at(2), at(3), node.Receipt{ProducerSeq: 2, Holder: here}, nil)
		if id := <-by; id != here {
			t.Errorf("acknowledged by %v, want %v", id, here)
		}
		mark = a.mark()
		go more()
		synctest.Wait()
		a.end()
		if id := <-by; id != (crypto.NodeID{}) {
			t.Errorf("after the end: %v", id)
		}
	})
}

func TestAcksDrained(t *testing.T) {
	a := newAcks()
	if err := a.drained(t.Context()); err != nil {
		t.Errorf("with nothing sent: %v", err)
	}
	a.send(at(0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.drained(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestSchedule: events are due at their own times however late the ones before were, and never early.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := newSchedule(start, 400)
		defer s.stop()
		for i := range 1000 {
			due, err := s.next(t.Context())
			want := start.Add(time.Duration(i) * 2500 * time.Microsecond)
			if err != nil || !due.Equal(want) || time.Now().Before(due) {
				t.Fatalf("event %d: due %v at %v, want %v (%v)", i, due, time.Now(), want, err)
			}
			if i == 500 {
				<-time.After(100 * time.Millisecond) // a hold-up: the next 40 events are late
			}
		}
		if took := time.Since(start); took != 2497500*time.Microsecond {
			t.Errorf("1,000 events at 400/s took %v", took)
		}
	})
}

func TestScheduleUnlimited(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSchedule(time.Now(), 0)
	defer s.stop()
	if _, err := s.next(ctx); err != nil {
		t.Error(err)
	}
	cancel()
	if _, err := s.next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
