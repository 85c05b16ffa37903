//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/wire"
)

// gate is a terminal at which nobody types, and a pager that nobody pages on.
type gate struct {
	reached chan struct{} // closed when somebody waits at it
	open    chan struct{}
	once    sync.Once
}

func newGate(t *testing.T) *gate {
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	t.Cleanup(func() { close(g.open) })
	return g
}

func (g *gate) wait() {
	g.once.Do(func() { close(g.reached) })
	<-g.open
}

// Read and Write implement io.Reader and io.Writer.
func (g *gate) Read([]byte) (int, error)    { g.wait(); return 0, io.EOF }
func (g *gate) Write(b []byte) (int, error) { g.wait(); return len(b), nil }

// TestInterruptedWhileReading: the commands that read or print for long and ask no node end with 130, like those
// that do.
func TestInterruptedWhileReading(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(journal.NewDisk(dir), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	j.Append(journal.Born{Copy: j.Next(), Origin: 1, Entity: crypto.EntityID{1}, Durability: wire.DurabilityEveryEvent}) // for dump to print
	if err := errors.Join(j.Wait(j.Last()), j.Close()); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"verify -", "journal verify --data " + dir, "journal dump --data " + dir} {
		t.Run(strings.Fields(line)[0]+" "+strings.Fields(line)[1], func(t *testing.T) {
			g := newGate(t)
			var errs bytes.Buffer
			code := make(chan int, 1)
			go func() { code <- run(strings.Fields(line), g, g, &errs) }()
			await(t, g.reached)
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-code:
				if got != client.CodeInterrupted || !strings.HasPrefix(errs.String(), "peer: interrupted\n") {
					t.Errorf("it ended with %d: %s", got, errs.String())
				}
			case <-time.After(patience):
				t.Error("it goes on")
			}
		})
	}
}

// TestSecondSignalEndsEveryCommand: one that does not look for the first, since it is over in a moment, can be held
// up by what it reads all the same.
func TestSecondSignalEndsEveryCommand(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "key.pub")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("peer", "key", "show", pipe) // which testscript has put first in the path
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits until the command has opened it
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	again, limit := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer again.Stop()
	for {
		select {
		case <-ended:
			return
		case <-again.C:
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		case <-limit:
			_ = cmd.Process.Kill()
			t.Fatal("it cannot be interrupted")
		}
	}
}

func await(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("it has not come to that")
	}
}
