package journal

import "fmt"

// roll begins a segment, and restates in it what lives in the oldest beyond the limit.
func (j *Journal) roll() {
	j.seg = &segment{
		number: j.seg.number + 1, group: j.group, first: j.fold.first, max: j.fold.max,
		size: j.cfg.SegmentSize, salt: j.cfg.Salt,
	}
	j.end = segmentHeader
	j.sizes[j.seg.number] = j.seg.size
	if limit := uint64(j.limit()); j.seg.number >= limit {
		j.restating = true
		j.restate(j.seg.number - limit)
		j.restating = false
	}
}

// trim lets go of the oldest segments if nothing lives in them. Their files are deleted once that is durable.
func (j *Journal) trim() {
	first := j.fold.first
	for first < j.seg.number && j.fold.live[first] == 0 {
		first++
	}
	if first == j.fold.first {
		return
	}
	old := j.fold.first
	r := trimmed{first}
	at := j.place(appendRecord(nil, r, true))
	j.must(j.fold.apply(r, at))
	for ; old < first; old++ {
		j.garbage = append(j.garbage, garbage{segmentName(old), j.appended})
		delete(j.sizes, old)
	}
}

// limit is how many segments there may be: as configured, or twice what the rows of all copies need, so that
// restating them never fills more than half of what is written.
func (j *Journal) limit() int64 {
	rows := int64(0)
	for _, e := range j.fold.copies {
		rows += e.rowSize()
	}
	rows += int64(len(j.fold.tombs)) * tombSize
	return max(int64(j.cfg.MaxSegments), 2*(rows/j.cfg.SegmentSize)+2)
}

// Sizes that restated rows do not exceed by much, in bytes.
const (
	copySize = 2 << 10
	tombSize = 2 << 10
)

func (e *entry) rowSize() int64 {
	if e.Base == nil {
		return copySize
	}
	return copySize + int64(len(e.Base.Inline))
}

// trim notes that the segments below are not needed.
func (f *fold) trim(first uint64) error {
	if first < f.first {
		return errTrimmed
	}
	if f.whole {
		for seg := range f.live {
			if seg < first {
				return fmt.Errorf("%w: %d", errTrimmed, seg)
			}
		}
	}
	f.first = first
	return nil
}
