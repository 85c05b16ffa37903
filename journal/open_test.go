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
