package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ferrymesh/ferry/cmd/peer/failpoint"
)

// nodes is the key under which a script keeps its nodes, by name.
type nodes struct{}

// process is one "peer serve" of a script.
type process struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer  // what it printed; to be read when done is closed
	done     chan struct{} // closed when it has ended
}

func serveNode(ts *testscript.TestScript, neg bool, args []string) {
	name := args[0]
	flags := []string{"serve", "--data", name, "--name", name, "--log-level", "warn"}
	if !slices.Contains(args, "--listen") {
		flags = append(flags, "--listen", "127.0.0.1:0")
	}
	flags = append(flags, args[1:]...)
	p := &process{cmd: exec.Command(program(ts), flags...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = ts.MkAbs("."), append(p.cmd.Environ(), "XDG_STATE_HOME="+ts.Getenv("XDG_STATE_HOME"), "GORACE="+ts.Getenv("GORACE"), failpoint.Variable+"="+ts.Getenv(failpoint.Variable))
	p.cmd.Stderr = &p.err
	stdout, err := p.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	ts.Value(nodes{}).(map[string]*process)[name] = p
	ts.Defer(p.kill)
	ready := make(chan map[string]string, 1)
	go p.read(stdout, ready)
	select {
	case vars := <-ready:
		for k, v := range vars {
			ts.Setenv(name+"_"+k, v)
		}
	case <-p.done:
		ts.Fatalf("node %s has ended: %s", name, p.err.String())
	case <-time.After(patience):
		ts.Fatalf("node %s is not ready", name)
	}
}

// program is the command under test, which testscript has put first in the path.
func program(ts *testscript.TestScript) string {
	dir, _, _ := strings.Cut(ts.Getenv("PATH"), string(filepath.ListSeparator))
	return filepath.Join(dir, "peer")
}

// read takes what the node prints, looks for the ready line, and waits for the end.
func (p *process) read(stdout io.Reader, ready chan<- map[string]string) {
	defer close(p.done)
	vars := make(map[string]string)
	lines := bufio.NewScanner(io.TeeReader(stdout, &p.out))
	for lines.Scan() {
		line := lines.Text()
		var r readyLine
		switch {
		case strings.HasPrefix(line, "listen "):
			vars["addr"] = strings.Fields(line)[2]
		case line == "ready":
			ready <- vars
		case json.Unmarshal([]byte(line), &r) == nil && r.Type == "ready":
			ready <- map[string]string{"addr": r.Addrs[0], "key": r.PublicKey, "id": r.Node.ID}
		}
	}
	_ = p.cmd.Wait() // the exit code is in p.cmd.ProcessState
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

func node(ts *testscript.TestScript, name string) *process {
	p := ts.Value(nodes{}).(map[string]*process)[name]
	if p == nil {
		ts.Fatalf("there is no node %s", name)
	}
	return p
}

func stopped(ts *testscript.TestScript, _ bool, args []string) {
	p := node(ts, args[0])
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("node %s does not end", args[0])
	}
	_, err := ts.Stdout().Write(p.out.Bytes())
	_, err2 := ts.Stderr().Write(p.err.Bytes())
	ts.Check(errors.Join(err, err2))
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		ts.Fatalf("node %s ended with %d: %s", args[0], code, p.err.String())
	}
}

// ended waits for a node that ends by itself, and compares its exit code; "killed" is the end by SIGKILL.
func ended(ts *testscript.TestScript, _ bool, args []string) {
	p := node(ts, args[0])
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("node %s does not end", args[0])
	}
	_, err := ts.Stderr().Write(p.err.Bytes())
	ts.Check(err)
	got := strconv.Itoa(p.cmd.ProcessState.ExitCode())
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		got = "killed"
	}
	if got != args[1] {
		ts.Fatalf("node %s ended with %s: %s", args[0], got, p.err.String())
	}
}

func killed(ts *testscript.TestScript, _ bool, args []string) { node(ts, args[0]).kill() }
