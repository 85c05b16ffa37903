package bench

import (
	"fmt"
	"strings"
	"time"
)

// metric is a figure that a condition can name.
type metric struct {
	name  string
	unit  unit
	moves bool                          // there is none without a move
	value func(*Report) (float64, bool) // false: not measured
}

// MetricNames are the figures that a condition can name, in the order of the report.
func MetricNames() (names []string) {
	for _, m := range metrics() {
		names = append(names, m.name)
	}
	return names
}

// metricNamed finds a metric.
func metricNamed(name string) (metric, bool) {
	for _, m := range metrics() {
		if m.name == name {
			return m, true
		}
	}
	return metric{}, false
}

// metrics is the one list of them.
func metrics() (all []metric) {
	for _, q := range []struct {
		name  string
		moves bool
		of    func(*Report) Quantiles
	}{
		{"blackout", true, func(r *Report) Quantiles { return r.Blackout }},
		{"producer_blackout", true, func(r *Report) Quantiles { return r.ProducerBlackout }},
		{"ack_rest", false, func(r *Report) Quantiles { return r.AckRest }},
		{"ack_home", false, func(r *Report) Quantiles { return r.AckHome }},
		{"ack_away", true, func(r *Report) Quantiles { return r.AckAway }},
		{"ack_moving", true, func(r *Report) Quantiles { return r.AckMoving }},
	} {
		all = append(all, quantileMetrics(q.name, q.moves, q.of)...)
	}
	return append(all,
		metric{"transfer_p50", bytesPer, true, func(r *Report) (float64, bool) { return float64(r.Transfer.P50), r.Transfer.Count > 0 }},
		metric{"transfer_min", bytesPer, true, func(r *Report) (float64, bool) { return float64(r.Transfer.Min), r.Transfer.Count > 0 }},
		metric{"moves_rate", perSec, true, func(r *Report) (float64, bool) { return r.MovesRate, r.Moves > 0 }},
		metric{"events_rate", perSec, false, func(r *Report) (float64, bool) { return r.Events.Rate, r.Events.Acknowledged > 0 }},
		metric{"lost", events, false, func(r *Report) (float64, bool) { return float64(r.Events.Lost), r.Events.Checked }},
		metric{"twice", events, false, func(r *Report) (float64, bool) { return float64(r.Events.Twice), r.Events.Checked }},
	)
}

// quantileMetrics are the four figures of one histogram.
func quantileMetrics(name string, moves bool, of func(*Report) Quantiles) (all []metric) {
	for _, q := range []struct {
		suffix string
		pick   func(Quantiles) time.Duration
	}{
		{"p50", func(q Quantiles) time.Duration { return q.P50 }}, {"p90", func(q Quantiles) time.Duration { return q.P90 }},
		{"p99", func(q Quantiles) time.Duration { return q.P99 }}, {"max", func(q Quantiles) time.Duration { return q.Max }},
	} {
		all = append(all, metric{name + "_" + q.suffix, duration, moves, func(r *Report) (float64, bool) {
			return float64(q.pick(of(r))), of(r).Count > 0
		}})
	}
	return all
}

// MetricsHelp lists the figures for people: those of one histogram in a line, with an example of a value.
func MetricsHelp() string {
	var b strings.Builder
	last := ""
	for _, m := range metrics() {
		group, _, _ := strings.Cut(m.name, "_p")
		group = strings.TrimSuffix(group, "_max")
		if group == last {
			b.WriteString(" " + m.name)
			continue
		}
		last = group
		fmt.Fprintf(&b, "\n  %-9s %s", m.unit.example, m.name)
	}
	return strings.TrimPrefix(b.String(), "\n")
}
