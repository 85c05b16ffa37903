package journal

import (
	"fmt"
	"math"

	"github.com/ferrymesh/ferry/crypto"
)

// chunk is one group that is not durable yet. The last chunk of the queue is open: records are added to it until
// somebody begins to write it. From then on its bytes are what they are, however often they are written.
type chunk struct {
	seg    *segment
	off    int64
	number uint64
	buf    []byte // with room for the header in front
	end    Position
	taken  bool
}

// Append adds records to the log, together: either all of them survive a crash or none does. It writes nothing
// by itself and does not fail. The records become durable with the next Wait for the returned position, or for a later
// one. A journal that is closed takes nothing, and such a Wait, also one for Last, is ErrClosed.
//
// A record that contradicts what the log says, such as an event that does not follow the last of its copy, would
// make the journal unreadable. It is a bug of the caller: Append panics, and nothing is written any more.
func (j *Journal) Append(records ...Record) Position {
	// Hashing is the larger part of the work, and needs no lock.
	var few [8]crypto.Digest
	for i, r := range records {
		if e, ok := r.(Event); ok && i < len(few) {
			few[i] = e.Event.Digest()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(records) == 0 {
		return j.appended
	}
	if j.closed {
		j.appended++ // a place that nobody will write
		return j.appended
	}
	j.unit = j.unit[:0]
	for i, r := range records {
		j.unit = appendRecord(j.unit, r, i == len(records)-1)
	}
	at := j.place(j.unit)
	for i, r := range records {
		if e, ok := r.(Event); ok && i < len(few) {
			j.must(j.fold.event(&e, few[i], at))
		} else {
			j.follow(r, at)
		}
	}
	j.must(j.fold.finish())
	j.unit = clip(j.unit)
	j.trim()
	return j.appended
}

// follow folds a record as it will be read back, so that nothing of the caller's is kept and nothing is written
// that cannot be read.
func (j *Journal) follow(r Record, at place) {
	j.discard(r)
	body := appendBody(nil, r, false)
	again, err := decodeRecord(recordType(body[0]), body[1:])
	if err == nil {
		err = j.fold.apply(again, at)
	}
	j.must(err)
}

// must ends the journal if the caller has broken it.
func (j *Journal) must(err error) {
	if err == nil {
		return
	}
	j.failed = fmt.Errorf("journal: internal error: a record was appended that must not be: %w", err)
	panic(j.failed)
}

// discard notes the file that a record makes superfluous.
func (j *Journal) discard(r Record) {
	var id CopyID
	switch r := r.(type) {
	case Base:
		id = r.Copy
	case Dropped:
		id = r.Copy
		j.garbage = append(j.garbage, garbage{partName(id), j.appended})
	default:
		return
	}
	if e := j.fold.copies[id]; e != nil && e.Base != nil && e.Base.File != 0 {
		j.garbage = append(j.garbage, garbage{baseName(id, e.Base.File), j.appended})
	}
}

// place gives a unit its place in the log and queues it.
func (j *Journal) place(unit []byte) place {
	need := int64(len(unit))
	if j.open() == nil {
		need += groupHeader
	}
	if j.end+need > j.seg.size {
		if !j.carrying {
			j.roll()
		}
		// This segment has just been begun, and nobody can have seen it: it may become larger than others.
		j.seg.size = max(j.seg.size, j.end+groupHeader+int64(len(unit)))
		j.sizes[j.seg.number] = j.seg.size
	}
	c := j.open()
	if c == nil {
		c = j.begin()
	}
	if len(c.buf)+len(unit) > math.MaxUint32 {
		j.must(fmt.Errorf("%d bytes at once", len(unit)))
	}
	c.buf = append(c.buf, unit...)
	j.end += int64(len(unit))
	j.appended += Position(len(unit))
	c.end = j.appended
	return place{seg: c.seg.number}
}

// open returns the chunk that records are added to.
func (j *Journal) open() *chunk {
	if n := len(j.queue); n > 0 && !j.queue[n-1].taken && j.queue[n-1].seg == j.seg {
		return j.queue[n-1]
	}
	return nil
}

// begin begins a chunk.
func (j *Journal) begin() *chunk {
	c := &chunk{seg: j.seg, off: j.end, number: j.group, buf: append(j.spare[:0], make([]byte, groupHeader)...)}
	j.spare = nil
	j.queue = append(j.queue, c)
	j.end += groupHeader
	j.group++
	return c
}

// roll begins a segment, and restates in it what lives in the oldest beyond the limit.
func (j *Journal) roll() {
	j.seg = &segment{
		number: j.seg.number + 1, group: j.group, first: j.fold.first, max: j.fold.max,
		size: j.cfg.SegmentSize, salt: j.cfg.Salt,
	}
	j.end = segmentHeader
	j.sizes[j.seg.number] = j.seg.size
	if limit := uint64(j.limit()); j.seg.number >= limit {
		j.carrying = true
		j.carry(j.seg.number - limit)
		j.carrying = false
	}
}

// carry restates every row that lives in a segment up to the given one. The new segment grows as it must.
func (j *Journal) carry(through uint64) {
	for _, id := range j.fold.ids() {
		if e := j.fold.copies[id]; e.row <= through {
			j.restate(carried{e.Copy, e.head})
		}
	}
	for _, origin := range j.fold.origins() {
		if t := j.fold.tombs[origin]; t.seg <= through {
			j.restate(t.Tombstone)
		}
	}
}

func (j *Journal) restate(r Record) {
	at := j.place(appendRecord(nil, r, true))
	j.must(j.fold.apply(r, at))
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

// clip forgets a scratch buffer that one large Append has made.
func clip(b []byte) []byte {
	const most = 1 << 20
	if cap(b) > most {
		return nil
	}
	return b[:0]
}
