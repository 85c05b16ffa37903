//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreFileLimit makes a limit on the size of files what it is for a node: a full disk, which it waits out. By
// default the system ends a process that comes to it.
func ignoreFileLimit() { signal.Ignore(syscall.SIGXFSZ) }
