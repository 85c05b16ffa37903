//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package peer

import (
	"os"
	"syscall"
)

// lockDir makes whoever edits a file in the directory wait for the others who do. It locks the directory
// itself, since the file is replaced by the edit. The lock ends with the process at the latest.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
	}
	return func() { f.Close() }, nil
}
