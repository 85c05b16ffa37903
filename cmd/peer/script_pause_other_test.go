//go:build !unix

package main

import "github.com/rogpeppe/go-internal/testscript"

func paused(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("no process can be stopped here")
}

func resumed(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("no process can be stopped here")
}
