package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Condition is a figure that is held against a limit. The run fails if it holds.
type Condition struct {
	Text   string // as it was typed
	metric metric
	op     string
	limit  float64 // in the metric's unit
}

// Finding is a condition that held, or that could not be judged.
type Finding struct {
	Condition string  `json:"condition"`
	Metric    string  `json:"metric"`
	Unit      string  `json:"unit"` // of the three below: ns, bytes/s, 1/s, or events
	Value     float64 `json:"value"`
	Limit     float64 `json:"limit"`
	By        float64 `json:"by"` // how far the value is from the limit
	// Unknown is set if the run has no such figure. The condition counts as one that holds: a check that could
	// not be made has not been passed.
	Unknown bool `json:"unknown,omitempty"`
	text    string
}

// String says which condition held and by how much.
func (f Finding) String() string { return f.text }

// operators in the order in which they are looked for: the longer before its own beginning.
var operators = []string{">=", "<=", "==", "!=", ">", "<"}

// ParseCondition reads "METRIC OPERATOR VALUE", with or without spaces. Values of times have a unit of time,
// those of rates of bytes a unit of bytes.
func ParseCondition(text string) (Condition, error) {
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return Condition{}, fmt.Errorf("'%s' has no comparison; write 'blackout_p99>50ms'", text)
	}
	c := Condition{Text: text}
	name, rest := strings.TrimSpace(text[:at]), text[at:]
	for _, op := range operators {
		if value, found := strings.CutPrefix(rest, op); found {
			c.op, rest = op, strings.TrimSpace(value)
			break
		}
	}
	if c.op == "" {
		return c, fmt.Errorf("'%s' compares with none of %s", text, strings.Join(operators, " "))
	}
	var known bool
	if c.metric, known = metricNamed(name); !known {
		return c, fmt.Errorf("'%s': there is no %q; there are %s", text, name, strings.Join(MetricNames(), ", "))
	}
	limit, err := c.metric.unit.parse(rest)
	if err != nil {
		return c, fmt.Errorf("'%s': %w", text, err)
	}
	c.limit = limit
	return c, nil
}

// Check holds the condition against a report. The finding means nothing unless it holds.
func (c Condition) Check(r *Report) (f Finding, holds bool) {
	value, known := c.metric.value(r)
	f = Finding{Condition: c.Text, Metric: c.metric.name, Unit: c.metric.unit.name, Value: value, Limit: c.limit}
	if !known {
		f.Unknown, f.text = true, fmt.Sprintf("%s was not measured, so '%s' cannot be told", c.metric.name, c.Text)
		return f, true
	}
	f.By = max(value-c.limit, c.limit-value)
	f.text = c.sentence(f)
	switch c.op {
	case ">":
		return f, value > c.limit
	case ">=":
		return f, value >= c.limit
	case "<":
		return f, value < c.limit
	case "<=":
		return f, value <= c.limit
	case "==":
		return f, value == c.limit
	}
	return f, value != c.limit
}

// sentence says on which side of the limit the value is, whatever the comparison was.
func (c Condition) sentence(f Finding) string {
	show := c.metric.unit.text
	side := "equal to"
	switch {
	case f.Value > f.Limit:
		side = show(f.By) + " above"
	case f.Value < f.Limit:
		side = show(f.By) + " below"
	}
	return fmt.Sprintf("%s is %s, %s the limit of '%s'", f.Metric, show(f.Value), side, c.Text)
}

// unit is how a figure is written and read.
type unit struct {
	name    string
	example string
	parse   func(text string) (float64, error)
	text    func(v float64) string
}

var (
	duration = unit{"ns", "50ms", parseDuration, func(v float64) string { return span(time.Duration(v)) }}
	bytesPer = unit{"bytes/s", "100MiB/s", parseBytesPer, func(v float64) string { return humanize.IBytes(uint64(v)) + "/s" }}
	perSec   = unit{"1/s", "3.5/s", parsePer, func(v float64) string { return rate(v) + "/s" }}
	events   = unit{"events", "0", parseCount, func(v float64) string { return humanize.Comma(int64(v)) }}
)

func parseDuration(text string) (float64, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a time; write 50ms or 1.5s", text)
	}
	return float64(d), nil
}

func parseBytesPer(text string) (float64, error) {
	n, err := humanize.ParseBytes(strings.TrimSuffix(text, "/s"))
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of bytes per second; write 100MiB/s", text)
	}
	return float64(n), nil
}

func parsePer(text string) (float64, error) {
	n, unit, err := humanize.ParseSI(strings.TrimSuffix(text, "/s"))
	if err != nil || unit != "" || !(n >= 0) {
		return 0, fmt.Errorf("%q is not a number per second; write 3.5/s or 20k/s", text)
	}
	return n, nil
}

func parseCount(text string) (float64, error) {
	n, err := strconv.ParseUint(text, 10, 53)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of events; write 0", text)
	}
	return float64(n), nil
}
