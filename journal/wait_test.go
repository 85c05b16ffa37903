package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
)

// TestWaitTogether: many wait at once, on a real disk, and each finds what it has waited for.
func TestWaitTogether(t *testing.T) {
	const writers, rounds = 16, 25
	disk := journal.NewDisk(filepath.Join(t.TempDir(), "data"))
	cfg := journal.Config{SegmentSize: 64 << 10, MaxSegments: 3}
	j := open(t, disk, cfg)
	j.Recovered()
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			c := newChain(j.Next())
			wait(t, j, j.Append(c.born(), c.base([]byte("s"))))
			for i := range rounds {
				at := j.Append(c.event(bytes.Repeat([]byte("x"), i)), c.event(nil))
				if err := j.Wait(at); err != nil {
					t.Error(err)
				}
				if slices.Contains(j.Due(), c.id) {
					j.Append(c.base([]byte("newer")))
				}
				j.Usage()
				j.Pending()
			}
		})
	}
	group.Wait()
	if n := j.Pending(); n != 0 {
		t.Errorf("%d bytes pending, and everybody has waited", n)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Verify(disk); err != nil {
		t.Fatal(err)
	}
	j = open(t, disk, cfg)
	if n := len(j.State().Copies); n != writers {
		t.Errorf("%d copies, want %d", n, writers)
	}
	for id, c := range j.State().Copies {
		if c.Last != 2*rounds {
			t.Errorf("copy %d ends at %d, want %d", id, c.Last, 2*rounds)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOneSyncServesAll: what was appended while others waited is one group.
func TestOneSyncServesAll(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, journal.Config{})
	var at []journal.Position
	for range 50 {
		c := newChain(j.Next())
		at = append(at, j.Append(c.born(), c.base(nil)))
	}
	before := disk.Syncs()
	for _, at := range slices.Backward(at) {
		wait(t, j, at)
	}
	if n := disk.Syncs() - before; n != 1 {
		t.Errorf("%d syncs for 50 daemons, want 1", n)
	}
}

// TestFollowersShareTheError: a disk that takes no writes is asked once for all who wait.
func TestFollowersShareTheError(t *testing.T) {
	disk := crashdisk.New()
	var rounds atomic.Int32
	gate := make(chan struct{})
	arrived := make(chan struct{})
	cfg := journal.Config{Fail: func(point string) {
		if point == "group: before the write" && rounds.Add(1) == 1 {
			close(arrived)
			<-gate
		}
	}}
	j := open(t, disk, cfg)
	c := newChain(j.Next())
	at := j.Append(c.born(), c.base(nil))
	disk.Full(true)
	errs := make(chan error, 2)
	go func() { errs <- j.Wait(at) }()
	<-arrived
	go func() { errs <- j.Wait(at) }()
	close(gate)
	for range 2 {
		if err := <-errs; !errors.Is(err, journal.ErrDiskFull) {
			t.Errorf("Wait: %v, want ErrDiskFull", err)
		}
	}
	disk.Full(false)
	wait(t, j, at)
}

// TestNobodyAttendsASweep: a round is over when its records are durable. Whoever comes while its leader still deletes
// files must not wait for the end of a round that nobody leads.
func TestNobodyAttendsASweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, sweeping := make(chan struct{}), false
		cfg := journal.Config{SegmentSize: 4 << 10, MaxSegments: 2, Fail: func(point string) {
			if point == "sweep: before a file is deleted" && !sweeping {
				sweeping = true
				<-gate
			}
		}}
		j := open(t, crashdisk.New(), cfg)
		j.Recovered()
		c, late := newChain(j.Next()), newChain(j.Next())
		wait(t, j, j.Append(c.born(), c.base(nil)))
		go func() {
			for !sweeping {
				if err := j.Wait(j.Append(c.event(make([]byte, 1<<10)), c.base(nil))); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		synctest.Wait() // the leader deletes
		at := j.Append(late.born(), late.base(nil))
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if err := j.Wait(at); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // both wait
		close(gate)
		group.Wait()
	})
}

// TestFullDiskIsSwept: what an Append has made superfluous is deleted as soon as that is durable, also if there is no room for
// what was appended behind it. The file may be what fills the disk, and every later round has only what fails.
func TestFullDiskIsSwept(t *testing.T) {
	disk, filling := crashdisk.New(), false
	cfg := small
	cfg.Fail = func(point string) {
		if point == "group: synced" && filling {
			disk.Full(true)
		}
	}
	j := open(t, disk, cfg)
	j.Recovered()
	large, other := newChain(j.Next()), newChain(j.Next())
	j.Append(large.born(), spool(t, j, large, make([]byte, 2*journal.MaxInline)))
	wait(t, j, j.Append(other.born(), other.base(nil)))
	j.Append(journal.Dropped{Copy: large.id})
	at := j.Append(other.event(make([]byte, cfg.SegmentSize))) // begins a segment
	filling = true
	for range 2 {
		if err := j.Wait(at); !errors.Is(err, journal.ErrDiskFull) {
			t.Fatalf("Wait: %v, want ErrDiskFull", err)
		}
	}
	if n := filesIn(t, disk, "copies"); n != 0 {
		t.Errorf("%d files of a copy whose end is durable, on a full disk", n)
	}
	filling = false
	disk.Full(false)
	wait(t, j, at)
}

// TestClosed: nothing is taken, nobody is kept waiting, and nobody is told that what was not taken is durable.
func TestClosed(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, journal.Config{})
	c := newChain(j.Next())
	at := j.Append(c.born(), c.base(nil))
	for range 2 {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	late := []journal.Position{j.Append(c.event(nil)), j.Append(c.event(nil)), j.Last()}
	for _, late := range late {
		if err := j.Wait(late); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("Wait(%d) for what was not taken: %v, want ErrClosed", late, err)
		}
	}
	if err := j.Wait(at); err != nil {
		t.Errorf("Wait for what Close has synced: %v", err)
	}
	if last := open(t, disk, journal.Config{}).State().Copies[c.id].Last; last != 0 {
		t.Errorf("last is %d", last)
	}
}

// TestClosedWithoutRecords: zero is before everything, and what an unused journal does not take is not.
func TestClosedWithoutRecords(t *testing.T) {
	j := open(t, crashdisk.New(), journal.Config{})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	c := newChain(1)
	if err := j.Wait(j.Append(c.born(), c.base(nil))); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Wait: %v, want ErrClosed", err)
	}
}

// TestCloseWithoutRoom: what could not be written is not acknowledged, and the next Open takes what is there.
func TestCloseWithoutRoom(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, journal.Config{})
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base(nil)))
	at := j.Append(c.event(make([]byte, 500)))
	disk.FullAfter(100)
	if err := j.Close(); !errors.Is(err, journal.ErrDiskFull) {
		t.Errorf("Close: %v, want ErrDiskFull", err)
	}
	if err := j.Wait(at); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Wait: %v, want ErrClosed", err)
	}
	disk.Full(false)
	if last := open(t, disk, journal.Config{}).State().Copies[c.id].Last; last != 0 {
		t.Errorf("last is %d", last)
	}
}

// TestAppendAllocatesNothing: an event is encoded into memory that is there.
func TestAppendAllocatesNothing(t *testing.T) {
	j := open(t, crashdisk.New(), journal.Config{SegmentSize: 64 << 20})
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base(nil)))
	const runs = 2000
	events := make([]journal.Event, runs+2)
	for i := range events {
		events[i] = c.event(make([]byte, 200))
	}
	next := 0
	allocs := testing.AllocsPerRun(runs, func() {
		j.Append(events[next])
		next++
	})
	if allocs >= 0.5 {
		t.Errorf("%v allocations for an event", allocs)
	}
}

// BenchmarkAppend is the cost of an event without the disk.
func BenchmarkAppend(b *testing.B) {
	j := open(b, journal.NewDisk(b.TempDir()), journal.Config{})
	j.Recovered()
	c := newChain(j.Next())
	j.Append(c.born(), c.base(nil))
	payload := make([]byte, 200)
	b.ReportAllocs()
	for done := 0; done < b.N; {
		b.StopTimer()
		wait(b, j, j.Append(c.base(nil)))
		events := make([]journal.Event, min(1000, b.N-done))
		for i := range events {
			events[i] = c.event(payload)
		}
		b.StartTimer()
		for i := range events {
			j.Append(events[i])
		}
		done += len(events)
	}
	b.StopTimer()
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGroupCommit has goroutines append records of 200 bytes and wait for each, and does the same amount of
// appending to a plain preallocated file, one after the other: the ratio says what the journal costs, or saves.
func BenchmarkGroupCommit(b *testing.B) {
	for _, waiters := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(waiters), func(b *testing.B) { groupCommit(b, waiters) })
	}
}

func groupCommit(b *testing.B, waiters int) {
	dir := b.TempDir()
	j := open(b, journal.NewDisk(filepath.Join(dir, "data")), journal.Config{SegmentSize: 256 << 20})
	j.Recovered()
	chains := make([]*chain, waiters)
	for i := range chains {
		chains[i] = newChain(j.Next())
		wait(b, j, j.Append(chains[i].born(), chains[i].base(nil)))
	}
	before := j.Last()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	for _, c := range chains {
		group.Go(func() {
			payload := make([]byte, 59) // with its header, checksum and the rest of the event, 200 bytes
			for left.Add(-1) >= 0 {
				binary.BigEndian.PutUint64(payload, c.head.Sequence)
				if err := j.Wait(j.Append(c.event(payload))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	own := b.Elapsed()
	b.StopTimer()
	size := int(j.Last()-before) / b.N
	b.StartTimer()
	plain(b, filepath.Join(dir, "plain"), size)
	raw := b.Elapsed() - own
	b.StopTimer()
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(own)/float64(b.N), "ns/record")
	b.ReportMetric(float64(raw)/float64(b.N), "plain-ns/record")
	b.ReportMetric(float64(own)/float64(raw), "ratio")
	b.ReportMetric(float64(size), "B/record")
}

// plain appends as many records of a size to a preallocated file, with a sync for each.
func plain(b *testing.B, name string, size int) {
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := journal.NewDisk(filepath.Dir(name)).Open(filepath.Base(name))
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(f.Allocate(256<<20), f.Sync()); err != nil {
		b.Fatal(err)
	}
	record := make([]byte, size)
	for i := range b.N {
		if _, err := f.WriteAt(record, int64(i*size)); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
