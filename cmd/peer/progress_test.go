package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// steps are the states of a move as a watch reports them.
func steps() []client.Migration {
	m := client.Migration{ID: strings.Repeat("5f", 16), Name: "bank", Source: client.Node{Name: "alpha"}, Target: client.Node{Name: "bravo"}}
	at := func(phase string, s client.Stats) client.Migration {
		m.Phase, m.Stats = phase, s
		return m
	}
	return []client.Migration{
		at("snapshot", client.Stats{}),
		at("transfer", client.Stats{SnapshotBytes: 64 << 20, SnapshotSent: 1 << 20}),
		at("transfer", client.Stats{SnapshotBytes: 64 << 20, SnapshotSent: 32 << 20}),
		at("replay", client.Stats{Lag: 1204, PredictedBlackout: 4 * time.Millisecond}),
		at("cutover", client.Stats{}),
	}
}

// TestProgressOffATerminal: a line per phase, nothing that moves a cursor.
func TestProgressOffATerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&app{err: &out})
	p.begin(steps()[0])
	for _, m := range steps() {
		p.update(m)
	}
	p.end()
	want := "bank  alpha -> bravo  (5f5f5f5f5f5f)\n" +
		" snapshot  asking the target\n" +
		" transfer  ........................  1%  1.0 MiB of 64 MiB  \n" +
		" replay    behind by 1,204 events, predicted blackout 4.0 ms\n" +
		" cutover   frozen, handing over\n"
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

// TestProgressOnATerminal: the same words, each phase written over in its own line.
func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&app{err: &out})
	p.tty = true
	for _, m := range steps() {
		p.update(m)
	}
	p.end()
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 5 || strings.Count(lines[1], "\r") != 2 || !strings.Contains(lines[1], "############............  50%") {
		t.Errorf("printed %q", lines)
	}
}

// TestProgressOfDoubt: what is said of a migration in doubt fits a line that is written over, and that it is frozen is said
// by its source alone.
func TestProgressOfDoubt(t *testing.T) {
	p := newProgress(&app{err: new(bytes.Buffer)})
	for _, c := range []struct {
		phase string
		roles []string
		words string
	}{
		{"transfer", []string{"orchestrator"}, " in doubt  the source has fallen silent"},
		{"cutover", []string{"source"}, " in doubt  frozen: "},
		{"cutover", []string{"target"}, " in doubt  the source serves it, or "},
		{"cutover", []string{"orchestrator"}, " in doubt  the source serves it, or "},
	} {
		text := p.text(client.Migration{Phase: c.phase, Roles: c.roles, Outcome: client.OutcomeInDoubt})
		if !strings.HasPrefix(text, c.words) || len(text) > 79 {
			t.Errorf("%s, %v: %q, %d columns", c.phase, c.roles, text, len(text))
		}
	}
}

func TestTextForms(t *testing.T) {
	for got, want := range map[string]string{
		span(380 * time.Microsecond):                   "380 us",
		span(3810 * time.Microsecond):                  "3.8 ms",
		span(241 * time.Millisecond):                   "241 ms",
		span(2450 * time.Millisecond):                  "2.45 s",
		span(200 * time.Second):                        "3m20s",
		ago(76*time.Hour + 5*time.Minute):              "3d4h",
		number(186930):                                 "186,930",
		size(64 << 20):                                 "64 MiB",
		cells("a\tb", "", 3):                           "a?b\t-\t3",
		printable("\x1b[2Jgone\n\u0085"):               "?[2Jgone??",
		onTerminal("{\n\t\"a\": \"\x1b[2J\u009b\"\n}"): "{\n    \"a\": \"?[2J?\"\n}",
		route(nil):                           "never moved",
		route([]string{"SHA256:123456789x"}): "SHA256:12345678",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestRouteOfALongJourney leaves out the middle.
func TestRouteOfALongJourney(t *testing.T) {
	nodes := make([]string, 40)
	for i := range nodes {
		nodes[i] = "SHA256:" + strings.Repeat(string(rune('a'+i%26)), 8)
	}
	got := route(nodes)
	if strings.Count(got, "SHA256:") != maxRoute || !strings.Contains(got, "(28 more)") {
		t.Errorf("got %s", got)
	}
}
