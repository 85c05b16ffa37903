//go:build unix

package main

import (
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

func paused(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(node(ts, args[0]).cmd.Process.Signal(syscall.SIGSTOP))
}

func resumed(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(node(ts, args[0]).cmd.Process.Signal(syscall.SIGCONT))
}
