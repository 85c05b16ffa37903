package node_test

import (
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// forgetful is a daemon that does not apply any more what it has applied before, and counts its closings.
type forgetful struct {
	blank
	closed int
}

func (*forgetful) Process(daemon.Event) ([][]byte, error) { return nil, io.ErrUnexpectedEOF }
func (d *forgetful) Close() error                         { d.closed++; return nil }

// A daemon that cannot be brought back from its log is closed like one that cannot be restored: nobody has it, and the next try builds
// another.
func TestT04_FailedReviveClosesTheDaemon(t *testing.T) {
	disk := crashdisk.New()
	old := onDisk(t, disk)
	host := old.born()
	if err := old.x.Registry.Register(host); err != nil {
		t.Fatal(err)
	}
	op := node.Apply{Producer: crypto.ProducerID{1}, Items: []wire.Submission{{Seq: 1}}}
	result, at := old.x.Run(node.Call{Origin: host.Origin(), Op: op})
	if err := old.x.Journal.Wait(at); err != nil || result.(node.Applied).Err != nil {
		t.Fatal(err, result)
	}
	if err := old.x.Journal.Close(); err != nil {
		t.Fatal(err)
	}

	n, d := onDisk(t, disk), new(forgetful)
	if err := n.x.Handler.Factories().Expect(host.Origin(), daemon.Expectation{New: func() daemon.Daemon { return d }}); err != nil {
		t.Fatal(err)
	}
	n.x.Found()
	copies := slices.Collect(maps.Keys(n.x.Journal.State().Copies))
	result, _ = n.x.Run(node.Call{Origin: host.Origin(), Op: node.Revive{Copy: copies[0]}})
	if r := result.(node.Revived); r.Err == nil || d.closed != 1 {
		t.Errorf("closed %d times, %v", d.closed, r.Err)
	}
	if _, ok := n.x.Registry.Host(host.Origin()); ok {
		t.Error("registered")
	}
}
