package demo

import (
	"syscall"
	"testing"
)

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
