package bench

import (
	"strings"
	"testing"
	"time"
)

// measured is a report in which every figure is known.
func measured() *Report {
	q := Quantiles{Count: 10, P50: 4 * time.Millisecond, P90: 6 * time.Millisecond, P99: 61200 * time.Microsecond, Max: 80 * time.Millisecond}
	return &Report{
		Home: "alpha", Targets: []string{"bravo"}, Rate: 2000,
		Blackout: q, ProducerBlackout: q, AckRest: q, AckHome: q, AckAway: q, AckMoving: q,
		Transfer: Transfer{Count: 10, P50: 200 << 20, Min: 50 << 20}, Moves: 10, Moving: 2 * time.Second, MovesRate: 5,
		Events: Events{Submitted: 4000, Acknowledged: 4000, Rate: 1999, Checked: true, Applied: 4000},
	}
}

// TestConditions: each comparison, each unit, spaces or not; a condition that holds says by how much.
func TestConditions(t *testing.T) {
	for text, want := range map[string]string{
		"blackout_p99>50ms":         "blackout_p99 is 61 ms, 11 ms above the limit of 'blackout_p99>50ms'",
		" blackout_p50 >= 4ms ":     "blackout_p50 is 4.0 ms, equal to the limit of ' blackout_p50 >= 4ms '",
		"blackout_p50>4ms":          "",
		"blackout_p50<4ms":          "",
		"blackout_p50<=4ms":         "blackout_p50 is 4.0 ms, equal to",
		"ack_rest_max==80ms":        "ack_rest_max is 80 ms, equal to",
		"ack_away_p90!=6ms":         "",
		"ack_moving_p90!=6.5ms":     "ack_moving_p90 is 6.0 ms, 500 us below",
		"transfer_min<100MiB/s":     "transfer_min is 50 MiB/s, 50 MiB/s below",
		"transfer_p50<100MB":        "",
		"moves_rate<5.5/s":          "moves_rate is 5.0/s, 0.5/s below",
		"events_rate<2k":            "events_rate is 1,999/s, 1.0/s below",
		"lost>0":                    "",
		"twice==0":                  "twice is 0, equal to",
		"producer_blackout_p99>1us": "producer_blackout_p99 is 61 ms, 61 ms above",
		"ack_home_p50 > 0":          "ack_home_p50 is 4.0 ms, 4.0 ms above",
	} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		f, holds := c.Check(measured())
		if holds != (want != "") || holds && !strings.HasPrefix(f.String(), want) {
			t.Errorf("%q: holds %v: %s; want %q", text, holds, f, want)
		}
	}
}

// TestConditionsThatMeanNothing are refused, and what there is is named.
func TestConditionsThatMeanNothing(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "no comparison",
		"blackout_p99":         "no comparison",
		"blakout_p99>50ms":     "there are blackout_p50, blackout_p90",
		">50ms":                `there is no ""`,
		"blackout_p99>50":      "write 50ms",
		"blackout_p99>":        "write 50ms",
		"blackout_p99>-1ms":    "write 50ms",
		"blackout_p99>>1ms":    "write 50ms",
		"blackout_p99=1ms":     "compares with none of >= <= == != > <",
		"blackout_p99!1ms":     "compares with none",
		"transfer_p50<fast":    "write 100MiB/s",
		"moves_rate<3 per day": "write 3.5/s",
		"moves_rate<NaN":       "write 3.5/s",
		"lost>0.5":             "write 0",
		"lost>-1":              "write 0",
	} {
		if _, err := ParseCondition(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

// TestConditionsOnWhatWasNotMeasured hold: a check that could not be made has not been passed.
func TestConditionsOnWhatWasNotMeasured(t *testing.T) {
	for _, name := range MetricNames() {
		c, err := ParseCondition(name + ">0")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f, holds := c.Check(&Report{})
		if !holds || !f.Unknown || !strings.Contains(f.String(), "was not measured") {
			t.Errorf("%s of an empty report: holds %v, %s", name, holds, f)
		}
		if f, _ := c.Check(measured()); f.Unknown {
			t.Errorf("%s of a full report is unknown", name)
		}
	}
	if help := MetricsHelp(); !strings.Contains(help, "blackout_p50 blackout_p90 blackout_p99 blackout_max\n") {
		t.Errorf("the help lists\n%s", help)
	}
}
