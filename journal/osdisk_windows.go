package journal

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// lockFile takes the lock, which ends with the process.
func lockFile(f *os.File) error {
	const failImmediately, exclusive, violation = 1, 2, syscall.Errno(33)
	var at syscall.Overlapped
	ok, _, err := lockFileEx.Call(f.Fd(), failImmediately|exclusive, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	switch {
	case ok != 0:
		return nil
	case errors.Is(err, violation):
		return ErrLocked
	}
	return err
}

// syncDir does nothing: folders cannot be synced here, and the file system keeps a journal of their changes.
func syncDir(string) error { return nil }
