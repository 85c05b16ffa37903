package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Report is what Verify has found on a disk.
type Report struct {
	Closed     bool // the journal was closed in order
	Segments   []SegmentReport
	Copies     []CopyReport // by id
	Tombstones []Tombstone  // by origin
	// Torn is where the log ends within an Append that nobody was told of; nil if it ends in order. It is no
	// damage: Open cuts it off.
	Torn   *DamageError
	Damage []*DamageError
}

// SegmentReport is about one file of the log.
type SegmentReport struct {
	File    string
	Size    int64 // bytes
	Used    int64 // of them in use, from the start
	Groups  int   // that begin with a good header
	Records int
}

// CopyReport is about one stay of a daemon.
type CopyReport struct {
	ID         CopyID
	Origin     uint64
	Entity     crypto.EntityID
	Durability wire.Durability
	Base       uint64 // sequence of the base; 0 without one as well as for that of a birth
	Last       uint64 // sequence of the last event that is known
	HoldsEpoch bool
	Held       bool
	HandedOver bool
	// Restorable reports whether the base is there and is what was written. Through is then the sequence up to
	// which the log follows from it.
	Restorable bool
	Through    uint64
}

// Groups returns how many groups and records there are in all segments.
func (r *Report) Groups() (groups, records int) {
	for _, s := range r.Segments {
		groups += s.Groups
		records += s.Records
	}
	return groups, records
}

// Verify reads everything that a journal has on a disk, while no process has it open: the log, every base to its
// digest, and the chain of each copy. It reads on behind damage and changes nothing.
//
// Errors: with damage of any kind, one that matches ErrDamaged, and the report is complete all the same;
// ErrLocked; fs.ErrNotExist without a journal; the disk's own.
func Verify(disk Disk) (Report, error) {
	var r Report
	err := stopped(disk, func() error {
		w := &walk{image: image{disk: disk, fold: newFold()}, report: &r}
		if err := w.run(); err != nil {
			return err
		}
		if err := w.copies(); err != nil {
			return err
		}
		return w.verdict()
	})
	return r, err
}

// Dump calls f with every record, in order, while no process has the journal open, with the file it is in and the
// byte at which it begins. Records that the journal has added for itself are among them. It reads on behind
// damage.
//
// Errors: f's, which ends it; otherwise as Verify.
func Dump(disk Disk, f func(file string, offset int64, rec Record) error) error {
	return stopped(disk, func() error {
		w := &walk{image: image{disk: disk, fold: newFold()}, report: new(Report), each: f}
		if err := w.run(); err != nil {
			return err
		}
		return w.verdict()
	})
}

// stopped runs do while no process has the journal open.
func stopped(disk Disk, do func() error) error {
	names, err := disk.List(logDir)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("journal: no log is here: %w", fs.ErrNotExist)
	}
	lock, err := disk.Lock()
	if err != nil {
		return err
	}
	return joinClose(do(), lock)
}

// walk reads a log as load does, but goes on where load gives up.
type walk struct {
	image
	report *Report
	each   func(file string, offset int64, rec Record) error
	broken map[CopyID]bool // their records are not folded any more, until they have a new base
}

// note adds damage to the report. Other errors end the walk.
func (w *walk) note(err error) error {
	var d *DamageError
	if !errors.As(err, &d) {
		return err
	}
	for _, known := range w.report.Damage {
		if *known == *d {
			return nil
		}
	}
	w.report.Damage = append(w.report.Damage, d)
	return nil
}

// verdict adds what only load finds, so that nothing that Open refuses passes here.
func (w *walk) verdict() error {
	if len(w.report.Damage) == 0 {
		_, err := load(w.disk)
		if err := w.note(err); err != nil {
			return err
		}
	}
	var all []error
	for _, d := range w.report.Damage {
		all = append(all, d)
	}
	return errors.Join(all...)
}

func (w *walk) run() error {
	w.fold.index, w.fold.whole = true, false
	w.broken = make(map[CopyID]bool)
	if err := w.note(w.readEnding()); err != nil {
		return err
	}
	w.report.Closed = w.ended != nil
	numbers, err := w.list()
	if err != nil || len(numbers) == 0 {
		return err
	}
	last := numbers[len(numbers)-1]
	if err := w.note(w.readFirst(last)); err != nil {
		return err
	}
	want := w.first
	for _, n := range numbers {
		if n < w.first {
			continue // it is superfluous, and Open deletes it
		}
		if n != want {
			w.damage(segmentName(want), 0, "it is missing")
		}
		if err := w.segment(n, n == last); err != nil {
			return err
		}
		want = n + 1
	}
	return nil
}

func (w *walk) damage(file string, off int64, reason string) {
	w.report.Damage = append(w.report.Damage, &DamageError{file, off, reason})
}

// segment reads one segment, and goes on behind damage at the next group.
func (w *walk) segment(n uint64, last bool) error {
	s, err := w.open(n, w.unit)
	if err != nil {
		return w.note(err)
	}
	if w.last != nil && w.last.group != s.seg.group && w.last.seg.number+1 == n {
		w.damage(segmentName(n), 0, fmt.Sprintf("it begins with group %d, not with %d", s.seg.group, w.last.group))
	}
	w.last = s
	w.fold.max = max(w.fold.max, s.seg.max)
	w.report.Segments = append(w.report.Segments, SegmentReport{File: segmentName(n), Size: int64(len(s.data))})
	here := &w.report.Segments[len(w.report.Segments)-1]
	for {
		from := s.group
		if err := s.run(); err != nil {
			return err
		}
		here.Groups += int(s.group - from)
		here.Used = s.end
		if s.torn == nil {
			return nil
		}
		off, found := s.follows()
		if !found {
			w.tail(s, last)
			return nil
		}
		w.damage(segmentName(n), s.torn.off, s.torn.reason)
		s.group, _, _ = parseGroup(s.data[off:], s.seg.salt)
		s.end, s.torn = off, nil
	}
}

// tail notes how a segment ends that does not end in order.
func (w *walk) tail(s *scan, last bool) {
	d := &DamageError{segmentName(s.seg.number), s.torn.off, s.torn.reason}
	if last && w.ended == nil {
		w.report.Torn = d
	} else {
		w.report.Damage = append(w.report.Damage, d)
	}
}

// unit takes the records of one Append. What contradicts the state is damage of the copy that it is about.
func (w *walk) unit(recs []stored) error {
	w.report.Segments[len(w.report.Segments)-1].Records += len(recs)
	for _, rec := range recs {
		file := segmentName(rec.at.seg)
		r, err := decodeRecord(rec.typ, append([]byte(nil), rec.body...))
		if err != nil {
			w.damage(file, rec.at.off, err.Error())
			continue
		}
		if w.each != nil {
			if err := w.each(file, rec.at.off, r); err != nil {
				return err
			}
		}
		w.follow(r, rec.at)
	}
	w.fold.commit = 0
	return nil
}

// follow folds a record if it can.
func (w *walk) follow(r Record, at place) {
	id := subject(r)
	switch r.(type) {
	case Base, restated:
		if w.broken[id] {
			// A restatement is a new start.
			delete(w.fold.copies, id)
			delete(w.broken, id)
		}
	case Dropped:
		delete(w.broken, id)
	}
	if w.broken[id] {
		return
	}
	if err := w.fold.apply(r, at); err != nil {
		w.damage(segmentName(at.seg), at.off, err.Error())
		w.broken[id] = id != 0
		w.fold.commit = 0
	}
}

// subject returns the copy that a record is about; 0 is none.
func subject(r Record) CopyID {
	switch r := r.(type) {
	case Born:
		return r.Copy
	case Preparing:
		return r.Copy
	case Base:
		return r.Copy
	case Event:
		return r.Copy
	case Hold:
		return r.Copy
	case Release:
		return r.Copy
	case Promise:
		return r.Copy
	case Commit:
		return r.Copy
	case Arrived:
		return r.Copy
	case Dropped:
		return r.Copy
	case restated:
		return r.Copy.ID
	}
	return 0
}

// copies judges every copy by what is left of it.
func (w *walk) copies() error {
	for _, id := range w.fold.ids() {
		e := w.fold.copies[id]
		c := CopyReport{ID: id, Origin: e.Origin, Entity: e.Entity, Durability: e.Durability, Last: e.Last}
		c.HoldsEpoch, c.Held, c.HandedOver = e.HoldsEpoch() && !e.partial, e.Held != nil, e.Handover != nil
		if e.Base != nil {
			c.Base = e.Base.Head.Sequence
			if err := w.copy(e, &c); err != nil {
				return err
			}
		}
		w.report.Copies = append(w.report.Copies, c)
	}
	for _, origin := range w.fold.origins() {
		w.report.Tombstones = append(w.report.Tombstones, w.fold.tombs[origin].Tombstone)
	}
	return nil
}

// copy reads a copy's base and follows its chain.
func (w *walk) copy(e *entry, c *CopyReport) error {
	r, err := openBase(w.disk, e.Base)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		err = joinClose(err, r)
	}
	c.Restorable = err == nil
	if err := w.note(err); err != nil {
		return err
	}
	c.Through = c.Base
	events := eventReader{disk: w.disk, head: e.Base.Head}
	return w.note(events.run(e.events, func(e Event) error {
		c.Through = e.Event.Link.Sequence
		return nil
	}))
}
