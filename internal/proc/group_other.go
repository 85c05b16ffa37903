//go:build !unix

package proc

import "os/exec"

// isolate has nothing to do here.
func isolate(*exec.Cmd) {}

// killGroup kills the child. One that has ended is no error.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// terminate cannot ask here, so it does nothing and the kill follows.
func terminate(*exec.Cmd) {}
