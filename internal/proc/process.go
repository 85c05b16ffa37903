package proc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Command says what to run and how it is known to be ready.
type Command struct {
	Path string
	Args []string
	Env  []string // on top of Environ

	// Log takes everything that the process prints, and is closed after its end.
	Log *os.File

	// Ready is called with each line of the standard output, without its end, until it returns true.
	// What it stores can be read once WaitReady has returned nil.
	Ready func(line string) bool
}

// Process is one child. All methods may be called at any time, by several goroutines.
type Process struct {
	cmd    *exec.Cmd
	ready  chan struct{} // closed at the line that says so
	exited chan struct{} // closed when the process has been waited for, and err is set
	err    error         // how it ended
}

// Run starts a command. It is waited for in the background.
func (l *Launcher) Run(c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stderr, cmd.Env = c.Log, append(Environ(), c.Env...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = l.start(cmd)
	}
	if err != nil {
		return nil, errors.Join(err, c.Log.Close())
	}
	p := &Process{cmd: cmd, ready: make(chan struct{}), exited: make(chan struct{})}
	go p.follow(out, c.Log, c.Ready)
	return p, nil
}

// follow copies the output until it ends, which it does with the process, and then waits for that.
func (p *Process) follow(out io.Reader, log io.WriteCloser, isReady func(string) bool) {
	defer close(p.exited)
	defer log.Close()
	lines := bufio.NewReader(io.TeeReader(out, log))
	for ready := false; ; {
		line, err := lines.ReadString('\n')
		if !ready && isReady(strings.TrimRight(line, "\r\n")) {
			ready = true
			close(p.ready)
		}
		if err != nil {
			break
		}
	}
	p.err = p.cmd.Wait()
}

// PID returns the number of the process, which may be another's once it has ended.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// WaitReady returns when the process is ready, or with an error if it ends before.
func (p *Process) WaitReady(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.exited:
		return fmt.Errorf("it ended before it was ready: %w", p.err)
	case <-ctx.Done():
		return fmt.Errorf("it is not ready: %w", context.Cause(ctx))
	}
}

// Exited is closed when the process has ended and been waited for.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Running reports whether the process is there; stopped counts.
func (p *Process) Running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Err waits for the end of the process and returns how that came: nil for exit code 0, otherwise an
// *exec.ExitError.
func (p *Process) Err() error {
	<-p.exited
	return p.err
}

// Signal sends a signal, unless the process has ended. One that ends just now is no error: it has not been
// waited for, so nobody else has its number.
func (p *Process) Signal(s os.Signal) {
	if p.Running() {
		_ = p.cmd.Process.Signal(s)
	}
}

// Kill ends the process and its group at once, as a crash would, stopped or not, and waits for the end. A
// second Kill does nothing.
func (p *Process) Kill() {
	if p.Running() {
		killGroup(p.cmd)
		<-p.exited
	}
}

// Stop asks the process to end, and kills it if it has not ended in time.
func (p *Process) Stop(grace time.Duration) {
	if p.Running() {
		terminate(p.cmd)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.Kill()
	}
}
