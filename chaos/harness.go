package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/internal/proc"
)

// harness is what all runs share: the program under test, the place for what they leave behind, the counts.
type harness struct {
	o        options
	out      io.Writer
	dir      string
	peer     string // the program
	launcher *proc.Launcher
	disks    bool // this process may mount file systems
	total    totals

	mu  sync.Mutex // guards log
	log *os.File   // of the current run, nil between runs
}

// totals are the counts of all runs.
type totals struct {
	passed, failed, void    int
	moves, kills, ops, open int
	points, tried           map[string]int // how often a node died at each step, and was to
	seeds                   []uint64       // of the failing runs
}

// good reports whether something was tested and everything held. Whether it was as much as was asked for is said by an error.
func (t *totals) good() bool { return t.failed == 0 && t.passed > 0 }

// newHarness builds the program, unless it is given one, and looks at what it can do.
func newHarness(ctx context.Context, o options, out io.Writer) (*harness, error) {
	h := &harness{o: o, out: out, peer: o.peer, launcher: proc.NewLauncher(), total: totals{points: make(map[string]int), tried: make(map[string]int)}}
	var err error
	if o.keep != "" {
		h.dir, err = filepath.Abs(o.keep)
		err = errors.Join(err, os.MkdirAll(h.dir, 0o700))
	} else {
		h.dir, err = os.MkdirTemp(tempRoot(), "ferry-chaos-")
	}
	if err == nil && h.peer == "" {
		err = h.build(ctx)
	}
	if err != nil {
		return nil, err
	}
	if h.peer, err = filepath.Abs(h.peer); err != nil {
		return nil, err
	}
	h.disks = canMount()
	return h, nil
}

// inMemory is the level of durability at which daemons end with their node.
const inMemory = "memory"

// durable reports whether daemons survive the death of their node, so that it can be asked for.
func (h *harness) durable() bool { return h.o.level != inMemory }

// levelOf is the durability of the daemons of a run. Both levels promise that what was acknowledged is there
// after a crash; the one in between does not, and is left out.
func (h *harness) levelOf(seed uint64) string {
	levels := []string{"every-event", "every-event", "both"}
	if h.o.level != "" {
		return h.o.level
	}
	return levels[seed%uint64(len(levels))]
}

// keeps reports whether a directory decides about the moves of a run: in every other one whose daemons outlive a crash.
func (h *harness) keeps(seed uint64) bool { return seed%2 == 0 && h.durable() }

// conditions says for people what a run is about.
func (h *harness) conditions(seed uint64) string {
	if h.keeps(seed) {
		return h.levelOf(seed) + ", with a directory"
	}
	return h.levelOf(seed)
}

// maxTempRoot leaves room for the rest of the path of a socket.
const maxTempRoot = 60

// tempRoot is the system's directory for temporary files, or /tmp where that is too long for a socket.
func tempRoot() string {
	if root := os.TempDir(); len(root) <= maxTempRoot {
		return root
	}
	return "/tmp"
}

// build builds the program once, in the module around this one, whose directory the go command knows.
func (h *harness) build(ctx context.Context) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/ferrymesh/ferry").Output()
	if err != nil {
		return fmt.Errorf("finding the peer program (run this in its own module, or use -peer): %w", err)
	}
	h.peer = filepath.Join(h.dir, "peer")
	args := []string{"build", "-C", strings.TrimSpace(string(root)), "-o", h.peer}
	if h.o.killpoints {
		args = append(args, "-tags", "failpoints")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/peer")...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the peer program: %w\n%s", err, said)
	}
	return nil
}

// close removes everything but what failing runs left behind.
func (h *harness) close() {
	h.launcher.Close()
	if h.peer == filepath.Join(h.dir, "peer") {
		_ = os.Remove(h.peer)
	}
	// Fails, as it should, if anything is left.
	_ = os.Remove(h.dir)
}

// note writes a line to the log of the run, and shows it if asked to.
func (h *harness) note(format string, args ...any) {
	line := time.Now().UTC().Format("15:04:05.000000 ") + fmt.Sprintf(format, args...)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.log != nil {
		fmt.Fprintln(h.log, line)
	}
	if h.o.print {
		fmt.Fprintln(h.out, line)
	}
}

// say prints a result.
func (h *harness) say(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(h.out, format+"\n", args...)
}

// runAll makes all runs and prints the summary. The error is of the harness itself.
func (h *harness) runAll(ctx context.Context) error {
	var err error
	if h.o.killpoints {
		err = h.killAll(ctx)
	} else {
		err = h.runHistories(ctx)
	}
	t := &h.total
	h.say("chaos: %d passed, %d failed (%d void, %d moves, %d kills, %d operations, %d of unknown outcome)", t.passed, t.failed, t.void, t.moves, t.kills, t.ops, t.open)
	if t.failed > 0 {
		h.say("chaos: failing seeds %v; their logs and histories are in %s", t.seeds, h.dir)
	}
	return err
}

// runHistories makes one run per seed. Void runs are repeated under later seeds, a few times.
func (h *harness) runHistories(ctx context.Context) error {
	most := h.o.runs + h.o.runs/2 + 2
	for i := 0; h.total.passed+h.total.failed < h.o.runs && i < most; i++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		seed := h.o.seed + uint64(i)
		r := h.inDir(seed, func(base string) *result { return h.runHistory(ctx, base, seed) })
		if ctx.Err() != nil {
			return context.Cause(ctx) // what it found may come from the interruption
		}
		h.count(seed, r)
	}
	return h.enough()
}

// enough returns an error if fewer histories count than were asked for.
func (h *harness) enough() error {
	if counted := h.total.passed + h.total.failed; counted < h.o.runs {
		return fmt.Errorf("only %d of %d histories count: in the others too little happened", counted, h.o.runs)
	}
	return nil
}

// inDir makes a run in a directory of its own, which stays only if something was found.
func (h *harness) inDir(seed uint64, run func(base string) *result) *result {
	base := filepath.Join(h.dir, fmt.Sprintf("seed-%d", seed))
	r := &result{}
	err := os.RemoveAll(base)
	if err == nil {
		err = os.MkdirAll(base, 0o700)
	}
	if err == nil {
		h.log, err = os.Create(filepath.Join(base, "chaos.log"))
	}
	if err != nil {
		r.fail(err)
		return r
	}
	r = run(base)
	h.mu.Lock()
	err, h.log = h.log.Close(), nil
	h.mu.Unlock()
	r.fail(err)
	if len(r.findings) == 0 {
		r.fail(os.RemoveAll(base))
		return r
	}
	r.fail(os.WriteFile(filepath.Join(base, "findings"), []byte(strings.Join(r.findings, "\n")+"\n"), 0o600))
	return r
}

// count adds a result to the totals and prints it.
func (h *harness) count(seed uint64, r *result) {
	t := &h.total
	t.moves, t.kills, t.ops, t.open = t.moves+r.moves, t.kills+r.kills, t.ops+r.ops, t.open+r.open
	verdict := "passed"
	switch {
	case len(r.findings) > 0:
		verdict = "FAILED"
		t.failed++
		t.seeds = append(t.seeds, seed)
	case r.void != "":
		verdict = "void: " + r.void
		t.void++
	default:
		t.passed++
	}
	h.say("seed %d, %s: %s (%d moves, %d kills, %d operations, %d of unknown outcome; %v)", seed, h.conditions(seed), verdict, r.moves, r.kills, r.ops, r.open, r.took.Round(time.Millisecond))
	for _, f := range r.findings {
		h.say("  %s", f)
	}
}
