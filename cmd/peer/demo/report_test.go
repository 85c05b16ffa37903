package demo

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/internal/golden"
	"github.com/ferrymesh/ferry/wire"
)

// print reports a run from its beginning to its end.
func print(r *report, o options, e *evidence) {
	s := session{nodes: nodeNames, daemon: client.Daemon{ID: e.head.ID, Kind: o.kind}}
	r.began(o, s)
	for _, m := range e.moves {
		r.moved(m)
	}
	took := 14*time.Second + 300*time.Millisecond
	r.ended(e, e.tally(), took)
	r.object(newSummary(e, e.tally(), took))
}

// failed is a run in which much went wrong.
func failed() *evidence {
	e := perfect()
	e.counted, e.read = &textJSON{Lines: 1234, Words: 5678, Bytes: 91011}, textCount{lines: 1235, words: 5678, bytes: 91011}
	e.applied = without(4)
	e.moves[2].problem, e.moves[2].outcome = `the outcome is "in_doubt", not "moved": nobody answers`, client.OutcomeInDoubt
	e.passport.verified, e.passport.output = false, "[BAD] handover 2\n"
	return e
}

func TestReport(t *testing.T) {
	ledger := options{kind: "ledger", state: 64 << 20, rate: 2000, moves: 2, durability: wire.DurabilityEveryEvent}
	text := options{kind: "wordcount", input: "src", moves: 2}
	for name, c := range map[string]struct {
		o options
		e *evidence
	}{"pass": {ledger, perfect()}, "fail": {text, failed()}} {
		var out bytes.Buffer
		print(&report{out: &out}, c.o, c.e)
		golden.Check(t, filepath.Join("testdata", name+".txt"), out.String())
		out.Reset()
		print(&report{out: &out, json: true}, c.o, c.e)
		golden.Check(t, filepath.Join("testdata", name+".json"), out.String())
	}
}

// TestReportObjects: with --json every line is an object with a type, and the last one is the summary.
func TestReportObjects(t *testing.T) {
	var out bytes.Buffer
	print(&report{out: &out, json: true}, options{kind: "kv", moves: 2}, perfect())
	last := ""
	for line := range bytes.Lines(out.Bytes()) {
		var v struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &v); err != nil || v.Type == "" {
			t.Errorf("%q: %+v, %v", line, v, err)
		}
		last = v.Type
	}
	if last != "summary" {
		t.Errorf("the last object is a %q", last)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 ms", 40 * time.Microsecond: "0.0 ms", 3141 * time.Microsecond: "3.1 ms",
		999 * time.Millisecond: "999.0 ms", time.Second: "1.00 s", 83 * time.Second: "83.00 s",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
