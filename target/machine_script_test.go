package target_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

var update = flag.Bool("update", false, "record the output of the scripts in testdata")

// TestMachineScripts plays testdata/machine_*.txt. A line is a command for the machine, what is indented
// below it is what the machine did; lines that begin with # are for the reader.
func TestMachineScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/machine_*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { playMachineScript(t, path) })
	}
}

func playMachineScript(t *testing.T, path string) {
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	r := newMachineRig(t)
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

// command is a line of a script in words: plain ones, numbers and name=number.
type command struct {
	t     *testing.T
	words []string
}

func (c command) has(word string) bool { return slices.Contains(c.words[1:], word) }

func (c command) number(name string, otherwise uint64) uint64 {
	for _, w := range c.words[1:] {
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			return c.parse(v)
		}
	}
	return otherwise
}

func (c command) first() uint64 {
	if len(c.words) < 2 {
		c.t.Fatalf("%s needs a number", c.words[0])
	}
	return c.parse(c.words[1])
}

func (c command) parse(s string) (n uint64) {
	if _, err := fmt.Sscan(s, &n); err != nil {
		c.t.Fatalf("%q: %q is no number", strings.Join(c.words, " "), s)
	}
	return n
}

func (c command) from() crypto.NodeID {
	for id, name := range nodeNames {
		if c.has(name) {
			return id
		}
	}
	return nodeS
}

func (c command) err(fallback error) error {
	switch {
	case c.has("gap"):
		return crypto.ErrGap
	case c.has("stale"):
		return wire.ErrStaleEpoch
	case c.has("mismatch"):
		return crypto.ErrHeadMismatch
	case c.has("fail"):
		return fallback
	}
	return nil
}

// play runs one command and describes what the machine did.
func (r *machineRig) play(line string) string {
	c := command{r.t, strings.Fields(line)}
	switch c.words[0] {
	case "new":
		r.start(c.has("directory"))
	case "run":
		return r.until(c)
	case "tick":
		r.step(target.Tick{})
	case "up":
		r.step(target.LinkUp{Peer: c.from()})
	case "down":
		r.step(target.LinkDown{Peer: c.from()})
	case "cancel":
		r.step(target.Cancel{})
	default:
		if !r.result(c) && !r.message(c) {
			r.t.Fatalf("no such command: %q", line)
		}
	}
	return r.describe("")
}

// result plays what the handler reports.
func (r *machineRig) result(c command) bool {
	switch c.words[0] {
	case "stream":
		r.step(target.StreamOpened{Stream: 1})
	case "claimed":
		r.step(target.Claimed{Head: r.heads[c.first()]})
	case "restored":
		r.step(target.Restored{Head: r.heads[c.number("at", 0)], EpochKey: testKey.Public(), Administrator: testAdmin.Public(), Err: c.err(errTest)})
	case "replayed":
		n := c.number("applied", 0)
		head := r.heads[c.first()]
		if c.has("other") {
			head.Outputs[0]++
		}
		r.step(target.Replayed{Head: head, Applied: n, Buffered: c.number("held", 0), Took: time.Duration(n) * time.Millisecond, Err: c.err(wire.ErrStateFailed)})
	case "held":
		r.step(target.HoldDone{Attempt: attempt(c.number("attempt", r.hold.Count)), Err: c.err(errTest)})
	case "decided":
		in := target.Decided{Attempt: attempt(c.number("attempt", r.hold.Count)), Cert: r.cert, Err: c.err(errTest)}
		switch c.words[1] {
		case "commit":
			in.Decision = wire.DecisionCommit
			r.over = r.accepted()
		case "abort":
			in.Decision = wire.DecisionAbort
		}
		r.step(in)
	case "activated":
		in := r.activated()
		if err := c.err(errTest); err != nil {
			in = target.Activated{Err: err}
		}
		r.step(in)
	default:
		return false
	}
	return true
}

// message plays what a peer sends.
func (r *machineRig) message(c command) bool {
	var msg wire.Message
	switch c.words[0] {
	case "Prepare":
		msg = &wire.Prepare{Ref: r.ref}
	case "BufferedEvents":
		from, to := c.first(), c.number("to", c.first())
		msg = &wire.BufferedEvents{Ref: r.ref, Events: r.log[from-1 : to]}
	case "Final":
		head := r.heads[c.number("at", 0)]
		if c.has("other") {
			head.Digest[0]++
		}
		msg = &wire.Final{Ref: r.ref, Attempt: attempt(c.first()), Head: head}
	case "Aborted":
		msg = &wire.Aborted{Ref: r.ref, Attempt: attempt(c.first())}
	case "Promised":
		r.certify(c)
		msg = &wire.Promised{Ref: r.ref, Cert: r.cert}
	case "MigrationFailed":
		msg = &wire.MigrationFailed{Ref: r.ref, Reason: wire.ReasonCancelled, Detail: "the source was told to stop"}
	case "ActivateTarget":
		ev := r.handover(c.number("at", 0), c.has)
		if len(c.words) <= 2 || c.has("forced") || !r.spoiled(c) {
			r.over = ev
		}
		msg = &wire.ActivateTarget{Ref: r.ref, Handover: ev}
	case "Ask":
		msg = &wire.Ask{Ref: r.ref, Attempt: attempt(c.number("attempt", 0))}
	case "Answer":
		msg = r.answer(c)
	default:
		return false
	}
	r.get(c.from(), msg)
	return true
}

func (r *machineRig) spoiled(c command) bool {
	return slices.ContainsFunc([]string{"elsewhere", "epoch", "wrongkey", "forged", "usurped", "otherhead"}, c.has)
}

func (r *machineRig) answer(c command) *wire.Answer {
	ans := &wire.Answer{Ref: r.ref, Boot: c.number("boot", 3), Attempt: attempt(c.number("attempt", 0))}
	switch {
	case c.has("serving"):
		ans.State = wire.StateServing
	case c.has("released"):
		r.over = r.handover(c.number("at", 0), c.has)
		ans.State, ans.HasHandover, ans.Handover = wire.StateReleased, true, r.over
	case c.has("frozen"):
		ans.State = wire.StateFrozen
	default:
		ans.State = wire.StateUnknown
	}
	return ans
}

// until ticks at every wake until a time has passed, and tells what happened when.
func (r *machineRig) until(c command) string {
	d, err := time.ParseDuration(c.words[1])
	if err != nil {
		r.t.Fatal(err)
	}
	began, end := r.now, r.now.Add(d)
	var b strings.Builder
	for !r.wake.IsZero() && !r.wake.After(end) {
		r.now = r.wake
		if r.step(target.Tick{}); len(r.out.Calls)+len(r.out.Consults)+len(r.out.Sends) > 0 {
			b.WriteString(r.describe(fmt.Sprintf("+%v ", r.now.Sub(began))))
		}
	}
	r.now = end
	if r.out = (target.MachineOutput{}); b.Len() == 0 {
		return r.describe("")
	}
	return b.String()
}
