package source

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "record the output of the scripts in testdata")

// TestScripts plays testdata/*.txt. A line is a command for the machine, what is indented below it is what
// the machine did; lines that begin with # are for the reader. The commands are in rig_test.go.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { playScript(t, path) })
	}
}

func playScript(t *testing.T, path string) {
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	r := newRig(t)
	for line := range strings.Lines(string(want)) {
		if strings.HasPrefix(line, "  ") {
			continue // recorded output
		}
		got.WriteString(line)
		if command := strings.TrimSpace(line); command != "" && command[0] != '#' {
			got.WriteString(r.play(command))
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got.String() != string(want) {
		t.Errorf("%s: %s", path, difference(got.String(), string(want)))
	}
}

// difference shows the first line that is not as recorded.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d: got\n\t%s\nrecorded (-update records anew)\n\t%s", i+1, g[i], strings.Join(w[min(i, len(w)-1):min(i+1, len(w))], ""))
		}
	}
	return fmt.Sprintf("%d lines less than recorded", len(w)-len(g))
}

// arguments are the words of a command: plain ones and name=value.
type arguments struct {
	t     *testing.T
	words []string
}

func (a arguments) has(word string) bool {
	for _, w := range a.words[1:] {
		if w == word {
			return true
		}
	}
	return false
}

func (a arguments) value(name, otherwise string) string {
	for _, w := range a.words[1:] {
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			return v
		}
	}
	return otherwise
}

func (a arguments) number(name string, otherwise uint64) uint64 {
	return a.parse(a.value(name, fmt.Sprint(otherwise)))
}

// first is the first plain word as a number.
func (a arguments) first() uint64 { return a.parse(a.words[1]) }

func (a arguments) parse(s string) (n uint64) {
	if _, err := fmt.Sscan(s, &n); err != nil {
		a.t.Fatalf("%q: %q is no number", strings.Join(a.words, " "), s)
	}
	return n
}

func (a arguments) duration(name string) time.Duration { return a.time(a.value(name, "0s")) }

// span is the first plain word as a duration.
func (a arguments) span() time.Duration { return a.time(a.words[1]) }

func (a arguments) time(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		a.t.Fatal(err)
	}
	return d
}
