package node_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
)

// blank is a daemon without state.
type blank struct{}

func (blank) Process(daemon.Event) ([][]byte, error) { return nil, nil }
func (blank) Snapshot() (io.WriterTo, error)         { return new(bytes.Buffer), nil }
func (blank) Restore(r io.Reader) error              { _, err := io.Copy(io.Discard, r); return err }

// process is one life of a node with a disk: what obeys the calls of its core.
func process(t *testing.T, disk journal.Disk, id crypto.NodeID) *node.Executor {
	t.Helper()
	return processWith(t, disk, id, journal.Config{})
}

// processWith is a process with a journal that is tuned.
func processWith(t *testing.T, disk journal.Disk, id crypto.NodeID, cfg journal.Config) *node.Executor {
	t.Helper()
	j, err := journal.Open(disk, cfg)
	if err != nil {
		t.Fatal(err)
	}
	reg := daemon.NewRegistry()
	h := target.New(reg, target.Config{Node: id})
	if err := h.Factories().RegisterKind("model", func() daemon.Daemon { return blank{} }); err != nil {
		t.Fatal(err)
	}
	return &node.Executor{Node: id, Registry: reg, Handler: h, Journal: j, Clock: func() time.Time { return benchTime }}
}
