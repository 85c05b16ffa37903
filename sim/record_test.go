package sim_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/internal/golden"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// TestRecorded compares runs with what they were when somebody last looked at them: everything that is
// said and done, in order, without the times. A change of the protocol shows here as a change of the text.
func TestRecorded(t *testing.T) {
	for name, run := range map[string]func(f *fixture){
		"move": func(f *fixture) { // asked for by a third node, with a producer that follows
			f.c.SubmitVia(f.daemon.Origin, "", f.Payload(8), f.a.ID)
			f.Run(50 * time.Millisecond)
			f.move(f.d, f.a, f.b)
			f.c.Submit(f.daemon.Origin, "", f.Payload(8))
			f.settle()
		},
		"pull": func(f *fixture) { f.move(f.b, f.a, f.b) },
		"cancel": func(f *fixture) {
			id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, wire.PhaseTransfer)
			f.d.Cancel(id)
			f.settle()
		},
		"already": func(f *fixture) {
			one := f.b.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, one, wire.PhaseSnapshot)
			f.c.Migrate(f.daemon.Origin, f.a, f.c, wire.Options{})
			f.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			f := newFixture(t, sim.Options{Trace: &out})
			run(f)
			compare(t, "testdata/"+name+".txt", out.String())
		})
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	var text strings.Builder
	for line := range strings.Lines(got) {
		if !strings.HasSuffix(line, " tick\n") {
			text.WriteString(line[len("000000000000 "):])
		}
	}
	golden.Check(t, path, text.String())
}
