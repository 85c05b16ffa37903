package main

import (
	"math"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/rogpeppe/go-internal/testscript"
)

// limited makes the disk full for one process: beyond the limit every write fails, and a file that is larger
// already cannot be written there either. No privilege is needed for that, and no disk.
func limited(ts *testscript.TestScript, _ bool, args []string) {
	limit := syscall.Rlimit{Cur: math.MaxUint64, Max: math.MaxUint64}
	if args[1] != "unlimited" {
		n, err := strconv.ParseUint(args[1], 10, 64)
		ts.Check(err)
		limit.Cur = n
	}
	pid := node(ts, args[0]).cmd.Process.Pid
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		ts.Fatalf("limiting node %s: %v", args[0], errno)
	}
}
