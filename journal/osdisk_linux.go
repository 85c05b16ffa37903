package journal

import (
	"errors"
	"os"
	"syscall"
)

// allocate reserves blocks, so that writing to them later neither needs room nor changes the file's metadata.
func allocate(f *os.File, from, to int64) error {
	err := retry(func() error { return syscall.Fallocate(int(f.Fd()), 0, from, to-from) })
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return writeZeros(f, from, to)
	}
	return err
}

// syncData is fdatasync. It is not repeated if it is interrupted for another reason than a signal.
func syncData(f *os.File) error {
	return retry(func() error { return syscall.Fdatasync(int(f.Fd())) })
}

// retry repeats a call that a signal has interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
