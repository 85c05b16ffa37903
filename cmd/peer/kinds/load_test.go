package kinds

import (
	"bytes"
	"strings"
	"testing"
)

// What a load yields is never malformed, and of each command there is some.
func TestLoadIsWellFormed(t *testing.T) {
	seen := map[string]int{}
	for _, name := range []string{"kv", "ledger"} {
		f := feed(t, fresh(t, name))
		if open := Opening(name, 1<<20); open != nil {
			f.send(string(open))
		}
		load, err := NewLoad(name, 11, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for range 5000 {
			payload := string(load.Next(nil))
			f.send(payload)
			word, _, _ := strings.Cut(payload, " ")
			seen[word]++
		}
	}
	for _, command := range []string{"put", "get", "incr", "delete", "transfer"} {
		if seen[command] < 100 {
			t.Errorf("%d times %s", seen[command], command)
		}
	}
}

// A ledger's load uses all accounts and never the same one twice in a transfer.
func TestLoadLedgerAccounts(t *testing.T) {
	load, err := NewLoad("ledger", 3, 3*accountSize)
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[[2]uint64]int{}
	for range 600 {
		_, rest, _ := cutWord(load.Next(nil))
		tr, ok := parseTransfer(rest)
		if !ok || tr.from == tr.to || tr.from > 2 || tr.to > 2 || tr.amount > 100 {
			t.Fatalf("%+v", tr)
		}
		pairs[[2]uint64{tr.from, tr.to}]++
	}
	if len(pairs) != 6 {
		t.Errorf("%d of 6 pairs", len(pairs))
	}
}

// A wordcount's load is lines of words, some much more frequent than others.
func TestLoadWordCountLines(t *testing.T) {
	load, err := NewLoad("wordcount", 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWordCount()
	for range 2000 {
		line := load.Next(nil)
		words := len(bytes.Fields(line))
		if words < 4 || words > 12 || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("%q", line)
		}
		w.count(line)
	}
	if err := w.Check(); err != nil || w.lines != 2000 {
		t.Errorf("%d lines, %v", w.lines, err)
	}
}
