//go:build failpoints

package main

import "github.com/ferrymesh/ferry/cmd/peer/failpoint"

// failpoints makes a program that can be told to die, for harnesses that build their own.
var _ = useFailpoints(failpoint.FromEnv, failpoint.Points)
