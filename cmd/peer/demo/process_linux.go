package demo

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// isolate gives the child a process group of its own, so that Ctrl-C in a terminal reaches this process
// alone, and lets the system kill it when this process dies.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// peakMemory returns the most memory that the process has had resident, in bytes; 0 if that is unknown,
// which it is once the process has ended.
func peakMemory(pid int) uint64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	return parsePeak(status)
}

// parsePeak reads the line "VmHWM:    123456 kB".
func parsePeak(status []byte) uint64 {
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	number, found := bytes.CutSuffix(bytes.TrimSpace(line), []byte(" kB"))
	kib, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 54)
	if !found || err != nil {
		return 0
	}
	return kib << 10
}
