//go:build unix

package admin

import "syscall"

// privateUmask makes new files accessible to their owner only, until restore is called.
func privateUmask() (restore func()) {
	old := syscall.Umask(0o177)
	return func() { syscall.Umask(old) }
}
