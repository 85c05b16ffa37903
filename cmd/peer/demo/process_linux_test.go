package demo

import (
	"context"
	"os"
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
		if got := parsePeak([]byte(status)); got != want {
			t.Errorf("%q: got %d, want %d", status, got, want)
		}
	}
	if got := peakMemory(os.Getpid()); got < 1<<20 {
		t.Errorf("this process has had %d bytes resident at most", got)
	}
}

// child starts a shell as a node would be started.
func child(t *testing.T, l *launcher, script string) (*process, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(l, log, "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p, path
}

func TestProcess(t *testing.T) {
	l := newLauncher()
	defer l.close()
	p, path := child(t, l, "echo getting; echo noise >&2; echo ready; exec sleep 60")
	if err := p.waitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.stop(time.Minute)
	p.kill() // once more does nothing
	log, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(log), "getting\n") || !strings.Contains(string(log), "ready\n") {
		t.Errorf("log %q, %v", log, err)
	}
}

// TestProcessStubborn: a child that does not obey is killed.
func TestProcessStubborn(t *testing.T) {
	l := newLauncher()
	defer l.close()
	p, _ := child(t, l, "trap '' TERM; echo ready; while :; do sleep 60; done")
	if err := p.waitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.stop(time.Millisecond)
}

func TestProcessNeverReady(t *testing.T) {
	l := newLauncher()
	defer l.close()
	p, _ := child(t, l, "exit 3")
	if err := p.waitReady(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	slow, _ := child(t, l, "exec sleep 60")
	if err := slow.waitReady(ctx); err == nil {
		t.Error("a child that says nothing is ready")
	}
}

// TestLauncherEnds: children die with the thread that started them, which is what ends them when this
// process is killed.
func TestLauncherEnds(t *testing.T) {
	l := newLauncher()
	p, _ := child(t, l, "echo ready; exec sleep 60")
	if err := p.waitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.close()
	<-p.exited
}

// TestKilled: a demo that cannot clean up takes its nodes with it all the same.
func TestKilled(t *testing.T) {
	d := demo(t, "--state", "2MiB", "--rate", "500")
	d.until("started")
	if n := len(d.processes()); n != 3 {
		t.Errorf("%d nodes are running", n)
	}
	d.signal(syscall.SIGKILL)
	d.wait()
	eventually(t, "the nodes are gone", func() bool { return len(d.processes()) == 0 })
}

func TestLauncherOutput(t *testing.T) {
	l := newLauncher()
	defer l.close()
	out, ok, err := l.output(t.Context(), "/bin/sh", "-c", "echo fine; echo bad >&2; exit 9")
	if err != nil || ok || out != "fine\nbad\n" {
		t.Errorf("got %q, %v, %v", out, ok, err)
	}
	t.Setenv("FERRY_ADMIN", "elsewhere")
	if out, _, _ = l.output(t.Context(), "/bin/sh", "-c", "echo x$FERRY_ADMIN"); out != "x\n" {
		t.Errorf("a child sees FERRY_ADMIN: %q", out)
	}
	if _, _, err := l.output(t.Context(), filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a program that does not exist was run")
	}
}
