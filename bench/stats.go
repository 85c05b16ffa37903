package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// quantile returns the q-quantile of the values, the nearest rank; NaN without any.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// median is the middle value, or the mean of the two middle ones.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// alternate runs the contenders in turn, rounds times, and returns the figures of each. The order turns
// around with every round, so that neither always follows the other.
func alternate(rounds int, contenders ...func() (float64, error)) ([][]float64, error) {
	figures := make([][]float64, len(contenders))
	for round := range rounds {
		for i := range contenders {
			if round%2 == 1 {
				i = len(contenders) - 1 - i
			}
			f, err := contenders[i]()
			if err != nil {
				return nil, err
			}
			figures[i] = append(figures[i], f)
		}
	}
	return figures, nil
}

// pairwise divides the figures of two contenders round by round.
func pairwise(a, b []float64) []float64 {
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return ratios
}

// blocks cuts values, which are in the order of their measurement, into n runs of neighbors and returns the
// q-quantile of each: what a round is for figures that only a crowd of samples has.
func blocks(values []float64, n int, q float64) []float64 {
	n = max(1, min(n, len(values)))
	list := make([]float64, n)
	for i := range list {
		list[i] = quantile(values[i*len(values)/n:(i+1)*len(values)/n], q)
	}
	return list
}

// spread is the smallest and the largest value.
func spread(values []float64) string {
	if len(values) < 2 {
		return ""
	}
	return fmt.Sprintf("%.2f..%.2f", slices.Min(values), slices.Max(values))
}

// compare makes the row of two contenders that were alternated: the ratio of their medians, and the spread
// of the ratios of the rounds.
func compare(what string, ferry, base []float64, show func(float64) string, g goal) row {
	a, b := median(ferry), median(base)
	return row{what, show(a), show(b), a / b, spread(pairwise(ferry, base)), g}
}

// compareQuantile is compare for samples instead of rounds.
func compareQuantile(what string, q float64, ferry, base []float64, g goal) row {
	const rounds = 7
	a, b := quantile(ferry, q), quantile(base, q)
	return row{what, nanos(a), nanos(b), a / b, spread(pairwise(blocks(ferry, rounds, q), blocks(base, rounds, q))), g}
}

// Figures with units.

// nanos shows a duration in nanoseconds.
func nanos(f float64) string {
	switch {
	case f < 1e3:
		return fmt.Sprintf("%.3g ns", f)
	case f < 1e6:
		return fmt.Sprintf("%.4g µs", f/1e3)
	case f < 1e9:
		return fmt.Sprintf("%.4g ms", f/1e6)
	}
	return fmt.Sprintf("%.4g s", f/1e9)
}

// megabytes shows bytes per second.
func megabytes(f float64) string { return fmt.Sprintf("%.0f MB/s", f/1e6) }

// perSecond shows a rate.
func perSecond(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%.3g M/s", f/1e6)
	case f >= 1e4:
		return fmt.Sprintf("%.3g k/s", f/1e3)
	}
	return fmt.Sprintf("%.4g/s", f)
}

// mebibytes shows a size.
func mebibytes(f float64) string { return fmt.Sprintf("%.0f MiB", f/(1<<20)) }

// cpuSeconds shows processor time.
func cpuSeconds(f float64) string { return fmt.Sprintf("%.2f CPU-s", f) }

// plain shows a number without a unit.
func plain(f float64) string { return fmt.Sprintf("%.3g", f) }

// size is a short name for a number of bytes.
func size(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// since is the time since a moment, as the statistics take it.
func since(t time.Time) float64 { return float64(time.Since(t).Nanoseconds()) }
