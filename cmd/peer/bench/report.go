package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Report is what a run has measured. As JSON it is the line of the type "summary".
type Report struct {
	Type       string   `json:"type"`
	Run        string   `json:"run"`
	Complete   bool     `json:"complete"` // every move was made and every event checked
	Home       string   `json:"home"`     // the node that was asked
	Targets    []string `json:"targets"`
	Kind       string   `json:"kind"`
	Durability string   `json:"durability"`
	Daemons    int      `json:"daemons"`
	State      uint64   `json:"state_bytes"`
	Producers  int      `json:"producers"` // of each daemon
	Rate       float64  `json:"rate"`      // asked for, events per second

	// Blackout is as the source of each move reports it; ProducerBlackout as the producers met it: how long the first
	// answer of the new holder was awaited after the last one of the old.
	Blackout         Quantiles `json:"blackout"`
	ProducerBlackout Quantiles `json:"producer_blackout"`
	// The latencies of acknowledgments, by what was so when the event was submitted: no daemon of the run moved
	// (AckRest, of which AckHome and AckAway are the parts), or its own daemon moved. Events submitted while only other
	// daemons of the run moved are in none of them.
	AckRest   Quantiles `json:"ack_rest"`
	AckHome   Quantiles `json:"ack_home"`
	AckAway   Quantiles `json:"ack_away"`
	AckMoving Quantiles `json:"ack_moving"`

	Transfer  Transfer      `json:"transfer"`
	Moves     uint64        `json:"moves"`
	Moving    time.Duration `json:"moving_ns"`        // the time of the rounds of moves, without the rests between them
	MovesRate float64       `json:"moves_per_second"` // over that time
	Events    Events        `json:"events"`
	Elapsed   time.Duration `json:"elapsed_ns"`
	Findings  []Finding     `json:"findings"` // conditions of --fail-if that hold
}

// Quantiles are what is left of a histogram.
type Quantiles struct {
	Count uint64        `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Transfer is how fast snapshots were copied, in bytes per second.
type Transfer struct {
	Count uint64 `json:"count"`
	P50   uint64 `json:"p50_bytes_per_second"`
	Min   uint64 `json:"min_bytes_per_second"`
}

// Events are the counts of events, and what the daemons' own records say of them.
type Events struct {
	Submitted    uint64  `json:"submitted"`
	Acknowledged uint64  `json:"acknowledged"`
	Rate         float64 `json:"acknowledged_per_second"`
	// Checked is whether every daemon could be asked at the end. Without it the counts below are those of the others.
	Checked bool   `json:"checked"`
	Applied uint64 `json:"applied"`
	Lost    uint64 `json:"lost"`  // acknowledged and not applied
	Twice   uint64 `json:"twice"` // applied more than once
	// Wrong are events applied in another order or with other bytes than submitted, or never submitted.
	Wrong uint64 `json:"wrong"`
}

// Write prints the report as one line of JSON or as tables for people.
func (r *Report) Write(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	r.writeQuantiles(w)
	r.writeRates(w)
	for _, f := range r.Findings {
		fmt.Fprintf(w, "FAIL       %s\n", f)
	}
	return nil
}

// row is a line of a table of quantiles.
type row struct {
	label string
	q     Quantiles
	noun  string
}

// writeQuantiles prints both tables, with columns under one another. Rows of which there is nothing are left out, but
// for the first of the acknowledgments: without it there would be no table.
func (r *Report) writeQuantiles(w io.Writer) {
	acks := []row{
		{"at rest, at " + r.Home, r.AckHome, "events"},
		{"at rest, at " + strings.Join(r.Targets, ", "), r.AckAway, "events"},
		{"during moves", r.AckMoving, "events"},
	}
	blackouts := []row{{"as the source reports it", r.Blackout, "moves"}, {"as producers meet it", r.ProducerBlackout, "moves"}}
	width := len("acknowledged after")
	for _, row := range append(acks, blackouts...) {
		width = max(width, len(row.label)+1)
	}
	writeTable(w, "blackout", width, slices.DeleteFunc(blackouts, func(row) bool { return r.Moves == 0 }))
	writeTable(w, "acknowledged after", width, slices.DeleteFunc(acks, func(x row) bool { return x.q.Count == 0 }))
}

// writeTable prints quantiles, digits under digits.
func writeTable(w io.Writer, head string, width int, rows []row) {
	const line = "%-*s%10s%10s%10s%10s%12s %s\n"
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, line, width, head, "p50", "p90", "p99", "max", "of", rows[0].noun)
	for _, r := range rows {
		cells := []any{width, " " + r.label, "-", "-", "-", "-", comma(r.q.Count), ""}
		if r.q.Count > 0 {
			cells = []any{width, " " + r.label, span(r.q.P50), span(r.q.P90), span(r.q.P99), span(r.q.Max), comma(r.q.Count), ""}
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf(line, cells...), " \n"))
	}
}

// writeRates prints what has no quantiles.
func (r *Report) writeRates(w io.Writer) {
	if r.Transfer.Count > 0 {
		fmt.Fprintf(w, "transfer   median %s/s, slowest %s/s\n", humanize.IBytes(r.Transfer.P50), humanize.IBytes(r.Transfer.Min))
	}
	if r.Moves > 0 {
		fmt.Fprintf(w, "moves      %s in %s: %s/s\n", comma(r.Moves), span(r.Moving), rate(r.MovesRate))
	}
	e := r.Events
	fmt.Fprintf(w, "events     submitted %s, acknowledged %s (%s/s of %s/s asked for)\n", comma(e.Submitted), comma(e.Acknowledged), rate(e.Rate), rate(r.Rate))
	switch {
	case e.Checked:
		fmt.Fprintf(w, "checked    applied %s: lost %s, twice %s\n", comma(e.Applied), comma(e.Lost), comma(e.Twice))
	default:
		fmt.Fprintf(w, "checked    not every daemon could be asked at the end; of the others: applied %s, lost %s, twice %s\n", comma(e.Applied), comma(e.Lost), comma(e.Twice))
	}
	if e.Wrong > 0 {
		fmt.Fprintf(w, "wrong      %s applied in another order or with other bytes than submitted, or never submitted\n", count(int(e.Wrong), "event"))
	}
}
