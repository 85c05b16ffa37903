package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// failHook makes the hook of the journal's fail points, and failPoints names them. Both are nil in the program
// that people use: only a test binary, and a build with the tag failpoints, can be told to die at a step.
var (
	failHook   func() (func(point string), error)
	failPoints []string
)

// useFailpoints makes this a program that can be told to die.
func useFailpoints(hook func() (func(string), error), points []string) bool {
	failHook, failPoints = hook, points
	return true
}

// newDebug is the group of commands about which nothing is promised. There is none in the program that people use.
func newDebug(a *app) *cobra.Command {
	g := group("debug", "Look into this program; no promises", "  peer debug failpoints", newDebugFailpoints(a))
	g.Hidden = true
	return g
}

// newDebugFailpoints prints one point per line, as $FERRY_FAIL takes it before its count.
func newDebugFailpoints(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "failpoints", Short: "List the steps at which $FERRY_FAIL=POINT:N kills a node", Args: takes(0, 0),
		Example: "  peer debug failpoints",
		RunE: func(*cobra.Command, []string) error {
			return a.print(struct {
				Points []string `json:"points"`
			}{failPoints}, func(w io.Writer) {
				for _, p := range failPoints {
					fmt.Fprintln(w, p)
				}
			})
		},
	}
}
