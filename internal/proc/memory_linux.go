package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// PeakMemory returns the most memory that a process has had resident, in bytes. That is not known any more
// once it has ended.
func PeakMemory(pid int) (uint64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return parsePeak(status)
}

// parsePeak reads the line "VmHWM:    123456 kB".
func parsePeak(status []byte) (uint64, error) {
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	number, found := bytes.CutSuffix(bytes.TrimSpace(line), []byte(" kB"))
	if !found {
		return 0, fmt.Errorf("proc: no peak in %q", line)
	}
	kib, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 54)
	return kib << 10, err
}
