package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"peer": main}) }

// TestScripts runs the command as people do: real processes on loopback. Besides the commands of testscript
// the scripts have
//
//	exits CODE COMMAND…     run a command and compare its exit code
//	serve NAME [FLAG…]      start "peer serve" with the data directory NAME; returns when it says that it is
//	                        ready, and sets $NAME_addr and $NAME_key
//	stopped NAME            end it with SIGTERM, expect exit 0, print what it printed
//	killed NAME             end it with SIGKILL
//	ended NAME CODE         wait until it ends by itself, compare its exit code ("killed": by SIGKILL), print
//	                        what it printed on standard error; $FERRY_FAIL tells it when
//	limited NAME BYTES      let it write no file beyond a size from now on, or "unlimited" (Linux)
//	paused NAME             stop it with SIGSTOP: it holds everything open and says nothing
//	resumed NAME            let it go on with SIGCONT
//	until REGEXP COMMAND…   run a command again and again until its standard output matches
//	mode FILE BITS          compare the permissions of a file
//	elder NAME KIND…        a node that knows these kinds only, in this process, with the data directory NAME and the key in it;
//	                        sets $NAME_addr
//	garbage ADDRESS         send datagrams that are no QUIC to an address
//	long FILE LINE N        write a file of two lines, the second with N bytes
//	flip FILE OFFSET        change one bit of a file; a negative offset counts from its end
//	forks A B…              write passports of one daemon that contradict each other
//	administered NAME FILE  write the passport of a daemon that has an administrator, set $NAME to the key's fingerprint
//	capture NAME REGEXP     set $NAME to the first group that matches the last standard output
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "serve": serveNode, "stopped": stopped, "killed": killed, "ended": ended, "limited": limited, "paused": paused, "resumed": resumed, "until": until,
			"mode": mode, "elder": elder, "garbage": garbage, "flip": flip, "long": long, "forks": forks, "administered": administered, "capture": capture,
		},
		Setup: func(e *testscript.Env) error {
			e.Values[nodes{}] = make(map[string]*process)
			// With the race detector a process would otherwise sleep for a second when it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			return nil
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	got := 0
	if errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if (got == code) == neg {
		ts.Fatalf("exit code %d, want %d", got, code)
	}
}

// patience is how long anything in a script may take. The machine may be busy.
const patience = 60 * time.Second

func until(ts *testscript.TestScript, neg bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	for start := time.Now(); time.Since(start) < patience; {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) != neg {
			return
		}
	}
	ts.Fatalf("%v has not come to print %s", args[1:], args[0])
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[1]) == neg {
		ts.Fatalf("%s has mode %s", args[0], got)
	}
}

func garbage(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("udp", args[0])
	ts.Check(err)
	defer conn.Close()
	for size := range 200 {
		b := make([]byte, 1+size*7)
		_, _ = rand.Read(b)
		if size%3 == 0 {
			b[0] |= 0xc0 // looks like the long header of a handshake
		}
		_, err := conn.Write(b)
		ts.Check(err)
	}
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, err := os.ReadFile(path)
	ts.Check(err)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 1
	ts.Check(os.WriteFile(path, data, fs.FileMode(0o644)))
}

func long(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"+strings.Repeat("x", n)+"\n"), 0o644))
}

func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("the output does not match %s", args[1])
	}
	ts.Setenv(args[0], strings.TrimSpace(found[1]))
}
