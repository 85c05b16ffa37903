package node_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// heavy is a daemon whose state is too large for the log: its bases are files.
type heavy struct {
	blank
	broken bool // it has no view of its state to give
}

func (h *heavy) Snapshot() (io.WriterTo, error) {
	if h.broken {
		return nil, io.ErrUnexpectedEOF
	}
	return bytes.NewReader(make([]byte, 4*journal.MaxInline)), nil
}

// shortening is a process with a daemon that keeps old segments of its log alive.
type shortening struct {
	t    *testing.T
	x    *node.Executor
	d    *heavy
	host *daemon.Host
}

func shorten(t *testing.T, disk journal.Disk) shortening {
	t.Helper()
	s := shortening{t: t, d: new(heavy)}
	s.x = processWith(t, disk, crypto.NodeID{1}, journal.Config{SegmentSize: 16 << 10, MaxSegments: 2})
	key := mustKey(1)
	host, err := daemon.NewHost(s.d, key, "model", daemon.HostConfig{Node: crypto.NodeID{1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.x.Born(host, key, wire.DurabilityEveryEvent, s.x.Journal.Wait); err != nil {
		t.Fatal(err)
	}
	if err := s.x.Registry.Register(host); err != nil {
		t.Fatal(err)
	}
	s.host = host
	for seq := uint64(1); len(s.x.Journal.Due()) == 0; seq++ {
		result, at := s.x.Run(node.Call{Origin: host.Origin(), Op: node.Apply{
			Producer: crypto.ProducerID{1}, Items: []wire.Submission{{Seq: seq, Payload: make([]byte, 4<<10)}},
		}})
		if err := errors.Join(result.(node.Applied).Err, s.x.Journal.Wait(at)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// try gives every daemon that is due a new base, and returns how many there were and how the last one ended.
func (s shortening) try(now time.Time) (tries int, err error) {
	for _, origin := range s.x.Due(now) {
		tries++
		result, _ := s.x.Run(node.Call{Origin: origin, Op: node.Checkpoint{}})
		view := result.(node.Checkpointed)
		if err = view.Err; err == nil {
			err = s.x.Compact(view, s.x.Journal.Wait)
		}
	}
	return tries, err
}

// A base that cannot be written is tried again after a pause that grows: each try may fill up the disk, and while it does
// nothing is acknowledged. Once it succeeds there is nothing to try.
func TestFailedBaseIsTriedAgainAfterAPause(t *testing.T) {
	disk := crashdisk.New()
	s := shorten(t, disk)
	at := benchTime
	minute := func() (tries int) {
		for range 600 {
			at = at.Add(100 * time.Millisecond)
			n, err := s.try(at)
			if tries += n; n > 0 && err == nil {
				s.t.Fatal("a base was written")
			}
		}
		return tries
	}
	disk.Full(true)
	if n := minute(); n < 3 || n > 8 {
		t.Errorf("%d tries in the first minute of a full disk", n)
	}
	disk.Full(false)
	s.d.broken = true
	if n := minute(); n < 1 || n > 2 {
		t.Errorf("%d tries in the next one, without a view", n)
	}
	s.d.broken = false
	at = at.Add(time.Minute)
	for n, err := s.try(at); n != 1 || err != nil; n, err = s.try(at) {
		if at = at.Add(time.Second); err != nil || at.Sub(benchTime) > time.Hour {
			t.Fatalf("with room again: %d tries, %v", n, err)
		}
	}
	if due := s.x.Journal.Due(); len(due) > 0 {
		t.Errorf("due afterwards: %v", due)
	}
}

// A daemon that was handed over is not given a new base, however long the doubt lasts: it has no view to give, and its copy goes.
func TestHandedOverIsNotDue(t *testing.T) {
	s := shorten(t, crashdisk.New())
	if _, err := s.host.Freeze(); err != nil {
		t.Fatal(err)
	}
	move := wire.Ref{Migration: wire.MigrationID{5}, Origin: s.host.Origin(), Epoch: 1}
	result, at := s.x.Run(node.Call{Origin: move.Origin, Migration: move.Migration, Op: source.CallHandOver{
		From: crypto.NodeID{1}, To: crypto.NodeID{2}, Next: nextKey.Public(), Ref: move, Orchestrator: crypto.NodeID{3},
	}})
	if err := errors.Join(result.(source.HandedOver).Err, s.x.Journal.Wait(at)); err != nil {
		t.Fatal(err)
	}
	if len(s.x.Journal.Due()) == 0 {
		t.Fatal("its log keeps no old segment alive")
	}
	if due := s.x.Due(benchTime); len(due) > 0 {
		t.Errorf("due: %x", due)
	}
}
