// Package failpoint kills this process at a named step of the journal. It is linked into test binaries and into
// programs that are built with the tag failpoints, and into nothing that people run.
package failpoint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Variable is the environment variable that arms a point: POINT:N, at the N-th passing.
const Variable = "FERRY_FAIL"

// Points are the steps at which a process can be made to die, in the order in which they are passed.
var Points = []string{
	"open: synced",
	"group: before the write",
	"group: before the sync",
	"group: synced",
	"base: before the sync",
	"base: before it is named",
	"base: before its name is synced",
	"base: named",
	"segment: before it is created",
	"segment: before it is named",
	"segment: before its name is synced",
	"segment: named",
	"sweep: before a file is deleted",
}

// FromEnv returns the hook that the variable asks for, nil if it is not set.
func FromEnv() (func(point string), error) {
	text := os.Getenv(Variable)
	if text == "" {
		return nil, nil
	}
	point, nth, err := parse(text)
	if err != nil {
		return nil, err
	}
	return hook(point, nth, die), nil
}

// parse reads POINT:N. Points have colons of their own.
func parse(text string) (point string, nth int64, err error) {
	at := strings.LastIndexByte(text, ':')
	if at >= 0 {
		point = text[:at]
		nth, err = strconv.ParseInt(text[at+1:], 10, 64)
	}
	if at < 0 || err != nil || nth < 1 || !slices.Contains(Points, point) {
		return "", 0, fmt.Errorf("$%s=%q is not POINT:N with one of the points", Variable, text)
	}
	return point, nth, nil
}

// hook calls f at the n-th passing of a point, and never again.
func hook(point string, n int64, f func()) func(string) {
	var passed atomic.Int64
	return func(p string) {
		if p == point && passed.Add(1) == n {
			f()
		}
	}
}

// die ends the process as SIGKILL does: nothing is flushed, closed or told.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // the signal is on its way, and nothing may happen after the point
}
