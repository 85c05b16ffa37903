package journal_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ferrymesh/ferry/journal"
)

// TestOpenKeepsNoSegment: a journal that is open does not keep what it has read of its last segment, which is tens of
// megabytes, until it begins the next one: on an idle node that is for ever.
func TestOpenKeepsNoSegment(t *testing.T) {
	disk := journal.NewDisk(filepath.Join(t.TempDir(), "data"))
	j := open(t, disk, journal.Config{})
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base(nil)))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	before := heap()
	j = open(t, disk, journal.Config{})
	j.Recovered()
	if kept := heap() - before; kept > 4<<20 {
		t.Errorf("%d MiB are kept", kept>>20)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// heap is how many bytes are reachable. Twice: what a pool lets go of in the first collection goes in the second.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSweepBeforeRecovered: a daemon whose kind is never registered sleeps for as long as the process lives, and what it sleeps on
// stays. The bases and segments that the others leave behind meanwhile do not: there is no bound to those.
func TestSweepBeforeRecovered(t *testing.T) {
	disks(t, func(t *testing.T, disk journal.Disk) {
		j := open(t, disk, small)
		asleep, busy := newChain(j.Next()), newChain(2)
		content := make([]byte, 2*journal.MaxInline)
		j.Append(asleep.born(), spool(t, j, asleep, content))
		wait(t, j, j.Append(busy.born(), spool(t, j, busy, content)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, disk, small)
		for range 40 {
			j.Append(busy.event(make([]byte, 4<<10)))
			wait(t, j, j.Append(spool(t, j, busy, content)))
		}
		if n := filesIn(t, disk, "copies"); n != 3 {
			t.Errorf("%d bases, want one of each daemon and the one that was there", n)
		}
		if n := filesIn(t, disk, "log"); n > small.MaxSegments+1 {
			t.Errorf("%d segments, want at most %d and the one that was there", n, small.MaxSegments)
		}
		checkBase(t, j, asleep.id, content)
		checkBase(t, j, busy.id, content)
		j.Recovered()
		wait(t, j, j.Append(busy.event(nil)))
		if n := filesIn(t, disk, "copies"); n != 2 {
			t.Errorf("%d bases once nobody sleeps, want one of each daemon", n)
		}
		reopened(t, disk, j, asleep.id, content)
	})
}
