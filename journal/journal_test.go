package journal_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/wire"
)

// disks runs a test on the real disk and on the one in memory.
func disks(t *testing.T, test func(t *testing.T, disk journal.Disk)) {
	t.Run("real", func(t *testing.T) { test(t, journal.NewDisk(filepath.Join(t.TempDir(), "data"))) })
	t.Run("memory", func(t *testing.T) { test(t, crashdisk.New()) })
}

var small = journal.Config{SegmentSize: 16 << 10, MaxSegments: 4}

// TestAppendedIsThereAgain: a daemon's life, from birth to handover, is what the log leads to.
func TestAppendedIsThereAgain(t *testing.T) {
	disks(t, func(t *testing.T, disk journal.Disk) {
		j := open(t, disk, small)
		c := newChain(j.Next())
		at := j.Append(c.born(), c.base([]byte("snapshot")))
		wait(t, j, at)
		for _, p := range []string{"a", "b", "c"} {
			at = j.Append(c.event([]byte(p)))
		}
		if j.Pending() == 0 {
			t.Error("nothing is pending")
		}
		wait(t, j, at)
		if n := j.Pending(); n != 0 {
			t.Errorf("%d bytes are pending", n)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, disk, small)
		copy := j.State().Copies[c.id]
		if copy == nil || !copy.HoldsEpoch() || copy.Last != 3 || copy.Seed != seedOf(1) || copy.Origin != originOf(1) {
			t.Fatalf("copy is %+v", copy)
		}
		if got := payloads(t, j, c.id); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("events are %q", got)
		}
		checkBase(t, j, c.id, []byte("snapshot"))
		if next := j.Next(); next != 2 {
			t.Errorf("the next copy is %d", next)
		}
		j.Recovered()
		h := func() journal.Event { return c.handover() }
		commit := c.commit(1)
		wait(t, j, j.Append(commit, h()))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, disk, small)
		copy = j.State().Copies[c.id]
		if copy.HoldsEpoch() || copy.Commit == nil || copy.Commit.Target != commit.Target || copy.Handover == nil || copy.Last != 4 {
			t.Errorf("after the handover it is %+v", copy)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func checkBase(t testing.TB, j *journal.Journal, id journal.CopyID, want []byte) {
	t.Helper()
	r, err := j.OpenBase(id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("base of copy %d has %d bytes, want %d: %v", id, len(got), len(want), err)
	}
}

// TestArrivalKeepsPromise: hold, release, arrival and what they do to each other.
func TestArrivalKeepsPromise(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	gone := c.tombstone(crypto.CausalEvent{Kind: crypto.EventHandover})
	j.Append(gone)
	j.Append(c.preparing())
	j.Append(c.base([]byte("s")))
	j.Append(c.event([]byte("a")))
	j.Append(journal.Hold{Copy: c.id, Attempt: attempt(2), Final: c.head})
	j.Append(journal.Release{Copy: c.id, Attempt: attempt(1)})
	j.Recovered()
	if h := j.State().Copies[c.id].Held; h == nil || h.Attempt != attempt(2) {
		t.Fatalf("held %+v: a lower attempt has ended it", h)
	}
	j.Append(journal.Release{Copy: c.id, Attempt: attempt(3)})
	j.Append(journal.Hold{Copy: c.id, Attempt: attempt(3), Final: c.head})
	if got := j.State().Copies[c.id]; got.Held != nil || got.Released != attempt(3) {
		t.Fatalf("held %+v, released %v", got.Held, got.Released)
	}
	wait(t, j, j.Append(journal.Hold{Copy: c.id, Attempt: attempt(4), Final: c.head}))
	j = reopen(t, disk, j, crashdisk.Lose)
	if got := j.State().Copies[c.id]; got.Held == nil || got.HoldsEpoch() || j.State().Tombstones[c.head.Origin] == nil {
		t.Fatalf("after a crash it is %+v", got)
	}
	h := c.handover()
	wait(t, j, j.Append(h, c.arrived()))
	j = reopen(t, disk, j, crashdisk.Lose)
	got := j.State().Copies[c.id]
	if got.Held != nil || !got.HoldsEpoch() || got.Arrived == nil || got.Handover != nil || len(j.State().Tombstones) != 0 {
		t.Fatalf("after the arrival it is %+v, tombstones %v", got, j.State().Tombstones)
	}
}

func reopen(t testing.TB, disk *crashdisk.Disk, _ *journal.Journal, mode crashdisk.Mode) *journal.Journal {
	t.Helper()
	disk.Crash(rand.New(rand.NewPCG(1, 0)), mode)
	return open(t, disk, small)
}

// TestLargeBase: a base in a file, replaced by another, and dropped with its copy.
func TestLargeBase(t *testing.T) {
	disks(t, func(t *testing.T, disk journal.Disk) {
		j := open(t, disk, small)
		j.Recovered()
		c := newChain(j.Next())
		first := bytes.Repeat([]byte("first "), 20_000)
		wait(t, j, j.Append(c.born(), spool(t, j, c, first)))
		wait(t, j, j.Append(c.event([]byte("a"))))
		second := bytes.Repeat([]byte("second "), 20_000)
		b := spool(t, j, c, second)
		if n := filesIn(t, disk, "copies"); n != 2 {
			t.Errorf("%d files before the record is durable, want 2", n)
		}
		wait(t, j, j.Append(b))
		if n := filesIn(t, disk, "copies"); n != 1 {
			t.Errorf("%d files afterwards, want 1", n)
		}
		if _, bases := j.Usage(); bases != int64(len(second)) {
			t.Errorf("bases take %d bytes", bases)
		}
		j.Append(c.event([]byte("b")))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, disk, small)
		checkBase(t, j, c.id, second)
		if got := payloads(t, j, c.id); !slices.Equal(got, []string{"b"}) {
			t.Errorf("events %q", got)
		}
		j.Recovered()
		wait(t, j, j.Append(journal.Dropped{Copy: c.id}))
		if n := filesIn(t, disk, "copies"); n != 0 {
			t.Errorf("%d files of a dropped copy", n)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// spool writes a base in pieces.
func spool(t testing.TB, j *journal.Journal, c *chain, content []byte) journal.Base {
	t.Helper()
	s, err := j.Spool(c.id)
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(content, 10_000) {
		if _, err := s.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	b, err := s.Commit(c.head)
	if err != nil {
		t.Fatal(err)
	}
	s.Abort()
	return b
}

func filesIn(t testing.TB, disk journal.Disk, dir string) int {
	t.Helper()
	names, err := disk.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestResume: what an earlier process has spooled is continued where the caller can verify it.
func TestResume(t *testing.T) {
	disks(t, func(t *testing.T, disk journal.Disk) {
		j := open(t, disk, small)
		c := newChain(j.Next())
		wait(t, j, j.Append(c.preparing()))
		content := bytes.Repeat([]byte("0123456789"), 20_000)
		s, err := j.Spool(c.id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(content[:100_000]); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, disk, small)
		s, r, err := j.Resume(c.id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[:100_000]) || s.Size() != 100_000 {
			t.Fatalf("%d bytes left of 100000: %v", len(got), err)
		}
		if err := s.Truncate(90_000); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(content[90_000:]); err != nil {
			t.Fatal(err)
		}
		b, err := s.Commit(c.head)
		if err != nil {
			t.Fatal(err)
		}
		wait(t, j, j.Append(b))
		reopened(t, disk, j, c.id, content)
	})
}

// TestRealDisk: one process at a time, and nobody else reads keys.
func TestRealDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	disk := journal.NewDisk(dir)
	j := open(t, disk, small)
	if _, err := journal.Open(journal.NewDisk(dir), small); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("a second Open: %v, want ErrLocked", err)
	}
	if runtime.GOOS != "windows" {
		checkModes(t, dir)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, disk, small).Close(); err != nil {
		t.Fatal(err)
	}
}

func checkModes(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull: nothing is lost by a write that fails, and the same Wait succeeds later.
func TestDiskFull(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base([]byte("s"))))
	for room := range int64(900) {
		disk.FullAfter(room)
		at := j.Append(c.event(bytes.Repeat([]byte("x"), 600)))
		if err := j.Wait(at); !errors.Is(err, journal.ErrDiskFull) {
			if room < 600 {
				t.Fatalf("Wait with room for %d bytes: %v, want ErrDiskFull", room, err)
			}
		}
		disk.Full(false)
		wait(t, j, at)
	}
	j = reopen(t, disk, j, crashdisk.Lose)
	if got := len(payloads(t, j, c.id)); got != 900 {
		t.Errorf("%d events, want 900", got)
	}
}

// TestFailedSync: after it, nothing is known any more.
func TestFailedSync(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	first := j.Append(c.born(), c.base([]byte("s")))
	wait(t, j, first)
	disk.BreakSync(true)
	at := j.Append(c.event([]byte("a")))
	if err := j.Wait(at); !errors.Is(err, journal.ErrSync) {
		t.Fatalf("Wait: %v, want ErrSync", err)
	}
	disk.BreakSync(false)
	for _, p := range []journal.Position{first, at} {
		if err := j.Wait(p); !errors.Is(err, journal.ErrSync) {
			t.Errorf("Wait(%d) later: %v, want ErrSync", p, err)
		}
	}
	if err := j.Wait(0); err != nil {
		t.Errorf("Wait(0): %v", err)
	}
	if err := j.Close(); !errors.Is(err, journal.ErrSync) {
		t.Errorf("Close: %v, want ErrSync", err)
	}
}

// TestSecretsDoNotPrint: no verb shows a seed.
func TestSecretsDoNotPrint(t *testing.T) {
	c := newChain(1)
	secret := "115 101 99 114 101 116"
	var seed [32]byte
	copy(seed[:], "secret secret secret secret secr")
	born, prep := c.born(), c.preparing()
	born.Seed, prep.Seed = seed, seed
	row := journal.Copy{Seed: seed, Preparing: &prep}
	for _, v := range []any{born, &born, prep, &prep, row, &row, []journal.Record{born, prep}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			text := sprintf(verb, v)
			if strings.Contains(text, secret) || strings.Contains(text, "secret s") || strings.Contains(text, "736563") || strings.Contains(text, "0x73, 0x65") {
				t.Errorf("%s of %T shows the seed: %s", verb, v, text)
			}
		}
	}
}

// TestBoundedDisk: with owners that give new bases when they are asked to, the log does not grow beyond its
// limit, and nothing is lost.
func TestBoundedDisk(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	j.Recovered()
	rng := rand.New(rand.NewPCG(4, 0))
	var chains []*chain
	for range 5 {
		c := newChain(j.Next())
		chains = append(chains, c)
		wait(t, j, j.Append(c.born(), c.base([]byte("s"))))
	}
	quiet := chains[0]
	at := j.Append(quiet.event([]byte("the only one")))
	handed := chains[1]
	j.Append(handed.commit(1), handed.handover())
	for i := range 3000 {
		c := chains[2+i%3]
		at = j.Append(c.event(make([]byte, rng.IntN(300))))
		if i%10 == 0 {
			wait(t, j, at)
		}
		for _, id := range j.Due() {
			c := chains[id-1]
			wait(t, j, j.Append(spool(t, j, c, []byte("newer"))))
		}
		if log, _ := j.Usage(); log > 7*small.SegmentSize {
			t.Fatalf("the log has %d bytes after %d events", log, i)
		}
	}
	wait(t, j, at)
	if n := filesIn(t, disk, "log"); n > 6 {
		t.Errorf("%d segments", n)
	}
	want := j.State()
	j = reopen(t, disk, j, crashdisk.Lose)
	for id, c := range want.Copies {
		got := j.State().Copies[id]
		if got == nil || got.Last != c.Last || got.HoldsEpoch() != c.HoldsEpoch() || (got.Handover == nil) != (c.Handover == nil) {
			t.Errorf("copy %d is %+v, want %+v", id, got, c)
		}
	}
	if next := j.Next(); next != 6 {
		t.Errorf("the next copy is %d", next)
	}
}

// TestPromise: what is left to a directory is known after a restart, until a release of that attempt or of a
// later one, or a commit.
func TestPromise(t *testing.T) {
	disk, c := crashdisk.New(), newChain(1)
	j := open(t, disk, small)
	base := c.base([]byte("snapshot"))
	wait(t, j, j.Append(c.born(), base))
	reopened := func(want *journal.Promise) {
		t.Helper()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open(t, disk, small)
		if got := j.State().Copies[c.id].Promise; !reflect.DeepEqual(got, want) {
			t.Fatalf("the promise is %+v, want %+v", got, want)
		}
	}
	first, second := c.promise(1), c.promise(2)
	wait(t, j, j.Append(first))
	reopened(&first)
	wait(t, j, j.Append(journal.Release{Copy: c.id, Attempt: attempt(1)}, second))
	reopened(&second)
	wait(t, j, j.Append(journal.Release{Copy: c.id, Attempt: attempt(1)}))
	reopened(&second)
	wait(t, j, j.Append(c.commit(2), c.handover()))
	reopened(nil)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAppendRefusesContradictions: what could not be read again is not written.
func TestAppendRefusesContradictions(t *testing.T) {
	c := newChain(1)
	base, other := c.base([]byte("s")), newChain(2)
	ev := c.event([]byte("a"))
	late := c.event([]byte("b"))
	foreign := other.event([]byte("c"))
	foreign.Copy = 1
	odd, huge := ev, ev
	odd.Event.Kind, huge.Event.Payload = 9, make([]byte, crypto.MaxPayload+1)
	for name, r := range map[string][]journal.Record{
		"kind of event": {odd}, "payload": {huge},
		"unknown copy": {other.event([]byte("a"))}, "gap": {late}, "origin": {foreign}, "second birth": {c.born()},
		"commit alone": {c.commit(1)}, "promise of another head": {c.promise(1)}, "arrival of the born": {c.arrived()}, "zero": {journal.Born{}},
		"unknown hold": {journal.Hold{Copy: 9}}, "unknown drop": {journal.Dropped{Copy: 9}},
		"commit before an input": {c.commit(1), ev}, "old base": {ev, base, ev},
		"durability": {journal.Born{Copy: 7, Durability: wire.Durability(99)}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := crashdisk.New()
			j := open(t, disk, small)
			wait(t, j, j.Append(c.born(), base))
			before := disk.Clone()
			defer func() {
				if recover() == nil {
					t.Error("Append did not panic")
				}
				if err := j.Wait(1 << 40); err == nil {
					t.Error("Wait succeeds")
				}
				if !bytes.Equal(before.Read("log/00000000.log"), disk.Read("log/00000000.log")) {
					t.Error("something was written")
				}
			}()
			j.Append(r...)
		})
	}
}

// TestOldFilesStayUntilRecovered: what State speaks of can be read, whatever has been appended since.
func TestOldFilesStayUntilRecovered(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	content := bytes.Repeat([]byte("first "), 20_000)
	wait(t, j, j.Append(c.born(), spool(t, j, c, content), c.event([]byte("a"))))
	j = reopen(t, disk, j, crashdisk.Lose)
	for range 200 {
		wait(t, j, j.Append(c.event(make([]byte, 1000))))
		wait(t, j, j.Append(spool(t, j, c, []byte("small"))))
	}
	checkBase(t, j, c.id, content)
	if got := payloads(t, j, c.id); !slices.Equal(got, []string{"a"}) {
		t.Errorf("events %q", got)
	}
	old := []string{"log/00000000.log", "copies/1-1.snapshot"}
	before := disk.Names()
	j.Recovered()
	wait(t, j, j.Append(c.event([]byte("b"))))
	after := disk.Names()
	for _, name := range old {
		if !slices.Contains(before, name) || slices.Contains(after, name) {
			t.Errorf("%s is to be there until Recovered: %v before, %v after", name, before, after)
		}
	}
	if len(after) > 3 {
		t.Errorf("left: %v", after)
	}
}

// TestOpenOnAFullDisk: what is there can be read, and writing goes on when there is room.
func TestOpenOnAFullDisk(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base(nil)))
	lost := *c
	at := j.Append(c.event(make([]byte, 1000)))
	disk.FullAfter(500)
	if err := j.Wait(at); !errors.Is(err, journal.ErrDiskFull) {
		t.Fatalf("Wait: %v", err)
	}
	disk.Crash(rand.New(rand.NewPCG(1, 0)), crashdisk.Kill)
	disk.Full(true)
	j = open(t, disk, small)
	if last := j.State().Copies[c.id].Last; last != 0 {
		t.Errorf("last is %d", last)
	}
	at = j.Append(lost.event([]byte("again")))
	if err := j.Wait(at); !errors.Is(err, journal.ErrDiskFull) {
		t.Errorf("Wait: %v, want ErrDiskFull", err)
	}
	disk.Full(false)
	wait(t, j, at)
	if size := len(disk.Read("log/00000000.log")); int64(size) != small.SegmentSize {
		t.Errorf("the segment has %d bytes", size)
	}
}

// TestLeftovers: what nothing leads to is deleted by Open, and the beginning of a first base is kept.
func TestLeftovers(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, small)
	a, b, c := newChain(j.Next()), newChain(j.Next()), newChain(j.Next())
	large := make([]byte, journal.MaxInline+1)
	j.Append(a.preparing())
	j.Append(b.preparing())
	wait(t, j, j.Append(c.preparing(), spool(t, j, c, large)))
	wait(t, j, j.Append(journal.Dropped{Copy: b.id}))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"copies/1.part", "copies/2.part", "copies/3.part", "copies/3-9.snapshot", "copies/8-1.snapshot", "log/00000001.log.new", "closed.new", "copies/README"} {
		disk.Write(name, []byte("left"))
	}
	j = open(t, disk, small)
	if want := []string{"copies/1.part", "copies/3-1.snapshot", "copies/README", "log/00000000.log"}; !slices.Equal(disk.Names(), want) {
		t.Errorf("files are %q, want %q", disk.Names(), want)
	}
	s, r, err := j.Resume(a.id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "left" {
		t.Errorf("resumed %q, %v", got, err)
	}
	if err := s.Truncate(5); err == nil {
		t.Error("a base is cut to more than it has")
	}
	if err := s.Truncate(2); err != nil {
		t.Fatal(err)
	}
	base, err := s.Commit(a.head)
	if err != nil || string(base.Inline) != "le" || base.Digest != sha256.Sum256([]byte("le")) {
		t.Errorf("base %+v, %v", base, err)
	}
	wait(t, j, j.Append(base))
	if slices.Contains(disk.Names(), "copies/1.part") {
		t.Error("the file of an inline base is still there")
	}
}
