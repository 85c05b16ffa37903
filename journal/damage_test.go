package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
)

// tiny makes segments that a few records fill.
var tiny = journal.Config{SegmentSize: 1500, MaxSegments: 100, Salt: 77}

// specimen is a small journal, its files as they are on disk, and every state that a prefix of what was appended
// leads to.
type specimen struct {
	disk   *crashdisk.Disk
	states []*model
}

// write makes the specimen: copies of both kinds, two bases in files, a drop and a tombstone, in several segments.
func (s *specimen) write(t *testing.T, cfg journal.Config, end func(*journal.Journal)) {
	s.disk = crashdisk.New()
	j := open(t, s.disk, cfg)
	j.Recovered()
	now := newModel()
	s.states = []*model{now.clone()}
	add := func(content []byte, records ...journal.Record) {
		for _, r := range records {
			now.apply(r, content)
		}
		wait(t, j, j.Append(records...))
		s.states = append(s.states, now.clone())
	}
	large := bytes.Repeat([]byte{7}, journal.MaxInline+1)
	a, b, c := newChain(j.Next()), newChain(j.Next()), newChain(j.Next())
	add([]byte("small"), a.born(), a.base([]byte("small")))
	add(nil, b.preparing())
	add(large, spool(t, j, b, large))
	add(nil, c.preparing())
	for range 3 {
		add(nil, a.event([]byte("one")), a.event([]byte("two")))
		add(nil, b.event([]byte("three")))
	}
	add(nil, journal.Hold{Copy: b.id, Attempt: attempt(1), Final: b.head})
	add(nil, b.handover(), b.arrived())
	add(nil, a.commit(2), a.handover())
	add(nil, c.tombstone(crypto.CausalEvent{Kind: crypto.EventHandover}), journal.Dropped{Copy: c.id})
	add([]byte("later"), a.base([]byte("later")))
	end(j)
	s.disk = s.disk.Clone() // nobody has it open
	if n := filesIn(t, s.disk, "log"); n < 3 {
		t.Fatalf("the specimen has %d segments", n)
	}
}

// judge opens a damaged disk: it must be refused, or lead to a state that was there. It reports what happened.
func (s *specimen) judge(t *testing.T, d *crashdisk.Disk, what string) (refused bool) {
	t.Helper()
	before := d.Clone()
	_, verifyErr := journal.Verify(d)
	if !same(before, d) {
		t.Fatalf("%s: Verify changes the disk", what)
	}
	j, err := journal.Open(d, tiny)
	if err != nil {
		var de *journal.DamageError
		if !errors.As(err, &de) || !errors.Is(err, journal.ErrDamaged) || de.File == "" {
			t.Fatalf("%s: Open: %v, want a DamageError", what, err)
		}
		if !same(before, d) {
			t.Fatalf("%s: Open refuses, and has changed the disk", what)
		}
		if !errors.Is(verifyErr, journal.ErrDamaged) {
			t.Fatalf("%s: Open: %v, and Verify: %v", what, err, verifyErr)
		}
		return true
	}
	if slices.ContainsFunc(s.states, func(m *model) bool { return m.differs(j) == nil }) {
		if verifyErr != nil {
			t.Fatalf("%s: Verify: %v, and all is well", what, verifyErr)
		}
		return false
	}
	if baseDamaged(j) {
		if verifyErr == nil {
			t.Fatalf("%s: Verify does not see a damaged base", what)
		}
		return true
	}
	t.Fatalf("%s: it opens with a state that never was: %+v", what, j.State())
	return false
}

func baseDamaged(j *journal.Journal) bool {
	for id, c := range j.State().Copies {
		if c.Base == nil {
			continue
		}
		r, err := j.OpenBase(id)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if errors.Is(err, journal.ErrDamaged) {
			return true
		}
	}
	return false
}

func same(a, b *crashdisk.Disk) bool {
	if !slices.Equal(a.Names(), b.Names()) {
		return false
	}
	for _, name := range a.Names() {
		if !bytes.Equal(a.Read(name), b.Read(name)) {
			return false
		}
	}
	return true
}

// used returns how many bytes of each file are in use.
func used(t *testing.T, d *crashdisk.Disk) map[string]int {
	t.Helper()
	r, err := journal.Verify(d)
	if err != nil {
		t.Fatal(err)
	}
	n := make(map[string]int)
	for _, name := range d.Names() {
		n[name] = len(d.Read(name))
	}
	for _, s := range r.Segments {
		n[s.File] = int(s.Used)
	}
	return n
}

// step passes over most of a large file: every byte of a base is like the others.
func step(name string) int {
	if strings.HasPrefix(name, "copies/") {
		return 997
	}
	return 1
}

// damages runs judge for every byte flipped and for every prefix of every file.
func (s *specimen) damages(t *testing.T, judged func(what, name string, at int, refused bool)) {
	for _, name := range slices.Sorted(maps.Keys(used(t, s.disk))) {
		content := s.disk.Read(name)
		for at := 0; at < len(content); at += step(name) {
			d := s.disk.Clone()
			flipped := bytes.Clone(content)
			flipped[at] ^= 1 << (at % 8)
			d.Write(name, flipped)
			judged("flip", name, at, s.judge(t, d, fmt.Sprintf("flip of byte %d of %s", at, name)))
			d = s.disk.Clone()
			d.Write(name, content[:at])
			judged("cut", name, at, s.judge(t, d, fmt.Sprintf("%s cut to %d bytes", name, at)))
		}
	}
}

// TestDamageOfOpenJournal: of a journal that was not closed every flip and every cut is refused, or it leads to
// a state that was there.
func TestDamageOfOpenJournal(t *testing.T) {
	var s specimen
	s.write(t, tiny, func(*journal.Journal) {})
	refused := 0
	s.damages(t, func(_, _ string, _ int, r bool) {
		if r {
			refused++
		}
	})
	if refused < 1000 {
		t.Errorf("only %d refusals", refused)
	}
}

// TestDamageOfClosedJournal: once it was closed in order, no flip of a used byte and no cut of one goes unnoticed.
func TestDamageOfClosedJournal(t *testing.T) {
	var s specimen
	s.write(t, tiny, func(j *journal.Journal) {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	in := used(t, s.disk)
	s.damages(t, func(what, name string, at int, refused bool) {
		if at < in[name] && !refused {
			t.Fatalf("%s at byte %d of %s goes unnoticed", what, at, name)
		}
	})
}

// TestDamageOfReopenedJournal: where a journal was once closed and has grown since is no end.
func TestDamageOfReopenedJournal(t *testing.T) {
	var s specimen
	closed := func(j *journal.Journal) {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.write(t, tiny, closed)
	earlier := used(t, s.disk)
	j := open(t, s.disk, tiny)
	id := j.Next()
	c := newChain(id)
	now := s.states[len(s.states)-1].clone()
	now.apply(c.preparing(), nil)
	s.states = append(s.states, now)
	j.Append(c.preparing())
	closed(j)
	for name, n := range earlier {
		if !strings.HasPrefix(name, "log/") {
			continue
		}
		d := s.disk.Clone()
		d.Write(name, s.disk.Read(name)[:n])
		if refused := s.judge(t, d, name+" cut to where it was closed before"); !refused && n < used(t, s.disk)[name] {
			t.Errorf("%s is cut to where it was closed before, and that goes unnoticed", name)
		}
	}
}

// TestSegmentsMissingOrMoved: the files of the log are the right ones, all of them, in order.
func TestSegmentsMissingOrMoved(t *testing.T) {
	for _, closed := range []bool{true, false} {
		var s specimen
		s.write(t, tiny, func(j *journal.Journal) {
			if !closed {
				return
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		})
		names := slices.DeleteFunc(s.disk.Names(), func(n string) bool { return !strings.HasPrefix(n, "log/") })
		for i, name := range names {
			d := s.disk.Clone()
			if err := d.Remove(name); err != nil {
				t.Fatal(err)
			}
			last := i == len(names)-1
			if refused := s.judge(t, d, name+" is missing"); !refused && (closed || !last) {
				t.Errorf("closed %v: %s is missing, and that goes unnoticed", closed, name)
			}
			for _, other := range append(slices.Clone(names), "log/00000099.log") {
				d := s.disk.Clone()
				d.Write(other, s.disk.Read(name))
				if refused := s.judge(t, d, name+" is "+other+" too"); !refused && other != name {
					t.Errorf("%s stands as %s, and that goes unnoticed", name, other)
				}
			}
		}
	}
}

// TestLogLost: bases without a log are no new journal.
func TestLogLost(t *testing.T) {
	var s specimen
	s.write(t, tiny, func(*journal.Journal) {})
	d := crashdisk.New()
	for _, name := range s.disk.Names() {
		if strings.HasPrefix(name, "copies/") {
			d.Write(name, s.disk.Read(name))
		}
	}
	if _, err := journal.Open(d, tiny); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("Open: %v, want ErrDamaged", err)
	}
}

// TestOneDamagedBase: a base that is damaged keeps nobody else from being served.
func TestOneDamagedBase(t *testing.T) {
	var s specimen
	s.write(t, tiny, func(*journal.Journal) {})
	for name, content := range map[string][]byte{"other": bytes.Repeat([]byte{8}, journal.MaxInline+1), "short": {7}, "missing": nil} {
		d := s.disk.Clone()
		d.Write("copies/2-1.snapshot", content)
		if content == nil {
			if err := d.Remove("copies/2-1.snapshot"); err != nil {
				t.Fatal(err)
			}
		}
		report, err := journal.Verify(d)
		if !errors.Is(err, journal.ErrDamaged) || len(report.Damage) != 1 || report.Damage[0].File != "copies/2-1.snapshot" {
			t.Errorf("%s: Verify: %v", name, err)
		}
		if c := report.Copies[1]; c.ID != 2 || c.Restorable {
			t.Errorf("%s: report %+v", name, c)
		}
		j := open(t, d, tiny)
		checkBase(t, j, 1, []byte("later"))
		if !baseDamaged(j) {
			t.Errorf("%s: the base of copy 2 can be read", name)
		}
	}
}

// TestVerifyReadsOn: behind damage the report goes on, and says how far each copy can be trusted.
func TestVerifyReadsOn(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, tiny)
	a, b := newChain(j.Next()), newChain(j.Next())
	wait(t, j, j.Append(a.born(), a.base([]byte("a")), b.born(), b.base([]byte("b"))))
	for range 10 {
		wait(t, j, j.Append(a.event([]byte("of a"))))
		wait(t, j, j.Append(b.event([]byte("of b"))))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := journal.Verify(disk)
	if groups, records := report.Groups(); err != nil || !report.Closed || groups != 21 || records != 24 || len(report.Damage) > 0 {
		t.Errorf("Verify: %d groups, %d records, %+v, %v", groups, records, report, err)
	}
	content := disk.Read("log/00000001.log")
	at := bytes.Index(content, []byte("of a"))
	content[at] ^= 1
	disk.Write("log/00000001.log", content)
	report, err = journal.Verify(disk)
	if !errors.Is(err, journal.ErrDamaged) || len(report.Damage) == 0 {
		t.Fatalf("Verify: %v", err)
	}
	d := report.Damage[0]
	if d.File != "log/00000001.log" || d.Offset > int64(at) || d.Offset < int64(at)-300 {
		t.Errorf("damage at %s:%d, and byte %d was flipped", d.File, d.Offset, at)
	}
	ca, cb := report.Copies[0], report.Copies[1]
	if !ca.Restorable || ca.Through == 0 || ca.Through == 10 || cb.Through != 10 || !cb.Restorable {
		t.Errorf("copies are %+v and %+v", ca, cb)
	}
	records := 0
	err = journal.Dump(disk, func(file string, off int64, r journal.Record) error { records++; return nil })
	if !errors.Is(err, journal.ErrDamaged) || records != 23 {
		t.Errorf("Dump: %d records, %v", records, err)
	}
}

// TestPayloadIsNotAGroup: bytes that a producer has chosen are not taken for a group that follows.
func TestPayloadIsNotAGroup(t *testing.T) {
	find := func(salt uint64) []byte {
		disk := crashdisk.New()
		j := open(t, disk, journal.Config{SegmentSize: 1 << 20, Salt: salt})
		c := newChain(j.Next())
		for range 3 {
			wait(t, j, j.Append(c.born(), c.base(nil)))
			c = newChain(j.Next())
		}
		content := disk.Read("log/00000000.log")
		at := bytes.LastIndex(content, []byte("\xf1grp"))
		return content[at : at+24]
	}
	for _, salt := range []uint64{1, 2} {
		disk := crashdisk.New()
		j := open(t, disk, journal.Config{SegmentSize: 1 << 20, Salt: 2})
		c := newChain(j.Next())
		wait(t, j, j.Append(c.born(), c.base(nil)))
		wait(t, j, j.Append(c.event(find(salt))))
		content := disk.Read("log/00000000.log")
		content[bytes.LastIndex(content, []byte("\xf1grp"))-12] ^= 1 // in the last record, before the payload
		at := bytes.LastIndex(content[:bytes.LastIndex(content, []byte("\xf1grp"))], []byte("\xf1grp"))
		content[at+24] ^= 1
		d := crashdisk.New()
		d.Write("log/00000000.log", content)
		_, err := journal.Open(d, tiny)
		if guessed := salt == 2; guessed != errors.Is(err, journal.ErrDamaged) {
			t.Errorf("salt guessed %v: Open: %v", guessed, err)
		}
	}
}
