package script

import (
	"fmt"
	"testing"
	"time"
)

func TestReplay(t *testing.T) {
	const recorded = "# for the reader\n\nadd 2 to=3\n  something else\n  and more\nwait 5ms limit=1s loud\n"
	const now = "# for the reader\n\nadd 2 to=3\n  2 3 7 loud false\nwait 5ms limit=1s loud\n  5ms 1s 0s loud true\n"
	got := replay(recorded, func(line string) string {
		c := Parse(t, line)
		switch c.Name() {
		case "add":
			return fmt.Sprintf("  %d %d %d loud %v\n", c.FirstNumber(), c.Number("to", 0), c.Number("by", 7), c.Has("loud"))
		case "wait":
			return fmt.Sprintf("  %v %v %v loud %v\n", c.FirstSpan(), c.Span("limit"), c.Span("other"), c.Has("loud"))
		}
		c.Unknown()
		return ""
	})
	if got != now {
		t.Errorf("got\n%s", got)
	}
}

// refusal is what a command that cannot be understood panics with, in place of the end of the test.
type refusal string

type judge struct{ testing.TB }

func (judge) Fatalf(format string, args ...any) { panic(refusal(fmt.Sprintf(format, args...))) }

func TestCommandsThatCannotBeUnderstood(t *testing.T) {
	c := Parse(judge{t}, "run fast n=x")
	for name, use := range map[string]func(){
		"number":  func() { c.FirstNumber() },
		"span":    func() { c.FirstSpan() },
		"value":   func() { c.Number("n", 1) },
		"empty":   func() { Parse(judge{t}, " ") },
		"unknown": func() { c.Unknown() },
		"word":    func() { Parse(judge{t}, "run").First() },
	} {
		func() {
			defer func() {
				if said, ok := recover().(refusal); !ok || said == "" {
					t.Errorf("%s: taken", name)
				}
			}()
			use()
		}()
	}
	if d := c.Span("limit"); d != time.Duration(0) {
		t.Errorf("no limit is %v", d)
	}
}
