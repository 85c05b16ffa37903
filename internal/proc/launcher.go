// Package proc runs programs that end with this one, whatever ends it, and waits until they are ready.
package proc

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// Launcher starts child processes, all from one thread. Linux ends a child when the thread that started it
// ends (PDEATHSIG), not when the process does; a thread that is locked for as long as the launcher is open
// makes the two the same. Elsewhere children outlive a parent that is killed.
type Launcher struct {
	starts chan func()
	ended  chan struct{}
}

// NewLauncher starts the thread. It costs one until Close.
func NewLauncher() *Launcher {
	l := &Launcher{starts: make(chan func()), ended: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		defer close(l.ended)
		for start := range l.starts {
			start()
		}
	}()
	return l
}

// Close ends the thread. Children that still run are killed by that, on Linux.
func (l *Launcher) Close() {
	close(l.starts)
	<-l.ended
}

// Output runs a command to its end and returns what it printed on either stream. Without an environment of
// its own it has Environ's. The error is that of its exit code, or the context's.
func (l *Launcher) Output(ctx context.Context, path string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, Environ()
	if err := l.start(cmd); err != nil {
		return "", err
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out.String(), err
}

// start starts a command that will die with this process, in a process group of its own.
func (l *Launcher) start(cmd *exec.Cmd) (err error) {
	isolate(cmd)
	done := make(chan struct{})
	l.starts <- func() { err = cmd.Start(); close(done) }
	<-done // after which err belongs to this goroutine
	return err
}

// Environ is this process's environment without the settings of ferry itself, which are about another node.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "FERRY_") })
}
