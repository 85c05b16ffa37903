package journal

import (
	"bytes"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
)

// stored is one record as it lies in a segment.
type stored struct {
	typ  recordType
	body []byte
	at   place
}

// scan reads the groups of one segment and gives the records of each Append, complete, to its owner.
type scan struct {
	seg  segment
	data []byte // the whole file
	// unit gets the records of one Append. Its error ends the scan.
	unit func([]stored) error

	group uint64 // number of the next group
	last  int64  // where the group of the last Append begins
	end   int64  // behind the last Append
	torn  *tear  // how it ends, if not in order
	recs  []stored
}

// tear is the place from which a segment cannot be read.
type tear struct {
	off    int64
	reason string
	// header is where the header of the group is in which it happened, if some of it stands; else 0.
	header int64
}

func newScan(seg segment, data []byte, unit func([]stored) error) *scan {
	return &scan{seg: seg, data: data, unit: unit, group: seg.group, last: segmentHeader, end: segmentHeader}
}

// run reads up to the first place that is not a group.
func (s *scan) run() error {
	for {
		number, length, ok := parseGroup(s.data[s.end:], s.seg.salt)
		if !ok {
			s.stop()
			return nil
		}
		if number != s.group {
			s.torn = &tear{off: s.end, reason: fmt.Sprintf("group %d where %d must be", number, s.group)}
			return nil
		}
		if err := s.records(length); err != nil || s.torn != nil {
			return err
		}
		s.group++
	}
}

// stop says how the groups end where none follows: in order, if nothing but zeros does.
func (s *scan) stop() {
	rest := s.data[s.end:]
	if n := len(bytes.TrimLeft(rest, "\x00")); n > 0 {
		s.torn = &tear{off: s.end, reason: "what is here is not a group"}
	}
}

// records reads one group.
func (s *scan) records(length int64) error {
	header := s.end
	at, end := header+groupHeader, header+groupHeader+length
	limit := min(end, int64(len(s.data)))
	s.recs = s.recs[:0]
	for at < end {
		rec, last, size := s.record(at, limit)
		if size == 0 {
			s.tear(header, at, "a record's checksum is wrong")
			return nil
		}
		s.recs = append(s.recs, rec)
		at += size
		if !last {
			continue
		}
		if err := s.unit(s.recs); err != nil {
			return err
		}
		s.recs, s.last, s.end = s.recs[:0], header, at
	}
	if len(s.recs) > 0 || length == 0 {
		s.tear(header, at, "a group ends within an Append")
	}
	return nil
}

func (s *scan) tear(header, off int64, reason string) {
	s.torn = &tear{off: off, reason: reason}
	if s.end != header {
		s.torn.header = header
	}
}

// record reads the record at a place; size 0 is none.
func (s *scan) record(at, limit int64) (rec stored, last bool, size int64) {
	b := s.data[at:max(at, limit)]
	c := codec.NewCursor(b)
	n := c.Uvarint()
	if c.Err() != nil || n == 0 || n > uint64(c.Rest()) {
		return rec, false, 0
	}
	head := len(b) - c.Rest()
	content := c.Take(int(n))
	if sum := c.Uint64(); c.Err() != nil || sum != xxhash.Sum64(b[:head+int(n)]) {
		return rec, false, 0
	}
	rec = stored{typ: recordType(content[0] &^ lastOfAppend), body: content[1:]}
	rec.at = place{seg: s.seg.number, off: at, body: head + 1, size: int(n) - 1}
	return rec, content[0]&lastOfAppend != 0, int64(len(b) - c.Rest())
}

// follows looks for the header of a later group behind the tear: what was written and synced after the torn
// group. Nothing like that is left by a crash.
func (s *scan) follows() (off int64, found bool) {
	for at := s.torn.off; ; at++ {
		i := bytes.Index(s.data[at:], []byte(groupMagic))
		if i < 0 {
			return 0, false
		}
		at += int64(i)
		if number, _, ok := parseGroup(s.data[at:], s.seg.salt); ok && number > s.group {
			return at, true
		}
	}
}
