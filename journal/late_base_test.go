package journal_test

import (
	"bytes"
	"testing"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
)

// TestLateBase: a base is written beside its daemon's queue, so that events follow its view before it is in the log. Once the
// next base has replaced them and their segment is gone, the late one may be the first that the log says of the copy,
// and the event behind it does not follow it. Wherever the segments end between the records, the journal opens again.
func TestLateBase(t *testing.T) {
	for before := range 24 {
		for between := range 4 {
			for behind := range 14 {
				lateBases(t, before, between, behind)
			}
		}
	}
}

// lateBases writes events before the view of a base and between that and its record, which ends with the view of the next
// base; then as many behind it as given, and the record of the next base.
func lateBases(t *testing.T, before, between, behind int) {
	disk, cfg := crashdisk.New(), journal.Config{SegmentSize: 4096, MaxSegments: 3}
	j := open(t, disk, cfg)
	c := newChain(1)
	j.Append(c.born(), c.base(nil))
	write := func(n int) {
		for range n {
			wait(t, j, j.Append(c.event(make([]byte, 700))))
		}
	}
	write(before)
	late := c.base(make([]byte, 2000)) // which most often begins a segment
	write(between)
	next := c.base([]byte("next"))
	j.Append(late)
	write(behind)
	wait(t, j, j.Append(next))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(disk, cfg)
	if err != nil {
		t.Errorf("%d, %d and %d events: %v", before, between, behind, err)
		return
	}
	if got := len(payloads(t, j, 1)); got != behind {
		t.Errorf("%d, %d and %d events: %d are behind the last base", before, between, behind, got)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestUnusedBase: a base whose copy was dropped while it was written is deleted, and the others are not.
func TestUnusedBase(t *testing.T) {
	disks(t, func(t *testing.T, disk journal.Disk) {
		j := open(t, disk, small)
		c := newChain(j.Next())
		wait(t, j, j.Append(c.preparing()))
		content := bytes.Repeat([]byte("x"), 2*journal.MaxInline)
		wait(t, j, j.Append(spool(t, j, c, content)))
		late := spool(t, j, c, content)
		if n := filesIn(t, disk, "copies"); n != 2 {
			t.Fatalf("%d files, want both bases", n)
		}
		j.Unused(late)
		j.Unused(journal.Base{Copy: c.id}) // an inline one has no file
		if n := filesIn(t, disk, "copies"); n != 1 {
			t.Errorf("%d files, want the base that counts", n)
		}
		reopened(t, disk, j, c.id, content)
	})
}
