package peer

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// counted is a disk that counts open files, and how often a folder was listed.
type counted struct {
	journal.Disk
	mu          sync.Mutex
	open, lists int
}

type countedFile struct {
	journal.File
	d *counted
}

func (d *counted) Open(name string) (journal.File, error) {
	f, err := d.Disk.Open(name)
	if err != nil {
		return nil, err
	}
	d.count(1, 0)
	return countedFile{f, d}, nil
}

func (d *counted) List(dir string) ([]string, error) {
	d.count(0, 1)
	return d.Disk.List(dir)
}

func (f countedFile) Close() error {
	f.d.count(-1, 0)
	return f.File.Close()
}

func (d *counted) count(files, lists int) (open, listed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.lists = d.open+files, d.lists+lists
	return d.open, d.lists
}

// slow is a daemon whose state does not fit into the log and is read when the gate opens.
type slow struct {
	counter
	gate chan struct{}
}

func (s *slow) Snapshot() (io.WriterTo, error) { return bytes.NewReader(make([]byte, 100<<10)), nil }

func (s *slow) Restore(r io.Reader) error {
	<-s.gate
	_, err := io.Copy(io.Discard, r)
	return err
}

// sleeping makes a node's disk with so many slow daemons, and what a new process finds on it.
func sleeping(t *testing.T, daemons int, gate chan struct{}) (*node.Executor, *counted, []node.Input) {
	t.Helper()
	disk := &counted{Disk: crashdisk.New()}
	executor := func() *node.Executor {
		j, err := journal.Open(disk, journal.Config{})
		if err != nil {
			t.Fatal(err)
		}
		registry := daemon.NewRegistry()
		x := &node.Executor{Registry: registry, Handler: target.New(registry, target.Config{}), Journal: j, Host: daemon.HostConfig{Now: now}, Clock: now}
		if err := x.Handler.Factories().RegisterKind("slow", func() daemon.Daemon { return &slow{gate: gate} }); err != nil {
			t.Fatal(err)
		}
		return x
	}
	x := executor()
	for i := range daemons {
		key, err := crypto.KeypairFromSeed([32]byte{byte(i), byte(i >> 8), 1})
		if err != nil {
			t.Fatal(err)
		}
		host, err := daemon.NewHost(&slow{gate: gate}, key, "slow", daemon.HostConfig{Now: now})
		if err == nil {
			err = x.Born(host, key, wire.DurabilityEveryEvent, x.Journal.Wait)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	x = executor()
	_, before := disk.count(0, 0)
	found := x.Found()
	if _, lists := disk.count(0, 0); lists != before {
		t.Errorf("to look at %d daemons a folder was listed %d times", daemons, lists-before)
	}
	return x, disk, found
}

// TestRevivesTakeTurns: a node that has more daemons than its process may have files brings them back a few at a time.
func TestRevivesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		atOnce := 2 * runtime.GOMAXPROCS(0)
		x, disk, found := sleeping(t, 10*atOnce, gate)
		p := &Peer{items: make(chan item, inboxSize), queues: newQueues(), executor: x, journal: x.Journal}
		p.ctx, p.stop = context.WithCancel(t.Context())
		for _, in := range found {
			d := in.(node.FoundCopy)
			p.queues.push(p, node.Call{Origin: d.Origin, Op: node.Revive{Copy: d.Copy}})
		}
		synctest.Wait()
		if open, _ := disk.count(0, 0); open != atOnce+1 { // and the log
			t.Errorf("%d files are open, want %d", open, atOnce+1)
		}
		close(gate)
		for range found {
			it := <-p.items
			if r := it.in.(node.Done).Result.(node.Revived); r.Err != nil {
				t.Error(r.Err)
			}
		}
		p.stop()
		p.wg.Wait()
		if err := x.Journal.Close(); err != nil {
			t.Error(err)
		}
	})
}
