package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// launcher starts child processes, all from one thread that lives as long as it does: Linux kills a child
// when the thread that started it ends, so nothing outlives this process whatever ends it.
type launcher struct{ starts chan func() }

func newLauncher() *launcher {
	l := &launcher{starts: make(chan func())}
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		for start := range l.starts {
			start()
		}
	}()
	return l
}

// start starts a command in a process group of its own.
func (l *launcher) start(cmd *exec.Cmd) (err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	done := make(chan struct{})
	l.starts <- func() { err = cmd.Start(); close(done) }
	<-done
	return err
}

// close ends the thread, and with it every child that still runs.
func (l *launcher) close() { close(l.starts) }

// process is one child that serves as a node.
type process struct {
	cmd    *exec.Cmd
	ready  chan struct{} // closed at its ready line, when addr is set
	exited chan struct{} // closed when it has been waited for, when err is set
	addr   string        // where it listens
	err    error         // how it ended
}

// startProcess starts a node. Everything it prints is appended to the log, which is closed after its end.
func startProcess(l *launcher, log *os.File, env []string, path string, args ...string) (*process, error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr = log
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "FERRY_") }), env...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = l.start(cmd)
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	p := &process{cmd: cmd, ready: make(chan struct{}), exited: make(chan struct{})}
	go p.follow(out, log)
	return p, nil
}

// follow copies the output until it ends, which it does with the process, and then waits for that.
func (p *process) follow(out io.Reader, log io.WriteCloser) {
	defer close(p.exited)
	defer log.Close()
	lines := bufio.NewScanner(io.TeeReader(out, log))
	for said := false; lines.Scan(); {
		var line struct {
			Type  string
			Addrs []string
		}
		if said || json.Unmarshal(lines.Bytes(), &line) != nil || line.Type != "ready" || len(line.Addrs) == 0 {
			continue
		}
		said, p.addr = true, line.Addrs[0]
		close(p.ready)
	}
	p.err = p.cmd.Wait()
}

// waitReady returns when the node can be used, or with an error if it ends before.
func (p *process) waitReady(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.exited:
		return fmt.Errorf("it ended before it was ready: %w", p.err)
	case <-ctx.Done():
		return fmt.Errorf("it is not ready: %w", context.Cause(ctx))
	}
}

// signal sends a signal to the node, unless it has ended: its number may be somebody else's by then.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		// A process that ends just now has not been waited for, so nobody else has its number.
		_ = p.cmd.Process.Signal(s)
	}
}

// kill ends the node as a crash would, stopped or not, and waits for the end.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// running reports whether the node is there; stopped counts.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// output runs a command to its end and returns what it printed. The error is that of its exit code.
func (l *launcher) output(ctx context.Context, path string, args ...string) (string, error) {
	var out strings.Builder
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := l.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	return out.String(), err
}
