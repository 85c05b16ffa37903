package orchestrator_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	g, w := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(w) || i >= len(g) || g[i] != w[i] {
			t.Fatalf("%s:%d: got\n\t%s\nrecorded (-update records anew)\n\t%s", path, i+1, strings.Join(g[min(i, len(g)):], "\n\t"), strings.Join(w[min(i, len(w)):], "\n\t"))
		}
	}
}
