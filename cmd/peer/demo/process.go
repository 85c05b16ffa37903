package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// launcher starts child processes, all from one thread. Linux ends a child when the thread that started it
// ends (PDEATHSIG), not when the process does; a thread that is locked for as long as the run takes makes
// the two the same.
type launcher struct {
	starts chan func()
	ended  chan struct{}
}

// newLauncher starts the thread. It costs one for as long as the launcher is not closed.
func newLauncher() *launcher {
	l := &launcher{starts: make(chan func()), ended: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		defer close(l.ended)
		for start := range l.starts {
			start()
		}
	}()
	return l
}

// start starts a command that will die with this process.
func (l *launcher) start(cmd *exec.Cmd) (err error) {
	done := make(chan struct{})
	l.starts <- func() { err = cmd.Start(); close(done) }
	<-done // after which err belongs to this goroutine
	return err
}

// close ends the thread. Children that still run are killed by that, on Linux.
func (l *launcher) close() {
	close(l.starts)
	<-l.ended
}

// process is one child. Its output goes to a log file, and the lines of its standard output to whoever
// waits for it to be ready as well.
type process struct {
	cmd    *exec.Cmd
	ready  chan struct{} // closed at the line that says so
	exited chan struct{} // closed when the process has been waited for, and err is set
	err    error         // how it ended
}

// readyLine is what "peer serve" prints when it can be used.
const readyLine = "ready"

// startProcess starts a child whose output is appended to the log, which is closed when the child has ended.
func startProcess(l *launcher, log *os.File, path string, args ...string) (*process, error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr, cmd.Env = log, cleanEnv()
	isolate(cmd)
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

// cleanEnv is the environment without the settings of this program, which are about another node.
func cleanEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "FERRY_") })
}

// follow copies the output until it ends, which it does with the process, and then waits for that.
func (p *process) follow(out io.Reader, log io.WriteCloser) {
	defer close(p.exited)
	defer log.Close()
	lines := bufio.NewReader(io.TeeReader(out, log))
	for ready := false; ; {
		line, err := lines.ReadString('\n')
		if !ready && strings.TrimSpace(line) == readyLine {
			ready = true
			close(p.ready)
		}
		if err != nil {
			break
		}
	}
	p.err = p.cmd.Wait()
}

// waitReady returns when the child is ready, or with an error if it ends before.
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

// kill ends the child at once, as a crash would, and waits for the end. A second kill does nothing.
func (p *process) kill() {
	select {
	case <-p.exited: // its number may be somebody else's by now
	default:
		killGroup(p.cmd)
		<-p.exited
	}
}

// stop asks the child to end, and kills it if it has not ended in time.
func (p *process) stop(grace time.Duration) {
	terminate(p.cmd)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.kill()
	}
}
