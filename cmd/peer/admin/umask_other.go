//go:build !unix

package admin

// privateUmask does nothing where files have no modes; the directory guards the socket there.
func privateUmask() (restore func()) { return func() {} }
