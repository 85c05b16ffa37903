package script

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Command is a line of a script: a name, and then plain words and name=value. One that cannot be understood
// ends the test.
type Command struct {
	t     testing.TB
	words []string
}

// Parse reads a command.
func Parse(t testing.TB, line string) Command {
	words := strings.Fields(line)
	if len(words) == 0 {
		t.Fatalf("no command in %q", line)
	}
	return Command{t, words}
}

// Name returns the first word, which says what to do.
func (c Command) Name() string { return c.words[0] }

// Has reports whether a plain word is there.
func (c Command) Has(word string) bool { return slices.Contains(c.words[1:], word) }

// First returns the word behind the name.
func (c Command) First() string {
	if len(c.words) < 2 {
		c.t.Fatalf("%s needs a word", c.words[0])
	}
	return c.words[1]
}

// FirstNumber returns the word behind the name as a number.
func (c Command) FirstNumber() uint64 { return c.number(c.First()) }

// FirstSpan returns the word behind the name as a duration.
func (c Command) FirstSpan() time.Duration { return c.span(c.First()) }

// Value returns what name= says.
func (c Command) Value(name, otherwise string) string {
	for _, w := range c.words[1:] {
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			return v
		}
	}
	return otherwise
}

// Number returns the number that name= says.
func (c Command) Number(name string, otherwise uint64) uint64 {
	if v := c.Value(name, ""); v != "" {
		return c.number(v)
	}
	return otherwise
}

// Span returns the duration that name= says, 0 if it says none.
func (c Command) Span(name string) time.Duration { return c.span(c.Value(name, "0s")) }

// Unknown ends the test: there is no such command.
func (c Command) Unknown() { c.t.Fatalf("no such command: %q", c) }

// String returns the line.
func (c Command) String() string { return strings.Join(c.words, " ") }

func (c Command) number(s string) (n uint64) {
	if _, err := fmt.Sscan(s, &n); err != nil {
		c.t.Fatalf("%q: %q is no number", c, s)
	}
	return n
}

func (c Command) span(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		c.t.Fatalf("%q: %v", c, err)
	}
	return d
}
