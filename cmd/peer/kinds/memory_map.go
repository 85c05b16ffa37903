//go:build (linux || darwin || freebsd || netbsd || openbsd || dragonfly) && !race

package kinds

import (
	"fmt"
	"syscall"
)

// mapMemory returns size zeroed bytes straight from the system. They become resident page by
// page, as they are first written. Huge pages are not asked for: they make the first write of a
// large state faster on an idle machine, and many times slower where the system has to move
// memory around to find them.
func mapMemory(size int) ([]byte, error) {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("kinds: no memory for accounts: %w", err)
	}
	return b, nil
}

// unmapMemory gives back what mapMemory returned. It can only fail for a slice that did not
// come from there.
func unmapMemory(b []byte) {
	if err := syscall.Munmap(b); err != nil {
		panic("kinds: internal error: unmapping accounts: " + err.Error())
	}
}
