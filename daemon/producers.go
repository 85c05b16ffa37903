package daemon

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Limits of the producer table. They are constants of the protocol, for every
// holder of a daemon must forget the same producers at the same event.
const (
	// MaxProducers is how many producers a daemon remembers.
	MaxProducers = 10_000
	// ProducerWindow is how many of a producer's newest submissions are
	// recognized as duplicates.
	ProducerWindow = 64
	// MaxKeptOutputs bounds, over all producers, the bytes of outputs kept for
	// answering a repeat of a producer's newest submission.
	MaxKeptOutputs = 16 << 20
)

// none ends the list of producers.
const none int32 = -1

// producers remembers, for each producer, what was applied of it lately. Each
// event moves its producer to the newest end of a list, which keeps the list
// in order of last log sequence without ever sorting: the victim of an
// eviction is at the other end, and every operation is O(1) but for a binary
// search in one window.
//
// Invariants, checked by check in tests:
//
//  1. The list runs through all slots, by strictly ascending last sequence.
//  2. index has each slot's id, and nothing else.
//  3. Every last sequence is above horizon; horizon is 0 until the table has
//     been full.
//  4. kept is the sum of the outputs kept, at most MaxKeptOutputs; slots
//     before keeping keep none.
//
// Everything that decides is a function of the log alone, never of time,
// of use or of map order, so that a replay ends in the same table.
//
// Windows and outputs may be shared with views. One whose generation is not
// the table's own is never written, only replaced. Not safe for concurrent use;
// a nil table is empty and can be asked everything but record.
type producers struct {
	limit      int // slots at most
	horizon    uint64
	generation uint64 // counts views taken
	index      map[crypto.ProducerID]int32
	slots      []slot
	oldest     int32 // ends of the list
	newest     int32
	keeping    int32 // where to look for the next outputs to drop
	latest     int32 // the slot that was looked up last
	kept       int   // bytes of outputs
}

// slot is one producer. Slots are copied as a block by view.
type slot struct {
	id         crypto.ProducerID
	prev, next int32
	window     *window
	outputs    *kept // of the newest submission; nil if none or dropped
}

// newProducers returns an empty table of at most limit producers, which is
// MaxProducers everywhere but in tests.
func newProducers(limit int) *producers {
	return &producers{
		limit: limit, index: make(map[crypto.ProducerID]int32),
		oldest: none, newest: none, keeping: none,
	}
}

// lookup returns the slot of producer p, or none. Every submission is looked up
// twice, to be found new and to be recorded, and producers submit in runs. So the
// slot of the lookup before is tried first: to compare an id costs far less than
// hashing it. A slot's id is never out of date, so nothing has to reset latest.
func (t *producers) lookup(p *crypto.ProducerID) int32 {
	if i := t.latest; int(i) < len(t.slots) && t.slots[i].id == *p {
		return i
	}
	i, ok := t.index[*p]
	if !ok {
		return none
	}
	t.latest = i
	return i
}

// find looks submission number of producer p up: its entry if it was applied,
// valid until the next record, or nil with a nil error if it is to be applied now.
func (t *producers) find(p *crypto.ProducerID, since, number uint64) (*entry, error) {
	if t == nil {
		return nil, nil
	}
	i := t.lookup(p)
	switch {
	case i == none && since < t.horizon:
		return nil, wire.ErrProducerEvicted
	case i == none:
		return nil, nil
	}
	w := t.slots[i].window
	if number > w.newest().number {
		return nil, nil
	}
	if e := w.find(number); e != nil {
		return e, nil
	}
	return nil, wire.ErrProducerWindow
}

// last returns the newest number applied of producer p.
func (t *producers) last(p crypto.ProducerID) (number uint64, known bool) {
	if t == nil {
		return 0, false
	}
	i := t.lookup(&p)
	if i == none {
		return 0, false
	}
	return t.slots[i].window.newest().number, true
}

// outputs returns a copy of the outputs kept of submission number of producer
// p, nil unless it is the newest one.
func (t *producers) outputs(p crypto.ProducerID, number uint64) [][]byte {
	i := t.lookup(&p)
	if i == none {
		return nil
	}
	s := &t.slots[i]
	if s.outputs == nil || s.window.newest().number != number {
		return nil
	}
	return s.outputs.split()
}

// record enters an applied event, whose number must be above its producer's
// newest and whose sequence above all that were recorded.
func (t *producers) record(ev *Event, outputs [][]byte) {
	i := t.lookup(&ev.Producer)
	if i == none {
		i = t.admit(ev.Producer)
		t.pushNewest(i)
	} else if i != t.newest {
		t.unlink(i)
		t.pushNewest(i)
	}
	s := &t.slots[i]
	s.window = s.window.owned(t.generation)
	*s.window.push() = entry{number: ev.ProducerSeq, sequence: ev.Link.Sequence, parent: ev.Link.Parent}
	t.keep(s, outputs)
}

// admit gives a new producer a slot, which is on no list yet: another one while
// there is room, else the one that has been silent longest.
func (t *producers) admit(p crypto.ProducerID) int32 {
	i := int32(len(t.slots))
	if len(t.slots) < t.limit {
		t.slots = append(t.slots, slot{window: new(window)})
		t.slots[i].window.generation = t.generation
	} else {
		i = t.evict()
	}
	t.slots[i].id = p
	t.index[p] = i
	return i
}

// evict forgets the producer with the lowest last sequence and returns its
// slot. Whoever opened before that sequence may be the one forgotten, which is
// what the horizon remembers.
func (t *producers) evict() int32 {
	i := t.oldest
	s := &t.slots[i]
	t.horizon = s.window.newest().sequence
	t.drop(s)
	t.unlink(i)
	delete(t.index, s.id)
	s.window = s.window.emptied(t.generation)
	return i
}

// unlink takes slot i out of the list.
func (t *producers) unlink(i int32) {
	s := &t.slots[i]
	if t.keeping == i {
		t.keeping = s.next
	}
	if s.prev == none {
		t.oldest = s.next
	} else {
		t.slots[s.prev].next = s.next
	}
	if s.next == none {
		t.newest = s.prev
	} else {
		t.slots[s.next].prev = s.prev
	}
}

// pushNewest puts slot i at the newest end of the list.
func (t *producers) pushNewest(i int32) {
	s := &t.slots[i]
	s.prev, s.next = t.newest, none
	if t.newest == none {
		t.oldest = i
	} else {
		t.slots[t.newest].next = i
	}
	t.newest = i
	if t.keeping == none {
		t.keeping = i
	}
}

// keep replaces the outputs kept for s, which is the newest slot, and drops
// those of the producers silent longest until all fit. One event's outputs
// always fit, so the walk ends before it reaches s.
func (t *producers) keep(s *slot, outputs [][]byte) {
	if s.outputs != nil {
		t.kept -= len(s.outputs.encoded)
	}
	s.outputs = s.outputs.replaced(t.generation, outputs)
	if s.outputs == nil {
		return
	}
	t.kept += len(s.outputs.encoded)
	for t.kept > MaxKeptOutputs {
		oldest := &t.slots[t.keeping]
		t.drop(oldest)
		t.keeping = oldest.next
	}
}

// drop forgets the outputs kept for s.
func (t *producers) drop(s *slot) {
	if s.outputs != nil {
		t.kept -= len(s.outputs.encoded)
		s.outputs = nil
	}
}
