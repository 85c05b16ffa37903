package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// table writes aligned columns. Cells are separated by tabs.
type table struct{ w *tabwriter.Writer }

// newTable begins a table with its first row.
func newTable(w io.Writer, header string) *table {
	t := &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(header)
	return t
}

// row adds a row. A failing writer is reported by flush.
func (t *table) row(cells string) { fmt.Fprintln(t.w, cells) }

// flush aligns and writes everything.
func (t *table) flush() error { return t.w.Flush() }

// cells joins the cells of a row. An empty one is a dash, so that columns can be counted by a program.
func cells(values ...any) string {
	text := make([]string, len(values))
	for i, v := range values {
		if text[i] = printable(fmt.Sprint(v)); text[i] == "" {
			text[i] = "-"
		}
	}
	return strings.Join(text, "\t")
}

// printable keeps what other nodes said from moving the cursor or breaking a table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// shown is what a daemon has said, which is whatever those who may submit have made it say. On a terminal nothing of it moves
// the cursor, except to the next line; a program that reads it gets what it is.
func (a *app) shown(text string) string {
	if r, ok := a.out.(*results); !ok || a.json || !r.terminal() {
		return text
	}
	return onTerminal(text)
}

// onTerminal is text that is safe to look at.
func onTerminal(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(strings.ReplaceAll(line, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// number writes a number with thousands separated.
func number(n uint64) string { return humanize.Comma(int64(min(n, 1<<63-1))) }

// size writes a number of bytes.
func size(n uint64) string { return humanize.IBytes(n) }

// span writes a duration with two digits that matter.
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d us", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return ago(d)
}

// ago writes a long duration roughly: 3d4h, 5h6m, 7m8s.
func ago(d time.Duration) string {
	switch day := 24 * time.Hour; {
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// shortID is the start of a hex id, enough for people; it is also a prefix that commands take.
func shortID(id string) string { return id[:min(12, len(id))] }

// nodeText is a node as people know it: the name, and the fingerprint that proves it.
func nodeText(n client.Node) string {
	if n.Name == "" {
		return n.Fingerprint
	}
	return n.Name + "  " + n.Fingerprint
}
