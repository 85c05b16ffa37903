package main

import (
	"math"
	"slices"
	"testing"
)

func TestQuantileIsTheNearestRank(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.2: 1, 0.5: 3, 0.81: 5, 0.99: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median %g, want 2.5", got)
	}
	if !math.IsNaN(median(nil)) || !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("nothing measured has a median")
	}
}

func TestContendersTakeTurns(t *testing.T) {
	var order []string
	contender := func(name string) func() (float64, error) {
		return func() (float64, error) { order = append(order, name); return float64(len(order)), nil }
	}
	figures, err := alternate(3, contender("a"), contender("b"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "b", "a", "a", "b"}; !slices.Equal(order, want) {
		t.Errorf("ran %v, want %v", order, want)
	}
	if want := []float64{1, 4, 5}; !slices.Equal(figures[0], want) {
		t.Errorf("figures of a: %v, want %v", figures[0], want)
	}
}

func TestVerdictSaysByHowMuch(t *testing.T) {
	for _, c := range []struct {
		ratio float64
		goal  goal
		want  string
	}{
		{2, within(2), "ok"}, {3, within(2), "MISS by 50 %"}, {0.6, reach(0.6), "ok"}, {0.3, reach(0.6), "MISS by 50 %"},
		{9, noGoal(), "–"}, {0, zero("locks"), "ok"}, {2, zero("locks"), "MISS by 2 locks"},
	} {
		if got := (row{ratio: c.ratio, goal: c.goal}).verdict(); got != c.want {
			t.Errorf("%g against %v: %q, want %q", c.ratio, c.goal, got, c.want)
		}
	}
	if !(row{ratio: math.NaN(), goal: within(2)}).missed() {
		t.Error("a figure that was not measured meets its goal")
	}
}

func TestBlocksKeepEverySample(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7}
	if got, want := blocks(values, 3, 1), []float64{2, 4, 7}; !slices.Equal(got, want) {
		t.Errorf("greatest of each block %v, want %v", got, want)
	}
	if got := blocks(values[:2], 7, 0.5); len(got) != 2 {
		t.Errorf("%d blocks of 2 samples", len(got))
	}
}
