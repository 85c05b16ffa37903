package fuzz

import (
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"runtime"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/wire"
)

// segmentSize is what the headers of written segments say.
const segmentSize = 4 << 10

// journalSegment writes a segment around arbitrary content: the second implementation of the format.
func journalSegment(groups []byte) []byte {
	b := append([]byte("ferrylog"), 1)
	for _, v := range []uint64{0, 1, 0, 0, segmentSize, 0} {
		b = codec.AppendUint64(b, v)
	}
	b = codec.AppendUint64(b, xxhash.Sum64(b))
	return append(b, groups...)
}

// journalGroups makes valid groups of a script, so that what is fuzzed is not the checksums: a byte of type and
// flag, a byte that ends the group if it is odd, a length, and a body.
func journalGroups(script []byte) (b []byte) {
	number := uint64(1)
	var group []byte
	c := codec.NewCursor(script)
	for c.Rest() > 0 {
		typ, end := c.Uint8(), c.Uint8()
		body := c.Bytes(len(script))
		if c.Err() != nil {
			break
		}
		start := len(group)
		group = codec.AppendUvarint(group, uint64(1+len(body)))
		group = append(append(group, typ), body...)
		group = codec.AppendUint64(group, xxhash.Sum64(group[start:]))
		if end&1 == 1 || c.Rest() == 0 {
			b = append(b, journalGroup(number, group)...)
			number, group = number+1, nil
		}
	}
	return b
}

func journalGroup(number uint64, records []byte) []byte {
	salted := make([]byte, 8, 20)
	salted = codec.AppendUint64(salted, number)
	salted = codec.AppendUint32(salted, uint32(len(records)))
	b := append([]byte("\xf1grp"), salted[8:]...)
	return append(codec.AppendUint64(b, xxhash.Sum64(salted)), records...)
}

// journalScript turns the only segment of a disk back into a script.
func journalScript(f *testing.F, disk *crashdisk.Disk) (script []byte) {
	content := disk.Read("log/00000000.log")[8+1+6*8+8:]
	for len(content) > 24 && content[0] == 0xf1 {
		n := binary.BigEndian.Uint32(content[12:])
		records := content[24 : 24+n]
		content = content[24+n:]
		for len(records) > 0 {
			c := codec.NewCursor(records)
			rec := c.Bytes(len(records))
			c.Take(8)
			if c.Err() != nil {
				f.Fatal(c.Err())
			}
			records = records[len(records)-c.Rest():]
			end := byte(0)
			if len(records) == 0 {
				end = 1
			}
			script = codec.AppendBytes(append(script, rec[0], end), rec[1:])
		}
	}
	return script
}

// journalSeed is a disk with a little of everything.
func journalSeed(f *testing.F) *crashdisk.Disk {
	disk := crashdisk.New()
	j, err := journal.Open(disk, journal.Config{SegmentSize: segmentSize})
	if err != nil {
		f.Fatal(err)
	}
	head := crypto.Head{Origin: 7, Digest: crypto.Digest{1}}
	next := func(copy journal.CopyID, kind crypto.EventKind) journal.Event {
		link, _ := head.Next()
		ev := crypto.CausalEvent{Link: link, Kind: kind, Payload: []byte("payload")}
		head = head.Append(ev, nil)
		return journal.Event{Copy: copy, Event: ev}
	}
	a := wire.Attempt{Epoch: 1, Boot: 1, Count: 1}
	j.Append(journal.Born{Copy: 1, Origin: 7, Seed: [32]byte{1}}, journal.Base{Copy: 1, Head: head, Size: 3, Inline: []byte("abc")}, next(1, crypto.EventInput))
	j.Append(journal.Commit{Copy: 1, Attempt: a, Addrs: []string{"a:1"}}, next(1, crypto.EventHandover))
	j.Append(journal.Tombstone{Ref: wire.Ref{Origin: 9}, Kind: "k", Handover: crypto.CausalEvent{Kind: crypto.EventHandover}, Arrival: new(wire.ActivateAck)})
	j.Append(journal.Preparing{Copy: 2, Prepare: wire.Prepare{Ref: wire.Ref{Origin: 7}, Entity: crypto.EntityID(roleKeys[1].Public()), Kind: "k"}})
	j.Append(journal.Base{Copy: 2, Head: head, Size: 1 << 20, File: 3})
	j.Append(journal.Hold{Copy: 2, Attempt: a, Final: head}, journal.Release{Copy: 2, Attempt: a})
	j.Append(next(2, crypto.EventHandover), journal.Arrived{Copy: 2, Signed: crypto.SignedHead{Head: head}})
	if err := j.Wait(j.Append(journal.Forgotten{Origin: 9}, journal.Dropped{Copy: 1})); err != nil {
		f.Fatal(err)
	}
	return disk
}

// FuzzJournal opens a journal of arbitrary content: as the bytes of a segment, or as records with all checksums
// in order. Laws:
//
//   - Open refuses with a DamageError, or what it opens can be read, closed and opened again to the same state;
//   - what Open refuses Verify refuses, and neither takes more memory than a multiple of what is there.
func FuzzJournal(f *testing.F) {
	disk := journalSeed(f)
	script := journalScript(f, disk)
	f.Add(true, disk.Read("log/00000000.log"))
	f.Add(false, script)
	f.Add(false, script[:len(script)/2])
	f.Add(false, []byte{0x8d, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw bool, data []byte) {
		content := data
		if !raw {
			content = journalSegment(journalGroups(data))
		}
		d := crashdisk.New()
		d.Write("log/00000000.log", content)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, verifyErr := journal.Verify(d)
		j, err := journal.Open(d, journal.Config{SegmentSize: segmentSize})
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+256*uint64(len(content)) {
			t.Errorf("%d bytes take %d to open", len(content), used)
		}
		if err != nil {
			var de *journal.DamageError
			if !errors.As(err, &de) || !errors.Is(verifyErr, journal.ErrDamaged) {
				t.Fatalf("Open: %v, Verify: %v", err, verifyErr)
			}
			return
		}
		checkJournal(t, d, j)
	})
}

// checkJournal reads all that there is and opens the journal again.
func checkJournal(t *testing.T, d *crashdisk.Disk, j *journal.Journal) {
	state := j.State()
	for id, c := range state.Copies {
		last := c.Last
		if err := j.Events(id, func(e journal.Event) error { last = e.Event.Link.Sequence; return nil }); err != nil && !errors.Is(err, journal.ErrDamaged) || err == nil && last != c.Last {
			t.Fatalf("events of copy %d, the last is %d of %d: %v", id, last, c.Last, err)
		}
		if c.Base == nil {
			continue
		}
		r, err := j.OpenBase(id)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil && !errors.Is(err, journal.ErrDamaged) {
			t.Fatalf("base of copy %d: %v", id, err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := journal.Open(d, journal.Config{SegmentSize: segmentSize})
	if err != nil {
		t.Fatalf("opened, closed, and then: %v", err)
	}
	if !reflect.DeepEqual(again.State(), state) {
		t.Fatalf("opened again, the state is %+v, and was %+v", again.State(), state)
	}
}
