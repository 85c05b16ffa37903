package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// report prints: lines for people, or with json one object per line. There are no people then.
type report struct {
	out  io.Writer
	json bool
}

// line prints one line for people.
func (r *report) line(format string, args ...any) {
	if !r.json {
		fmt.Fprintf(r.out, format+"\n", args...)
	}
}

// object prints one object if objects are asked for. v must be an object for JSON and marshal without
// errors.
func (r *report) object(v any) {
	if r.json {
		out := json.NewEncoder(r.out)
		out.SetEscapeHTML(false)
		_ = out.Encode(v)
	}
}

// began says what is up.
func (r *report) began(o options, s session) {
	r.line("%d nodes up, durability %v, %s on %s, load %s", len(s.nodes), o.durability, o.thing(), s.nodes[0], o.load())
	r.object(struct {
		Type       string   `json:"type"`
		Nodes      []string `json:"nodes"`
		Daemon     string   `json:"daemon"`
		Kind       string   `json:"kind"`
		Durability string   `json:"durability"`
	}{"started", s.nodes, s.daemon.ID, s.daemon.Kind, o.durability.String()})
}

// thing names the daemon.
func (o options) thing() string {
	if o.state == 0 {
		return o.kind
	}
	return fmt.Sprintf("%s (%s)", o.kind, humanize.IBytes(o.state))
}

// load names what the producer does.
func (o options) load() string {
	pace := "as fast as it is acknowledged"
	if o.rate > 0 {
		pace = humanize.Commaf(o.rate) + " events/s"
	}
	if o.input == "" {
		return pace
	}
	return fmt.Sprintf("the lines of %s, %s", o.input, pace)
}

// moved prints a step right after it.
func (r *report) moved(m move) {
	r.line(" %-18s %s", m.from+" -> "+m.to, m.text())
	r.object(struct {
		Type string `json:"type"`
		Move move   `json:"move"`
	}{"move", m})
}

// text is what a step came to, on one line.
func (m move) text() string {
	switch {
	case m.problem != "":
		return "NOT AS IT SHOULD BE: " + m.problem
	case m.killed:
		return fmt.Sprintf("%s killed in transfer, with %s of %s copied: still at %s and serving (exit 7 in real life)",
			m.to, humanize.IBytes(m.stats.SnapshotSent), humanize.IBytes(m.stats.SnapshotBytes), m.from)
	}
	return fmt.Sprintf("moved and verified   blackout %-8s events during the move %6s   copied %s in %s",
		span(m.stats.Blackout), comma(m.stats.EventsDuring), humanize.IBytes(m.stats.SnapshotBytes), span(m.stats.Transfer))
}

// span prints a duration with the digits that matter.
func span(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// ended prints the balance of a run.
func (r *report) ended(e *evidence, t tally, took time.Duration) {
	a, v := e.acks, t.verdict
	r.line("producer sent %s, acknowledged %s, applied %s: lost %s, twice %s",
		comma(a.sent), comma(a.acknowledged), comma(e.applied.Applied), comma(v.Lost), comma(v.Duplicated))
	r.line("acknowledged after p50 %s, p99 %s, max %s; longest time without an acknowledgment %s", span(a.p50), span(a.p99), span(a.longest), span(a.gap))
	r.line("log: %s entries, %s events and %s", comma(e.head.Sequence), comma(e.applied.Applied), count(e.handovers(), "handover"))
	if e.counted != nil {
		r.line("text: %s", e.counted)
	}
	r.line("passport: %s verified offline by a separate process (peer verify): %s", count(e.passport.handovers, "handover"), okText(e.passport.verified))
	r.line("peak memory: %s", peakText(e.peaks))
	r.verdict(t, took)
}

// verdict prints the last word, or why not.
func (r *report) verdict(t tally, took time.Duration) {
	if len(t.problems) == 0 {
		r.line("PASS in %s.  Try: peer demo --keep --state 1GiB --rate 20k   |   --json   |   --seed 7", seconds(took))
		return
	}
	r.line("FAIL in %s:", seconds(took))
	for _, p := range t.problems {
		r.line(" - %s", p)
	}
}

// seconds is for the length of the whole run.
func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }

// count is a number and a noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return comma(uint64(n)) + " " + noun
}

// okText is how a check is called.
func okText(ok bool) string {
	if ok {
		return "OK"
	}
	return "NOT OK"
}

// peakText lists the nodes in the order of their names.
func peakText(peaks map[string]uint64) string {
	var parts []string
	for name, peak := range peaks {
		size := "unknown here"
		if peak > 0 {
			size = humanize.IBytes(peak)
		}
		parts = append(parts, name+" "+size)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// kept prints what to try on nodes that stay up.
func (r *report) kept(c *cluster, s session, at *member) {
	other := c.members[0]
	if other == at {
		other = c.members[1]
	}
	var commands []string
	for _, command := range []string{
		"daemon show " + s.daemon.Name,
		"migrate " + s.daemon.Name + " " + other.name,
		"node ls",
	} {
		commands = append(commands, fmt.Sprintf("peer %s --admin %s", command, at.admin.Socket()))
	}
	r.line("The nodes stay up until Ctrl-C. In another terminal:\n  %s", strings.Join(commands, "\n  "))
	r.object(struct {
		Type     string   `json:"type"`
		Commands []string `json:"commands"`
	}{"kept", commands})
}

// summary is the last object with --json. Names and meanings are kept from version to version.
type summary struct {
	Type         string `json:"type"`
	Pass         bool   `json:"pass"`
	Sent         uint64 `json:"sent"`
	Acknowledged uint64 `json:"acknowledged"`
	Applied      uint64 `json:"applied"`
	Lost         uint64 `json:"lost"`
	Duplicated   uint64 `json:"duplicated"`
	*textJSON           // of a wordcount
	Passport     struct {
		Verified  bool `json:"verified"`
		Handovers int  `json:"handovers"`
	} `json:"passport"`
	Moves    []move            `json:"moves"`
	P50      time.Duration     `json:"ack_p50_ns"`
	P99      time.Duration     `json:"ack_p99_ns"`
	Max      time.Duration     `json:"ack_max_ns"`
	Gap      time.Duration     `json:"ack_longest_gap_ns"`
	Sequence uint64            `json:"sequence"` // entries of the log
	Peaks    map[string]uint64 `json:"peak_rss_bytes"`
	Took     time.Duration     `json:"took_ns"`
	Problems []string          `json:"problems,omitempty"`
	Logs     string            `json:"logs,omitempty"` // of the nodes, kept after a failure
}

// newSummary puts together what programs are told.
func newSummary(e *evidence, t tally, took time.Duration) summary {
	a := e.acks
	s := summary{
		Type: "summary", Pass: len(t.problems) == 0, Sent: a.sent, Acknowledged: a.acknowledged, Applied: e.applied.Applied,
		Lost: t.verdict.Lost, Duplicated: t.verdict.Duplicated, textJSON: e.counted, Moves: e.moves,
		P50: a.p50, P99: a.p99, Max: a.longest, Gap: a.gap, Sequence: e.head.Sequence, Peaks: e.peaks, Took: took, Problems: t.problems,
	}
	s.Passport.Verified, s.Passport.Handovers = e.passport.verified, e.passport.handovers
	return s
}

// failedKind is the kind of the problem that failure returns.
const failedKind = "demo_failed"

// failure is what the command returns when something did not hold.
func failure(problems int) error {
	return client.Problemf(client.CodeError, failedKind, "the demo failed: %d of the things it checks did not hold", problems)
}

// withLogs says where to read what the nodes of a run that failed have logged.
func withLogs(err error, logs string) error {
	p := client.Problem{Code: client.CodeError, Kind: "error"}
	if known, ok := errors.AsType[*client.Problem](err); ok {
		p = *known
	}
	p.Detail = err.Error() // with what was done in front
	return p.Now("its nodes have been ended; what they logged is in %s", logs).Then("ls -l %s", logs)
}
