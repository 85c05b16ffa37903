package demo

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/wire"
)

// parse reads a command line as the command would.
func parse(t *testing.T, line string) (options, error) {
	t.Helper()
	var f flags
	fs := pflag.NewFlagSet("demo", pflag.ContinueOnError)
	f.add(fs)
	if err := fs.Parse(strings.Fields(line)); err != nil {
		t.Fatal(err)
	}
	return f.options(fs.Changed)
}

func TestOptions(t *testing.T) {
	for line, want := range map[string]options{
		"":                                    {kind: "ledger", state: 64 << 20, rate: 2000, moves: 3, seed: 1},
		"--state 1GiB --rate 20k --keep":      {kind: "ledger", state: 1 << 30, rate: 20_000, moves: 3, keep: true, seed: 1},
		"--state 2MB":                         {kind: "ledger", state: 2_000_000, rate: 2000, moves: 3, seed: 1},
		"--state 16GiB --moves 1 --seed 7":    {kind: "ledger", state: 16 << 30, rate: 2000, moves: 1, seed: 7},
		"--rate 0":                            {kind: "ledger", state: 64 << 20, rate: 0, moves: 3, seed: 1},
		"--rate 0.5":                          {kind: "ledger", state: 64 << 20, rate: 0.5, moves: 3, seed: 1},
		"--kind kv":                           {kind: "kv", rate: 2000, moves: 3, seed: 1},
		"--kind wordcount --rate 1M":          {kind: "wordcount", rate: 1_000_000, moves: 3, seed: 1},
		"--kind wordcount --input x":          {kind: "wordcount", moves: 3, seed: 1, input: "x"},
		"--kind wordcount --input x --rate 9": {kind: "wordcount", rate: 9, moves: 3, seed: 1, input: "x"},
	} {
		want.durability = defaultDurability
		got, err := parse(t, line)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", line, got, err, want)
		}
	}
	for _, level := range []wire.Durability{wire.DurabilityMemory, wire.DurabilityBoth} {
		if got, err := parse(t, "--durability "+level.String()); err != nil || got.durability != level {
			t.Errorf("%v: got %+v, %v", level, got, err)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for line, word := range map[string]string{
		"--kind cat":                          "ledger",
		"--state much":                        "64MiB",
		"--state 17GiB":                       "16 GiB",
		"--state 1MB":                         "1.0 MiB",
		"--state 128":                         "1.0 MiB",
		"--kind kv --state 1MiB":              "grows by itself",
		"--rate fast":                         "20k",
		"--rate -1":                           "between",
		"--rate 20k/s":                        "20k",
		"--rate NaN":                          "20k",
		"--rate 11M":                          "between",
		"--moves 0":                           "between",
		"--durability often":                  "every-event",
		"--moves -3":                          "between",
		"--moves 10001":                       "10,000",
		"--input x":                           "--kind wordcount",
		"--kind wordcount --input=":           "name a file",
		"--kind wordcount --input x --seed 7": "--seed",
	} {
		_, err := parse(t, line)
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != client.CodeUsage || !strings.Contains(p.Detail, word) {
			t.Errorf("%q: got %v, want a problem of usage that says %q", line, err, word)
		}
	}
}
