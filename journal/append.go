package journal

import (
	"fmt"
	"math"

	"github.com/ferrymesh/ferry/crypto"
)

// group is what one write makes durable, and is not yet. The last of the queue is open: records are added to it until
// somebody begins to write it. From then on its bytes are what they are, however often they are written.
type group struct {
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
		if !j.restating {
			j.roll()
		}
		// This segment has just been begun, and nobody can have seen it: it may become larger than others.
		j.seg.size = max(j.seg.size, j.end+groupHeader+int64(len(unit)))
		j.sizes[j.seg.number] = j.seg.size
	}
	g := j.open()
	if g == nil {
		g = j.begin()
	}
	if len(g.buf)+len(unit) > math.MaxUint32 {
		j.must(fmt.Errorf("%d bytes at once", len(unit)))
	}
	g.buf = append(g.buf, unit...)
	j.end += int64(len(unit))
	j.appended += Position(len(unit))
	g.end = j.appended
	return place{seg: g.seg.number}
}

// open returns the group that records are added to.
func (j *Journal) open() *group {
	if n := len(j.queue); n > 0 && !j.queue[n-1].taken && j.queue[n-1].seg == j.seg {
		return j.queue[n-1]
	}
	return nil
}

// begin begins a group.
func (j *Journal) begin() *group {
	g := &group{seg: j.seg, off: j.end, number: j.group, buf: append(j.spare[:0], make([]byte, groupHeader)...)}
	j.spare = nil
	j.queue = append(j.queue, g)
	j.end += groupHeader
	j.group++
	return g
}

// clip forgets a scratch buffer that one large Append has made.
func clip(b []byte) []byte {
	const most = 1 << 20
	if cap(b) > most {
		return nil
	}
	return b[:0]
}
