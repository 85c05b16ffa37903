//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly) || race

package kinds

// mapMemory takes from the Go heap: on systems without the call that memory_map.go needs, and
// under the race detector, which watches the heap only.
func mapMemory(size int) ([]byte, error) { return make([]byte, size), nil }

// unmapMemory leaves the memory to the collector.
func unmapMemory([]byte) {}
