package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// image is what a disk holds, read and judged, before anything is changed.
type image struct {
	disk  Disk
	fold  *fold
	first uint64   // the first segment that is needed
	last  *scan    // the last segment; nil if there is none
	sizes []int64  // of the segments from first on
	stale []string // files of the log that nothing needs
	ended *ending  // how it was closed, if it was
}

// load reads a log. It changes nothing.
func load(disk Disk) (*image, error) {
	im := &image{disk: disk, fold: newFold()}
	im.fold.index = true
	if err := im.readEnding(); err != nil {
		return nil, err
	}
	numbers, err := im.list()
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return im, errors.Join(im.checkEnd(), im.checkNew())
	}
	if err := im.readFirst(numbers[len(numbers)-1]); err != nil {
		return nil, err
	}
	if err := im.readSegments(numbers); err != nil {
		return nil, err
	}
	return im, im.checkEnd()
}

// readEnding reads the file that says that the journal was closed.
func (im *image) readEnding() error {
	names, err := im.disk.List("")
	if err != nil || !slices.Contains(names, closedName) {
		return err
	}
	b, err := readAll(im.disk, closedName)
	if err != nil {
		return err
	}
	e, ok := parseEnding(b)
	if !ok {
		return &DamageError{closedName, 0, "it does not say where the log ends"}
	}
	im.ended = &e
	return nil
}

// list returns the numbers of the segments in order, and notes leftovers.
func (im *image) list() ([]uint64, error) {
	names, err := im.disk.List(logDir)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if n, ok := segmentNumber(name); ok {
			numbers = append(numbers, n)
		} else if strings.HasSuffix(name, newSuffix) {
			im.stale = append(im.stale, logDir+"/"+name)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// checkNew checks that a disk without a log is one without a journal: the first segment is there before anything
// else.
func (im *image) checkNew() error {
	names, err := im.disk.List(copiesDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, baseSuffix) || strings.HasSuffix(name, partSuffix) {
			return &DamageError{segmentName(0), 0, "there is no log to what is in " + copiesDir}
		}
	}
	return nil
}

// open reads a segment and its header.
func (im *image) open(number uint64, unit func([]stored) error) (*scan, error) {
	name := segmentName(number)
	data, err := readAll(im.disk, name)
	if err != nil {
		return nil, err
	}
	seg, wrong := parseSegment(data, number)
	if wrong != "" {
		return nil, &DamageError{name, 0, wrong}
	}
	return newScan(seg, data, unit), nil
}

// readFirst finds out from the last segment which is the first that is needed: its header says which was when
// it was begun, and a record in it if it is another since.
func (im *image) readFirst(last uint64) error {
	s, err := im.open(last, nil)
	if err != nil {
		return err
	}
	im.first = s.seg.first
	s.unit = func(recs []stored) error {
		for _, rec := range recs {
			if rec.typ != typeTrimmed {
				continue
			}
			if r, err := decodeRecord(rec.typ, rec.body); err == nil {
				im.first = max(im.first, min(r.(trimmed).First, last))
			}
		}
		return nil
	}
	return s.run()
}

// readSegments folds the segments that are needed, of which none may be missing.
func (im *image) readSegments(numbers []uint64) error {
	im.fold.whole = im.first == 0
	want, group := im.first, uint64(0)
	for _, n := range numbers {
		if n < im.first {
			im.stale = append(im.stale, segmentName(n))
			continue
		}
		if n != want {
			break
		}
		s, err := im.open(n, im.apply)
		if err != nil {
			return err
		}
		if n > im.first && s.seg.group != group {
			return &DamageError{segmentName(n), 0, fmt.Sprintf("it begins with group %d, not with %d", s.seg.group, group)}
		}
		last := n == numbers[len(numbers)-1]
		if err := im.readSegment(s, last); err != nil {
			return err
		}
		want, group, im.last = n+1, s.group, s
	}
	if last := numbers[len(numbers)-1]; want != last+1 {
		return &DamageError{segmentName(want), 0, "it is missing"}
	}
	if err := im.fold.check(); err != nil {
		return &DamageError{segmentName(im.first), 0, err.Error()}
	}
	return nil
}

// readSegment folds one segment. Only the last may be torn, and only if nothing follows.
func (im *image) readSegment(s *scan, last bool) error {
	name := segmentName(s.seg.number)
	im.sizes = append(im.sizes, int64(len(s.data)))
	im.fold.max = max(im.fold.max, s.seg.max)
	if err := s.run(); err != nil {
		return err
	}
	if s.torn == nil {
		return nil
	}
	if off, found := s.follows(); found {
		return &DamageError{name, s.torn.off, fmt.Sprintf("%s, and a later group follows at byte %d", s.torn.reason, off)}
	}
	if !last || im.ended != nil {
		return &DamageError{name, s.torn.off, s.torn.reason}
	}
	return nil
}

// apply folds the records of one Append.
func (im *image) apply(recs []stored) error {
	for _, rec := range recs {
		body := rec.body
		if rec.typ != typeEvent {
			body = bytes.Clone(body) // what the state keeps must not keep the segment
		}
		r, err := decodeRecord(rec.typ, body)
		if err == nil {
			err = im.fold.apply(r, rec.at)
		}
		if err != nil {
			return &DamageError{segmentName(rec.at.seg), rec.at.off, err.Error()}
		}
	}
	if err := im.fold.finish(); err != nil {
		last := recs[len(recs)-1].at
		return &DamageError{segmentName(last.seg), last.off, err.Error()}
	}
	return nil
}

// check looks for what is still incomplete at the end of the log.
func (f *fold) check() error {
	for _, id := range f.ids() {
		e := f.copies[id]
		if e.partial {
			return fmt.Errorf("the log never says where copy %d came from", id)
		}
		if e.Base == nil {
			continue
		}
		if behind := e.Last - e.Base.Head.Sequence; behind != uint64(len(e.events)) {
			return fmt.Errorf("of copy %d there are %d events behind its base, and %d are needed", id, len(e.events), behind)
		}
	}
	return nil
}

// end returns where the log ends.
func (im *image) end() ending {
	if im.last == nil {
		return ending{}
	}
	return ending{im.last.seg.number, im.last.end, im.last.group}
}

// checkEnd checks that a journal that was closed ends where it did.
func (im *image) checkEnd() error {
	if im.ended == nil || *im.ended == im.end() {
		return nil
	}
	e := im.end()
	return &DamageError{segmentName(e.seg), e.off, fmt.Sprintf("the log ends here, and it was closed in segment %d at byte %d", im.ended.seg, im.ended.off)}
}
