//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

// lockFileAt does nothing where files cannot be locked this way. The admin socket, which a second node with
// the same directory finds alive, still keeps the two apart.
func lockFileAt(string) (unlock func(), err error) { return func() {}, nil }
