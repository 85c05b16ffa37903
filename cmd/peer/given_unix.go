//go:build linux || darwin || freebsd

package main

import (
	"os"
	"syscall"
)

// given returns a descriptor that whoever started this process has handed to it, nil if there is none of that number.
// What a Go program opens by itself, and its runtime has files open before main, would be closed by the start of a
// program: what is marked so was not there at the start of this one.
func given(fd int) *os.File {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	if errno != 0 || flags&syscall.FD_CLOEXEC != 0 {
		return nil
	}
	return os.NewFile(uintptr(fd), "ready-fd")
}
