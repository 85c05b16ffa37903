package proc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParsePeak(t *testing.T) {
	for status, want := range map[string]uint64{
		"Name:\tpeer\nVmPeak:\t  9000 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 1000 kB\n": 1234 << 10,
		"Name:\tpeer\nVmHWM:\t1234 MB\n":                                           0,
		"Name:\tpeer\nVmHWM:\tmuch kB\n":                                           0,
		"Name:\tpeer\n":                                                            0,
		"":                                                                         0,
	} {
		if got, err := parsePeak([]byte(status)); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %d, %v, want %d", status, got, err, want)
		}
	}
	if got, err := PeakMemory(os.Getpid()); err != nil || got < 1<<20 {
		t.Errorf("this process has had %d bytes resident at most, %v", got, err)
	}
}

// shell starts a shell that is ready when it says so.
func shell(t *testing.T, l *Launcher, script string) (*Process, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Run(Command{
		Path: "/bin/sh", Args: []string{"-c", script}, Log: log,
		Ready: func(line string) bool { return line == "ready" },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, path
}

func TestProcess(t *testing.T) {
	l := NewLauncher()
	defer l.Close()
	p, path := shell(t, l, "echo getting; echo noise >&2; echo ready; exec sleep 60")
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Stop(time.Minute)
	p.Kill() // once more does nothing
	log, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(log), "getting\n") || !strings.Contains(string(log), "ready\n") {
		t.Errorf("log %q, %v", log, err)
	}
}

// TestProcessStubborn: a child that does not obey is killed.
func TestProcessStubborn(t *testing.T) {
	l := NewLauncher()
	defer l.Close()
	p, _ := shell(t, l, "trap '' TERM; echo ready; while :; do sleep 60; done")
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Stop(time.Millisecond)
}

func TestProcessNeverReady(t *testing.T) {
	l := NewLauncher()
	defer l.Close()
	p, _ := shell(t, l, "exit 3")
	if err := p.WaitReady(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	slow, _ := shell(t, l, "exec sleep 60")
	if err := slow.WaitReady(ctx); err == nil {
		t.Error("a child that says nothing is ready")
	}
}

// TestLauncherEnds: children die with the thread that started them, which is what ends them when this
// process is killed.
func TestLauncherEnds(t *testing.T) {
	l := NewLauncher()
	p, _ := shell(t, l, "echo ready; exec sleep 60")
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	<-p.Exited()
}

func TestLauncherOutput(t *testing.T) {
	l := NewLauncher()
	defer l.Close()
	out, err := l.Output(t.Context(), "/bin/sh", "-c", "echo fine; echo bad >&2; exit 9")
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 9 || out != "fine\nbad\n" {
		t.Errorf("got %q, %v", out, err)
	}
	t.Setenv("FERRY_ADMIN", "elsewhere")
	if out, err = l.Output(t.Context(), "/bin/sh", "-c", "echo x$FERRY_ADMIN"); out != "x\n" || err != nil {
		t.Errorf("a child sees FERRY_ADMIN: %q, %v", out, err)
	}
	if _, err := l.Output(t.Context(), filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a program that does not exist was run")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Output(ctx, "/bin/sh", "-c", "exec sleep 60"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestSignals: one that is stopped runs, and can be killed; how it ended is told.
func TestSignals(t *testing.T) {
	l := NewLauncher()
	defer l.Close()
	p, _ := shell(t, l, "echo ready; exec sleep 60")
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Signal(syscall.SIGSTOP); !p.Running() {
		t.Error("stopped is not ended")
	}
	p.Kill()
	if _, ok := errors.AsType[*exec.ExitError](p.Err()); !ok || p.Running() {
		t.Errorf("it ended with %v", p.Err())
	}
	p.Signal(syscall.SIGCONT) // to nobody
}
