//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// limited is for Linux only: elsewhere a process cannot limit another.
func limited(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("there is no way to limit another process here")
}
