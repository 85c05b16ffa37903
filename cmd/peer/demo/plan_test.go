package demo

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
)

func TestPlan(t *testing.T) {
	for moves, want := range map[int][]step{
		1: {{0, 1, true}, {0, 1, false}},
		2: {{0, 1, false}, {1, 2, true}, {1, 2, false}},
		5: {{0, 1, false}, {1, 2, true}, {1, 2, false}, {2, 0, false}, {0, 1, false}, {1, 2, false}},
	} {
		if got := plan(moves, 3); !slices.Equal(got, want) {
			t.Errorf("%d moves: got %v, want %v", moves, got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		total int64
		n     int
		want  []int64
	}{
		{100, 3, []int64{25, 50, 75, unlimited}},
		{10, 4, []int64{2, 4, 6, 8, unlimited}},
		{1, 3, []int64{0, 0, 0, unlimited}},
		{math.MaxInt64, 1, []int64{math.MaxInt64 / 2, unlimited}},
		{math.MaxInt64, 3, []int64{math.MaxInt64 / 4, math.MaxInt64 / 2, 6917529027641081855, unlimited}},
	} {
		if got := spread(c.total, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d bytes, %d steps: got %v, want %v", c.total, c.n, got, c.want)
		}
	}
}

// TestGateHolds: no more passes than belongs before the next step, and a step waits for what belongs
// before it.
func TestGateHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		g := newGate(10)
		reached := make(chan struct{})
		go func() {
			if err := g.reach(ctx, 8); err != nil {
				t.Error(err)
			}
			close(reached)
		}()
		passed := 0
		go func() {
			for range 5 {
				if _, err := g.pass(ctx, 4); err != nil {
					t.Error(err)
				}
				passed++
			}
			g.end()
		}()
		<-reached
		synctest.Wait()
		if passed != 3 {
			t.Errorf("%d payloads of 4 bytes passed a limit of 10, want 3", passed)
		}
		g.raise(10) // lets one through, though the limit has been reached
		synctest.Wait()
		if passed != 4 {
			t.Errorf("%d payloads passed after the limit was raised, want 4", passed)
		}
		g.raise(unlimited)
		if err := g.reach(ctx, 1000); err != nil || passed != 5 {
			t.Errorf("the end after %d payloads: %v", passed, err)
		}
	})
}

func TestGateInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := newGate(0)
		ended := make(chan error, 2)
		go func() { _, err := g.pass(ctx, 1); ended <- err }()
		go func() { ended <- g.reach(ctx, 1) }()
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
	})
}
