package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/subproto"
)

// progress shows a migration on standard error: on a terminal in one line that is written over, elsewhere
// as a line per phase and per progressPause. The words are the same. With --json it is lines of JSON on
// standard output instead.
type progress struct {
	w     io.Writer
	json  *json.Encoder // nil without --json
	tty   bool
	phase string
	drawn int       // width of the line that is being written over
	at    time.Time // of the last line off a terminal
	speed speed
}

// progressPause is the least time between two lines of one phase where lines cannot be written over.
const progressPause = time.Second

// newProgress looks at standard error alone: standard output may be a file and the terminal still be there.
func newProgress(a *app) *progress {
	p := &progress{w: a.err}
	if a.json {
		p.json = json.NewEncoder(a.out)
	}
	if f, ok := a.err.(*os.File); ok {
		p.tty = isatty.IsTerminal(f.Fd())
	}
	return p
}

// begin writes the headline.
func (p *progress) begin(m client.Migration) {
	if p.json == nil {
		fmt.Fprintf(p.w, "%s  %s -> %s  (%s)\n", m.Label(), m.Source.Label(), m.Target.Label(), shortID(m.ID))
	}
}

// update shows the migration as it is now.
func (p *progress) update(m client.Migration) {
	if p.json != nil {
		_ = p.json.Encode(line{Type: "progress", Migration: m}) // a reader that has gone ends the command by itself
		return
	}
	text := p.text(m)
	switch {
	case p.tty:
		p.draw(text, m.Phase != p.phase)
	case m.Phase != p.phase || time.Since(p.at) >= progressPause:
		fmt.Fprintln(p.w, text)
		p.at = time.Now()
	}
	p.phase = m.Phase
}

// draw writes over the line of the same phase, or goes on to the next line.
func (p *progress) draw(text string, next bool) {
	if next && p.drawn > 0 {
		fmt.Fprintln(p.w)
		p.drawn = 0
	}
	fmt.Fprintf(p.w, "\r%-*s", p.drawn, text)
	p.drawn = len(text)
}

// end leaves the cursor at the beginning of a line.
func (p *progress) end() {
	if p.drawn > 0 {
		fmt.Fprintln(p.w)
	}
}

// text is one line, at most 79 columns for names of usual length, so that writing over it stays in one line.
func (p *progress) text(m client.Migration) string {
	s := m.Stats
	switch {
	case m.Outcome == client.OutcomeInDoubt && m.Phase != "cutover" && m.Phase != "complete":
		return " in doubt  the source has fallen silent, it is asked again and again"
	case m.Outcome == client.OutcomeInDoubt && slices.Contains(m.Roles, subproto.Source.String()):
		return " in doubt  frozen: the target, or the directory, has not confirmed it yet"
	case m.Outcome == client.OutcomeInDoubt:
		return " in doubt  the source serves it, or has committed it and it waits frozen"
	case m.Phase == "transfer":
		return " transfer  " + p.transfer(s)
	case m.Phase == "restore":
		return fmt.Sprintf(" restore   %s at the target", size(s.SnapshotSent))
	case m.Phase == "replay":
		return fmt.Sprintf(" replay    behind by %s events, predicted blackout %s", number(s.Lag), span(s.PredictedBlackout))
	case m.Phase == "cutover":
		return " cutover   frozen, handing over"
	case m.Phase == "complete":
		return " complete  the target serves"
	}
	return fmt.Sprintf(" %-9s asking the target", m.Phase)
}

// transfer has a bar and a percentage only if the total is known.
func (p *progress) transfer(s client.Stats) string {
	pace := p.speed.of(s.SnapshotSent)
	if s.SnapshotBytes == 0 || s.SnapshotSent > s.SnapshotBytes {
		return fmt.Sprintf("%s  %s", size(s.SnapshotSent), pace)
	}
	const width = 24
	done := int(s.SnapshotSent * width / s.SnapshotBytes)
	return fmt.Sprintf("%s%s  %d%%  %s of %s  %s", strings.Repeat("#", done), strings.Repeat(".", width-done),
		s.SnapshotSent*100/s.SnapshotBytes, size(s.SnapshotSent), size(s.SnapshotBytes), pace)
}

// speed is how fast a number grows, over the last second or so.
type speed struct {
	at   time.Time
	n    uint64
	last string
}

// of needs a second between two looks: a shorter one jumps too much to be read.
func (r *speed) of(n uint64) string {
	now := time.Now()
	if r.at.IsZero() {
		r.at, r.n = now, n
	}
	if passed := now.Sub(r.at); passed >= time.Second && n >= r.n {
		r.last = size(uint64(float64(n-r.n)/passed.Seconds())) + "/s"
		r.at, r.n = now, n
	}
	return r.last
}
