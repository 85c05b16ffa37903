//go:build unix

package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests run the program itself, since what they are about is processes.

// builds is where the program is built to, once.
var builds string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ferry-demo-test-")
	if err != nil {
		panic(err)
	}
	builds = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builds, "peer")
	out, err := exec.Command("go", "build", "-o", path, "github.com/ferrymesh/ferry/cmd/peer").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// tourist is a running demo.
type tourist struct {
	t     *testing.T
	cmd   *exec.Cmd
	tmp   string // its directory for temporary files
	pipe  io.ReadCloser
	out   *bufio.Reader
	notes notes
}

// notes is what the demo has written to its standard error so far.
type notes struct {
	mu   sync.Mutex
	text []byte
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = append(n.text, b...)
	return len(b), nil
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return string(n.text)
}

// demo starts a demo with --json in a directory of its own.
func demo(t *testing.T, args ...string) *tourist {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	d := &tourist{t: t, tmp: t.TempDir(), cmd: exec.Command(path, append([]string{"demo", "--json"}, args...)...)}
	if len(d.tmp) > maxTempRoot {
		t.Fatalf("%s is too long for sockets in it", d.tmp)
	}
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.tmp)
	d.cmd.Stderr = &d.notes
	out, err := d.cmd.StdoutPipe()
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	d.pipe, d.out = out, bufio.NewReader(out)
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	return d
}

// object is any line of the output.
type object struct {
	Type string `json:"type"`
	Move struct {
		Outcome string `json:"outcome"`
	} `json:"move"`
	Pass         bool
	Sent         uint64
	Acknowledged uint64
	Applied      uint64
	Lost         uint64
	Duplicated   uint64
	Lines        uint64
	Words        uint64
	Bytes        uint64
	Passport     struct {
		Verified  bool
		Handovers int
	}
	Moves    []struct{ From, To, Outcome string }
	Peaks    map[string]uint64 `json:"peak_rss_bytes"`
	Problems []string
	Logs     string
	Commands []string
}

// next reads one line of the output; false at its end.
func (d *tourist) next() (o object, ok bool) {
	d.t.Helper()
	line, err := d.out.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(line) == 0 {
		return o, false
	}
	if err := json.Unmarshal(line, &o); err != nil || o.Type == "" {
		d.t.Fatalf("%q: %v", line, err)
	}
	return o, true
}

// until reads up to a line of a type.
func (d *tourist) until(kind string) object {
	d.t.Helper()
	for {
		o, ok := d.next()
		if !ok {
			d.t.Fatalf("it ended without a line of the type %q: %v\n%s", kind, d.cmd.Wait(), d.notes.String())
		}
		if o.Type == kind {
			return o
		}
	}
}

// wait reads the rest of the output and returns the last line and the exit code.
func (d *tourist) wait() (last object, code int) {
	d.t.Helper()
	for {
		o, ok := d.next()
		if !ok {
			break
		}
		last = o
	}
	_ = d.cmd.Wait()
	return last, d.cmd.ProcessState.ExitCode()
}

// nothingLeft checks that no process and no file of the demo is left.
func (d *tourist) nothingLeft() {
	d.t.Helper()
	if left := d.processes(); len(left) > 0 {
		d.t.Errorf("processes left: %v", left)
	}
	if left, err := os.ReadDir(d.tmp); err != nil || len(left) > 0 {
		d.t.Errorf("files left: %v %v", left, err)
	}
}

// processes lists the command lines of the demo's children, by the directory that they are given.
func (d *tourist) processes() (lines map[string]string) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,args=").Output()
	if err != nil {
		d.t.Fatal(err)
	}
	lines = make(map[string]string)
	for line := range strings.Lines(string(out)) {
		pid, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(args, d.tmp) {
			lines[pid] = args
		}
	}
	return lines
}

func (d *tourist) signal(s syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// onlyAnError checks that standard error has one object and no line for people: the demo has ended with an error.
func (d *tourist) onlyAnError() {
	d.t.Helper()
	var e object
	if err := json.Unmarshal([]byte(d.notes.String()), &e); err != nil || e.Type != "error" {
		d.t.Errorf("on standard error: %s: %v", d.notes.String(), err)
	}
}

// TestSmoke is the demo with little state: everything holds, and nothing is left behind.
func TestSmoke(t *testing.T) {
	d := demo(t, "--state", "2MiB", "--rate", "500")
	s, code := d.wait()
	if code != 0 || s.Type != "summary" || !s.Pass {
		t.Fatalf("exit %d, %+v\n%s", code, s, d.notes.String())
	}
	if s.Sent == 0 || s.Acknowledged != s.Sent || s.Applied != s.Sent || s.Lost != 0 || s.Duplicated != 0 {
		t.Errorf("counts %+v", s)
	}
	if !s.Passport.Verified || s.Passport.Handovers != 3 || len(s.Peaks) != 3 {
		t.Errorf("proofs %+v", s)
	}
	var path []string
	for _, m := range s.Moves {
		path = append(path, m.From+">"+m.To+" "+m.Outcome)
	}
	if got := strings.Join(path, ", "); got != "alpha>bravo moved, bravo>charlie stayed, bravo>charlie moved, charlie>alpha moved" {
		t.Errorf("moves %s", got)
	}
	if said := d.notes.String(); said != "" {
		t.Errorf("with --json, on standard error: %s", said)
	}
	d.nothingLeft()
}

// TestSmokeText feeds a wordcount with a directory that has everything in it which a counter could get
// wrong, and compares with a count of the joined text, and with wc.
func TestSmokeText(t *testing.T) {
	dir := t.TempDir()
	text := writeTexts(t, dir)
	d := demo(t, "--kind", "wordcount", "--input", dir, "--moves", "4")
	s, code := d.wait()
	if code != 0 || !s.Pass {
		t.Fatalf("exit %d, %+v\n%s", code, s, d.notes.String())
	}
	got := textJSON{s.Lines, s.Words, s.Bytes}
	if want := naive(text); got != want {
		t.Errorf("counted %v, want %v", got, want)
	}
	wc := exec.Command("wc")
	wc.Stdin, wc.Env = strings.NewReader(text), append(os.Environ(), "LC_ALL=C")
	if out, err := wc.Output(); err == nil {
		want := strings.Join(strings.Fields(string(out)), " ")
		if have := strings.NewReplacer(",", "", " lines", "", " words", "", " bytes", "").Replace(got.String()); have != want {
			t.Errorf("counted %s, wc says %s", have, want)
		}
	}
	d.nothingLeft()
}

// writeTexts makes the files and returns them joined in the order in which they are to be read.
func writeTexts(t *testing.T, dir string) string {
	var joined strings.Builder
	for _, f := range []struct{ name, text string }{
		{"a-first", "one two\r\nthree\r\n\r\n"},
		{"a.second", strings.Repeat("many short lines\n\n", 2000)},
		{"a/third", "ends without a newline in mid"},
		{"a/zero", ""},
		{"b/fourth", "word and \xff\xfe bytes \x80\n"},
		{"b/megabyte", strings.Repeat("a line above the limit ", 1<<20/23) + "\nend"},
		{"c", " of it all\n"},
	} {
		write(t, dir, f.name, f.text)
		joined.WriteString(f.text)
	}
	if err := os.Symlink(filepath.Join(dir, "c"), filepath.Join(dir, "d")); err != nil {
		t.Fatal(err)
	}
	return joined.String()
}

// naive counts as wc does, in three sweeps over the whole text.
func naive(text string) (n textJSON) {
	n.Lines, n.Bytes = uint64(strings.Count(text, "\n")), uint64(len(text))
	for _, word := range bytes.FieldsFunc([]byte(text), func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }) {
		if bytes.ContainsFunc(word, func(r rune) bool { return r > ' ' && r < 0x7f }) {
			n.Words++
		}
	}
	return n
}

// TestInterrupted: whatever ends the demo, and whenever, nothing is left behind.
func TestInterrupted(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		after  string
	}{
		{"Ctrl-C while it serves", syscall.SIGINT, "started"},
		{"SIGTERM between moves", syscall.SIGTERM, "move"},
		{"terminal closed", syscall.SIGHUP, "started"},
	} {
		d := demo(t, "--state", "2MiB", "--rate", "500")
		d.until(c.after)
		d.signal(c.signal)
		if last, code := d.wait(); code != 130 || last.Type == "summary" {
			t.Errorf("%s: exit %d, last line %+v\n%s", c.name, code, last, d.notes.String())
		}
		d.nothingLeft()
	}
}

// TestReaderGone: the output of the demo is cut off, as by "| head".
func TestReaderGone(t *testing.T) {
	d := demo(t, "--state", "2MiB", "--rate", "500")
	d.until("started")
	if err := d.pipe.Close(); err != nil {
		t.Fatal(err)
	}
	if _ = d.cmd.Wait(); d.cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("exit %d\n%s", d.cmd.ProcessState.ExitCode(), d.notes.String())
	}
	d.nothingLeft()
}

// TestNodeDies: a node that ends by itself fails the demo, and the logs are kept.
func TestNodeDies(t *testing.T) {
	d := demo(t, "--state", "2MiB", "--rate", "500")
	d.until("started")
	for pid, args := range d.processes() {
		if strings.Contains(args, "--name alpha") {
			if err := exec.Command("kill", "-9", pid).Run(); err != nil {
				t.Fatal(err)
			}
		}
	}
	last, code := d.wait()
	if code != 1 || last.Type != "summary" || last.Pass || len(last.Problems) == 0 {
		t.Errorf("exit %d, last line %+v\n%s", code, last, d.notes.String())
	}
	if left := d.processes(); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	logs, _ := filepath.Glob(filepath.Join(d.tmp, "*", "*", "*"))
	if len(logs) != 3 || !strings.Contains(d.notes.String(), filepath.Dir(logs[0])) || last.Logs != filepath.Dir(logs[0]) {
		t.Errorf("kept %q, the summary says %q, said\n%s", logs, last.Logs, d.notes.String())
	}
	d.onlyAnError()
}

// TestKeep: the nodes stay up for the commands that are printed, and end with Ctrl-C.
func TestKeep(t *testing.T) {
	d := demo(t, "--state", "2MiB", "--rate", "500", "--moves", "1", "--keep")
	kept := d.until("kept")
	if s := d.until("summary"); !s.Pass {
		t.Fatalf("%+v\n%s", s, d.notes.String())
	}
	for _, line := range kept.Commands {
		args, found := strings.CutPrefix(line, "peer ")
		if !found || !strings.Contains(args, "--admin") {
			t.Errorf("%q is no command for a node", line)
		}
		if out, err := exec.Command(d.cmd.Path, strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Errorf("peer %s: %v: %s", args, err, out)
		}
	}
	if len(kept.Commands) != 3 {
		t.Errorf("%d commands were printed:\n%s", len(kept.Commands), kept.Commands)
	}
	d.signal(syscall.SIGINT)
	if _, code := d.wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, d.notes.String())
	}
	d.nothingLeft()
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--kind", "cat"}, {"--moves", "0"}, {"spare"}, {"--kind", "wordcount", "--input", "/no/such/file"}} {
		d := demo(t, args...)
		if _, code := d.wait(); code != 2 {
			t.Errorf("%v: exit %d\n%s", args, code, d.notes.String())
		}
		d.nothingLeft()
	}
}

// eventually waits until a condition holds, looking every few milliseconds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	late := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}
