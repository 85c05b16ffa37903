package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// drainLine is a drain as a line of JSON, of type "summary".
type drainLine struct {
	Type string `json:"type"`
	client.Drain
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
}

// drainStep is what has become of one daemon as a line of JSON, of type "progress".
type drainStep struct {
	Type string `json:"type"`
	client.DrainDaemon
}

// drainQuiet is how long nothing may be printed while daemons are on their way.
const drainQuiet = 10 * time.Second

// drainShow tells a drain on standard error, a line for each event; with --json it is lines of JSON on standard output instead.
type drainShow struct {
	w     io.Writer
	json  *json.Encoder // nil without --json
	known []client.DrainDaemon
	at    map[string]int // in known, by origin
	done  int            // that have left
	told  time.Time      // when the last line was written
	width int            // of the longest name of a daemon so far
	wide  int            // and of a target
	ask   func(migration string) (client.Migration, error)
}

// newDrainShow writes the headline. What has happened to a drain that was joined is not told again.
func newDrainShow(a *app, d client.Drain, joined bool) *drainShow {
	s := &drainShow{w: a.err, at: make(map[string]int), told: time.Now()}
	if a.json {
		s.json = json.NewEncoder(a.out)
	}
	if s.json == nil {
		fmt.Fprintf(s.w, "%s %s. Ctrl-C detaches, it does not cancel\n", clock(time.Now()), drainHeadline(d, joined))
	}
	for _, n := range d.Targets {
		s.wide = max(s.wide, len(n.Label()))
	}
	for _, e := range d.Daemons {
		s.width = max(s.width, len(e.Label()))
		if joined {
			s.note(e)
		}
	}
	return s
}

// to is a target in its column.
func (s *drainShow) to(n client.Node) string {
	s.wide = max(s.wide, len(n.Label()))
	return fmt.Sprintf("-> %-*s  ", s.wide, printable(n.Label()))
}

// note keeps what is known of a daemon and returns what was known before.
func (s *drainShow) note(e client.DrainDaemon) (before client.DrainDaemon) {
	i, known := s.at[e.Origin]
	if !known {
		i = len(s.known)
		s.at[e.Origin] = i
		s.known = append(s.known, client.DrainDaemon{})
	}
	before, s.known[i] = s.known[i], e
	s.width = max(s.width, len(e.Label()))
	if !e.Left() && (!known || before.Left()) {
		s.done++
	}
	return before
}

// update tells what has changed, in the order in which it happened.
func (s *drainShow) update(d client.Drain) {
	changed := slices.Clone(d.Daemons)
	slices.SortStableFunc(changed, func(a, b client.DrainDaemon) int { return a.Changed.Compare(b.Changed) })
	for _, e := range changed {
		before := s.note(e)
		var texts []string
		failed := e.Failures > before.Failures
		if failed {
			texts = append(texts, s.failure(d, e))
		}
		if text := s.result(e); text != "" && e.State != before.State && !(failed && e.State == client.DrainStays) {
			texts = append(texts, text)
		}
		s.step(d, e, texts)
	}
	if s.json == nil && time.Since(s.told) >= drainQuiet && d.State == client.DrainRunning {
		s.line(time.Now(), d.Total, s.waiting(d))
	}
}

// step tells what has become of one daemon, if there is something to tell.
func (s *drainShow) step(d client.Drain, e client.DrainDaemon, texts []string) {
	if s.json != nil && len(texts) > 0 {
		_ = s.json.Encode(drainStep{"progress", e}) // a reader that has gone ends the command by itself
		return
	}
	for _, text := range texts {
		s.line(e.Changed, d.Total, fmt.Sprintf("%-*s %s", s.width, printable(e.Label()), text))
	}
}

// line writes one line, with how many daemons have left.
func (s *drainShow) line(at time.Time, total int, text string) {
	digits := len(fmt.Sprint(total))
	fmt.Fprintf(s.w, "%s [%*d/%d] %s\n", clock(at), digits, s.done, total, text)
	s.told = time.Now()
}

// whole is the drain with every daemon that is left, by name.
func (s *drainShow) whole(d client.Drain) client.Drain {
	d.Daemons = slices.DeleteFunc(slices.Clone(s.known), func(e client.DrainDaemon) bool { return !e.Left() })
	slices.SortStableFunc(d.Daemons, func(a, b client.DrainDaemon) int { return strings.Compare(a.Label(), b.Label()) })
	return d
}

// waiting says what a drain is doing of which nothing has been heard for a while.
func (s *drainShow) waiting(d client.Drain) string {
	const most = 4
	var moving, parts []string
	for _, e := range s.known {
		if len(moving) < most && (e.State == client.StateMoving || e.State == client.DrainInDoubt) {
			moving = append(moving, s.way(e))
		}
	}
	if n := d.Moving + d.InDoubt - len(moving); n > 0 {
		moving = append(moving, fmt.Sprintf("and %d more", n))
	}
	if len(moving) > 0 {
		parts = append(parts, "on their way: "+strings.Join(moving, ", "))
	}
	if n := d.Left() - d.Moving - d.InDoubt; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not on their way", n))
	}
	if d.Arriving > 0 {
		parts = append(parts, fmt.Sprintf("%d still coming here", d.Arriving))
	}
	return printable(strings.Join(parts, "; "))
}

// way is where a daemon goes, and how much of it is there.
func (s *drainShow) way(e client.DrainDaemon) string {
	text := e.Label() + " -> " + e.Target.Label()
	if m, err := s.ask(e.Migration); err == nil && m.Phase == "transfer" && m.Stats.SnapshotBytes > 0 {
		text += fmt.Sprintf(" (%s of %s)", size(m.Stats.SnapshotSent), size(m.Stats.SnapshotBytes))
	}
	return text
}

// result is what has become of a daemon; empty for one that waits or is on its way.
func (s *drainShow) result(e client.DrainDaemon) string {
	switch e.State {
	case client.DrainMoved:
		if e.Blackout == 0 { // somebody else has moved it
			return s.to(e.Target) + "moved"
		}
		return s.to(e.Target) + "moved and verified, blackout " + span(e.Blackout)
	case client.DrainEnded:
		return "has ended: it was stopped"
	case client.DrainInDoubt:
		if e.Problem != nil {
			return s.to(e.Target) + printable(e.Problem.Outcome)
		}
	case client.DrainStays:
		if e.Problem != nil {
			return printable(strings.TrimPrefix(e.Problem.Detail, e.Label()+" ")) + "; it stays"
		}
	case client.StateMoving:
		if e.Foreign {
			return "is on its way already, by an earlier request; waiting for that"
		}
	}
	return ""
}

// failure is a move that has not moved its daemon, and what comes next.
func (s *drainShow) failure(d client.Drain, e client.DrainDaemon) string {
	next := "waiting for its turn"
	switch {
	case e.State == client.StateMoving:
		next = "trying " + e.Target.Label()
	case e.State == client.DrainStays:
		next = "no other target is left"
	case !e.Left() || e.State == client.DrainInDoubt:
		next = "tried " + e.Target.Label()
	case !e.Again.IsZero():
		next = "trying again in " + span(e.Again.Sub(e.Changed))
	}
	return fmt.Sprintf("%sstill at %s and serving: %s; %s", s.to(e.FailedAt), d.Node.Label(), printable(e.FailedWhy), next)
}

// drainHeadline says what is being done.
func drainHeadline(d client.Drain, joined bool) string {
	to := make([]string, len(d.Targets))
	for i, n := range d.Targets {
		to[i] = n.Label()
	}
	text := fmt.Sprintf("draining %s: %s, %d at a time, to %s", d.Node.Label(), count(d.Total, "daemon"), d.MaxParallel, andList(to))
	if d.Total == 0 {
		text = "draining " + d.Node.Label() + ": no daemon is here"
	}
	if joined {
		text = fmt.Sprintf("%s is being emptied since %s, %d of %s gone: watching that, %d at a time, to %s",
			d.Node.Label(), clock(d.Started), d.Moved+d.Ended, count(d.Total, "daemon"), d.MaxParallel, andList(to))
	}
	return printable(text + "; new daemons are refused")
}

// andList joins names for a sentence.
func andList(names []string) string {
	switch n := len(names); n {
	case 0:
		return "nobody yet"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// clock is a time of day.
func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// writeDrained is the result: one line, and one more for each daemon that is left.
func writeDrained(w io.Writer, d client.Drain) {
	fmt.Fprintf(w, "%s: ", d.State)
	switch {
	case d.Total == 0:
		fmt.Fprint(w, "no daemon was here")
	default:
		fmt.Fprintf(w, "%d of %d moved and verified", d.Moved, d.Total)
	}
	if d.Ended > 0 {
		fmt.Fprintf(w, ", %d ended", d.Ended)
	}
	if d.Slowest > 0 {
		fmt.Fprintf(w, ", slowest blackout %s", span(d.Slowest))
	}
	switch {
	case d.State == client.DrainDone && d.KeepsDirectory:
		fmt.Fprint(w, ". It keeps the directory: moves between other nodes wait while it is stopped")
	case d.State == client.DrainDone:
		fmt.Fprint(w, ". Safe to stop")
	}
	fmt.Fprintln(w)
	for _, e := range d.Daemons {
		writeLeft(w, e)
	}
}

// writeLeft says of one daemon why it is left, where that leaves it, and what to do.
func writeLeft(w io.Writer, e client.DrainDaemon) {
	if p := e.Problem; p != nil {
		fmt.Fprintf(w, "%s\n      now:  %s\n      next: %s\n", printable(p.Detail), printable(p.Outcome), printable(p.Next))
	}
}

// writeDraining is the line of "peer status".
func writeDraining(w io.Writer, d client.Drain) {
	fmt.Fprintf(w, "%s: %d of %s moved, %d moving; no daemon is started or taken in until peer drain --cancel\n",
		d.State, d.Moved, count(d.Total, "daemon"), d.Moving)
}
