package journal_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
)

// crash ends the process that has the disk open.
func crash(disk *crashdisk.Disk, mode crashdisk.Mode) { disk.Crash(rand.New(rand.NewPCG(1, 0)), mode) }

// unsynced waits for a place in the log on a disk whose syncs fail.
func unsynced(t *testing.T, disk *crashdisk.Disk, j *journal.Journal, at journal.Position) {
	t.Helper()
	disk.BreakSync(true)
	if err := j.Wait(at); !errors.Is(err, journal.ErrSync) {
		t.Fatalf("Wait: %v, want ErrSync", err)
	}
}

// TestFailedSyncAndRestart: the process that meets a failed sync ends, and the next reads from the system's cache what
// never came to the disk; a sync says that all is well (protocol §7.2.4). What it has read and acted on must be there
// after a power failure all the same (§7.2.3): here, that the daemon was given away.
func TestFailedSyncAndRestart(t *testing.T) {
	for _, more := range []bool{false, true} {
		disk := crashdisk.New()
		j := open(t, disk, small)
		c, other := newChain(j.Next()), newChain(j.Next())
		wait(t, j, j.Append(c.born(), c.base([]byte("s"))))
		commit := c.commit(1)
		unsynced(t, disk, j, j.Append(commit, c.handover()))

		j = reopen(t, disk, j, crashdisk.Kill)
		if j.State().Copies[c.id].HoldsEpoch() {
			t.Fatal("a restart without a reboot does not find the handover: this test shows nothing")
		}
		if more { // something good behind what is not there is damage
			wait(t, j, j.Append(other.born(), other.base(nil)))
		}
		j = reopen(t, disk, j, crashdisk.Lose)
		if j.State().Copies[c.id].HoldsEpoch() {
			t.Error("the daemon was given away, and after a power failure its former holder has it again")
		}
	}
}

// TestFailedSyncOfRepair: what was repaired at the end of the log came not to the disk, and the next process sees a log
// that is in order.
func TestFailedSyncOfRepair(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base([]byte("s"))))
	j.Append(c.event([]byte("a")))
	at := j.Append(c.event(make([]byte, 1000)))
	disk.FullAfter(700) // the first of the two, and some of the second
	if err := j.Wait(at); !errors.Is(err, journal.ErrDiskFull) {
		t.Fatalf("Wait: %v, want ErrDiskFull", err)
	}
	crash(disk, crashdisk.Kill)
	disk.BreakSync(true)
	if _, err := journal.Open(disk, small); !errors.Is(err, journal.ErrSync) {
		t.Fatalf("Open: %v, want ErrSync", err)
	}
	for _, mode := range []crashdisk.Mode{crashdisk.Kill, crashdisk.Lose} {
		j = reopen(t, disk, j, mode)
		if got := payloads(t, j, c.id); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after a %v the events are %q", mode, got)
		}
	}
}

// TestOpenOnAFullDiskInOrder: to write what is there once more needs no room.
func TestOpenOnAFullDiskInOrder(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base(nil)))
	crash(disk, crashdisk.Kill)
	disk.Full(true)
	if j = open(t, disk, small); j.State().Copies[c.id] == nil {
		t.Error("the copy is not there")
	}
}

// TestFailedSyncOfSpool: so does one in the middle of a base (protocol §7.2.4). Whoever reads a snapshot through a buffer
// and writes the base on the side may never see its error, and the next sync succeeds: the journal must know of it.
func TestFailedSyncOfSpool(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	at := j.Append(c.preparing())
	wait(t, j, at)
	s, err := j.Spool(c.id)
	if err != nil {
		t.Fatal(err)
	}
	disk.BreakSync(true)
	chunk := make([]byte, 9<<20)
	from := bufio.NewReader(io.TeeReader(bytes.NewReader(make([]byte, len(chunk))), s))
	if _, err := io.ReadFull(from, chunk); err != nil {
		t.Fatalf("the error is told: %v: this test shows nothing", err)
	}
	disk.BreakSync(false)
	if _, err := s.Write([]byte("on")); !errors.Is(err, journal.ErrSync) {
		t.Errorf("Write: %v, want ErrSync", err)
	}
	if _, err := s.Commit(c.head); !errors.Is(err, journal.ErrSync) {
		t.Errorf("Commit: %v, want ErrSync", err)
	}
	if err := j.Wait(at); !errors.Is(err, journal.ErrSync) {
		t.Errorf("Wait: %v, want ErrSync", err)
	}
	if err := s.Keep(); err != nil {
		t.Errorf("Keep: %v", err)
	}
}

// TestFailedSyncOfResumedBase: what an earlier process has left of a base is read from the system's cache, whole and
// right, and need not be on the disk. A base that is continued behind it counts when all of it is (protocol §7.2.5).
func TestFailedSyncOfResumedBase(t *testing.T) {
	content := make([]byte, 20<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	left := len(content) - 100
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	wait(t, j, j.Append(c.preparing()))
	s, err := j.Spool(c.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(content[:1<<20]); err != nil { // less than is synced on the way
		t.Fatal(err)
	}
	disk.BreakSync(true)
	if _, err := s.Write(content[1<<20 : left]); !errors.Is(err, journal.ErrSync) {
		t.Fatalf("Write: %v, want ErrSync", err)
	}

	j = reopen(t, disk, j, crashdisk.Kill)
	s, r, err := j.Resume(c.id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[:left]) {
		t.Fatalf("%d bytes are left, %v: this test shows nothing", len(got), err)
	}
	if _, err := s.Write(content[left:]); err != nil {
		t.Fatal(err)
	}
	b, err := s.Commit(c.head)
	if err != nil {
		t.Fatal(err)
	}
	wait(t, j, j.Append(b))
	checkBase(t, reopen(t, disk, j, crashdisk.Lose), c.id, content)
}
