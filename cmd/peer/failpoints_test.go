package main

import (
	"os"

	"github.com/ferrymesh/ferry/cmd/peer/failpoint"
)

// The scripts run the program in the test binary, which can be told to die, and to have a disk that fails.
var _ = useFailpoints(func() (func(string), error) {
	if os.Getenv(failpoint.Variable) == failingSync {
		return breakSync(), nil
	}
	return failpoint.FromEnv()
}, failpoint.Points)

// failingSync is the value of $FERRY_FAIL that makes the third sync of a group fail, for the scripts only.
const failingSync = "sync"
