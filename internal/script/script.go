// Package script plays recorded scripts to a state machine.
//
// A script is a text file. A line is a command, what is indented below it is what the machine did then, and
// lines that begin with # are for the reader. Package golden compares, or records.
package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/internal/golden"
)

// A Player obeys one command and describes what came of it, in lines that begin with two spaces.
type Player func(command string) string

// Play plays each file that matches the pattern to a player of its own. No file is an error.
func Play(t *testing.T, pattern string, player func(t *testing.T) Player) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			recorded, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, path, replay(string(recorded), player(t)))
		})
	}
}

// replay returns the script with what its commands do now.
func replay(recorded string, play Player) string {
	var now strings.Builder
	for line := range strings.Lines(recorded) {
		if strings.HasPrefix(line, "  ") {
			continue // what they did when it was recorded
		}
		now.WriteString(line)
		if text := strings.TrimSpace(line); text != "" && text[0] != '#' {
			now.WriteString(play(text))
		}
	}
	return now.String()
}
