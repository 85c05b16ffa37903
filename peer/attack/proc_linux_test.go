package attack

import (
	"os"
	"strconv"
	"strings"
)

// peakResident returns the highest resident size of this process since the last call, in bytes.
func peakResident() uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	// 5 resets the mark. Where that is not allowed the peak is that of the whole life, which is stricter.
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// openFiles returns how many file descriptors this process has open, the one that it counts with included.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
