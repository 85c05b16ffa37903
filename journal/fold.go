package journal

import (
	"bytes"
	"errors"
	"slices"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// fold is the state of a log while it is read or written, with what is needed to judge the next record and to
// know which segments are still needed. It is pure: the same records lead to the same fold, when they are
// appended and when they are read back.
//
// A log whose first segments are gone speaks of copies that it has not introduced. They are partial: their
// events are collected, until a restated row completes them or they are dropped.
type fold struct {
	whole  bool // the log is read from its beginning: there are no partial copies
	index  bool // remember where events are
	copies map[CopyID]*entry
	tombs  map[uint64]*tomb
	live   map[uint64]int // by segment: how many rows of copies, spans of events and tombstones are in it
	max    CopyID         // the highest id so far
	first  uint64         // segments below are not needed
	commit CopyID         // of a Commit whose handover must be the next record
}

// entry is a copy in the fold.
type entry struct {
	Copy
	head    crypto.Head
	partial bool
	row     uint64 // the segment that has the oldest record which the row of the copy needs
	spans   []span // of events behind the base, in order
	events  []place
}

// span says that a segment has events of a copy through a sequence.
type span struct{ seg, through uint64 }

// place is where a record is.
type place struct {
	seg  uint64
	off  int64 // of the record
	body int   // where its body begins, from off
	size int   // of the body
}

type tomb struct {
	Tombstone
	seg uint64
}

func newFold() *fold {
	return &fold{whole: true, copies: make(map[CopyID]*entry), tombs: make(map[uint64]*tomb), live: make(map[uint64]int)}
}

// The rules that a log can break.
var (
	errZeroCopy  = errors.New("the copy has no number")
	errNoCopy    = errors.New("it is about a copy that is not there")
	errCopyTwice = errors.New("the copy is there already")
	errNoBase    = errors.New("an event of a copy without a base")
	errOldBase   = errors.New("a base before the one that the copy has")
	errBaseHead  = errors.New("a base that contradicts the copy's log")
	errGone      = errors.New("an event of a copy that was handed over")
	errArrived   = errors.New("an arrival whose head is not the copy's")
	errNotHeld   = errors.New("a commit of a copy that this node does not hold")
	errPromise   = errors.New("a promise about a copy that this node does not hold, or about another head")
	errCommit    = errors.New("a commit without its handover")
	errRestated  = errors.New("a restated copy is not what the log leads to")
	errTrimmed   = errors.New("it drops segments that are needed")
)

// apply moves the state by one record, which it may keep. An error leaves the state unusable.
func (f *fold) apply(r Record, at place) error {
	if e, ok := r.(Event); ok {
		return f.event(&e, e.Event.Digest(), at)
	}
	if f.commit != 0 {
		return errCommit
	}
	switch r := r.(type) {
	case Born:
		return f.begin(Copy{ID: r.Copy, Origin: r.Origin, Entity: r.Entity, Durability: r.Durability, Seed: r.Seed}, at)
	case Preparing:
		p := &r.Prepare
		return f.begin(Copy{ID: r.Copy, Origin: p.Origin, Entity: p.Entity, Durability: p.Durability, Seed: r.Seed, Preparing: &r}, at)
	case Tombstone:
		f.bury(r, at)
		return nil
	case Forgotten:
		f.forget(r.Origin)
		return nil
	case restated:
		return f.restate(r, at)
	case trimmed:
		if r.First > at.seg {
			return errTrimmed
		}
		return f.trim(r.First)
	}
	return f.change(r)
}

// change applies the records that change a copy.
func (f *fold) change(r Record) error {
	switch r := r.(type) {
	case Base:
		return f.with(r.Copy, func(e *entry) error { return f.rebase(e, r) })
	case Hold:
		return f.with(r.Copy, func(e *entry) error { e.hold(r); return nil })
	case Release:
		return f.with(r.Copy, func(e *entry) error { e.release(r); return nil })
	case Promise:
		return f.with(r.Copy, func(e *entry) error { return e.promise(r) })
	case Commit:
		return f.with(r.Copy, func(e *entry) error { return f.commits(e, r) })
	case Arrived:
		return f.with(r.Copy, func(e *entry) error { return f.arrive(e, r.Signed) })
	case Dropped:
		return f.with(r.Copy, func(e *entry) error { f.drop(e); return nil })
	}
	return errRecord
}

// finish checks what must hold behind the last record of an Append.
func (f *fold) finish() error {
	if f.commit != 0 {
		return errCommit
	}
	return nil
}

// with finds a copy, or makes a partial one.
func (f *fold) with(id CopyID, do func(*entry) error) error {
	e, err := f.get(id)
	if err != nil {
		return err
	}
	return do(e)
}

func (f *fold) get(id CopyID) (*entry, error) {
	if e := f.copies[id]; e != nil {
		return e, nil
	}
	if f.whole || id == 0 {
		return nil, errNoCopy
	}
	e := &entry{Copy: Copy{ID: id}, partial: true}
	f.copies[id] = e
	f.max = max(f.max, id)
	return e, nil
}

func (f *fold) begin(c Copy, at place) error {
	switch {
	case c.ID == 0:
		return errZeroCopy
	case f.copies[c.ID] != nil:
		return errCopyTwice
	}
	f.copies[c.ID] = &entry{Copy: c, row: at.seg}
	f.live[at.seg]++
	f.max = max(f.max, c.ID)
	return nil
}

// rebase gives a copy another base, which replaces its events up to there.
func (f *fold) rebase(e *entry, b Base) error {
	switch {
	case !e.partial && b.Head.Origin != e.Origin:
		return crypto.ErrOrigin
	case e.Base != nil && b.Head.Sequence < e.Base.Head.Sequence:
		return errOldBase
	case e.known() && b.Head.Sequence == e.head.Sequence && b.Head != e.head && !e.partial:
		return errBaseHead
	case e.Handover != nil && b.Head.Sequence > e.head.Sequence:
		return errGone
	}
	e.Base = &b
	if e.partial && !e.known() {
		return nil // the log may have gone on between its view and this record: what is next says where it is
	}
	if !e.known() || b.Head.Sequence > e.head.Sequence {
		e.head = b.Head
		e.Last = b.Head.Sequence
	}
	f.prune(e)
	return nil
}

// known reports whether the head of the copy is.
func (e *entry) known() bool { return e.head != crypto.Head{} }

// prune forgets the events that the base replaces.
func (f *fold) prune(e *entry) {
	through := e.Base.Head.Sequence
	n := 0
	for n < len(e.spans) && e.spans[n].through <= through {
		f.leave(e.spans[n].seg)
		n++
	}
	e.spans = slices.Delete(e.spans, 0, n)
	if kept := int(min(e.Last-through, uint64(len(e.events)))); kept < len(e.events) {
		e.events = slices.Clone(e.events[len(e.events)-kept:])
	}
}

// leave notes that one thing less is in a segment.
func (f *fold) leave(seg uint64) {
	if f.live[seg]--; f.live[seg] == 0 {
		delete(f.live, seg)
	}
}

// event moves a copy by one entry of its log, whose digest is given.
func (f *fold) event(r *Event, digest crypto.Digest, at place) error {
	e, err := f.get(r.Copy)
	if err != nil {
		return err
	}
	if err := e.admits(r); err != nil {
		return err
	}
	if f.commit != 0 && (f.commit != r.Copy || r.Event.Kind == crypto.EventInput) {
		return errCommit
	}
	f.commit = 0
	if r.Event.Kind != crypto.EventInput && e.HoldsEpoch() && !e.partial {
		given := r.Event
		given.Payload = bytes.Clone(given.Payload)
		e.Handover = &given
	}
	e.Last = r.Event.Link.Sequence
	e.head = crypto.Head{Origin: r.Event.Link.Origin, Sequence: e.Last, Digest: digest, Outputs: r.Outputs}
	f.locate(e, at)
	return nil
}

// admits checks that an event may follow.
func (e *entry) admits(r *Event) error {
	switch {
	case r.Event.Kind < crypto.EventInput || r.Event.Kind > crypto.EventForced || len(r.Event.Payload) > crypto.MaxPayload:
		return errRecord // it could be written, and not read
	case e.partial && !e.known():
		return nil // the first that is left of its log
	case e.Base == nil && !e.partial:
		return errNoBase
	case e.Handover != nil:
		return errGone
	}
	return e.head.CheckLink(r.Event.Link)
}

// locate notes where the last event is.
func (f *fold) locate(e *entry, at place) {
	if n := len(e.spans); n > 0 && e.spans[n-1].seg == at.seg {
		e.spans[n-1].through = e.Last
	} else {
		e.spans = append(e.spans, span{at.seg, e.Last})
		f.live[at.seg]++
	}
	if f.index {
		e.events = append(e.events, at)
	}
}

func (e *entry) hold(h Hold) {
	if e.Released.Less(h.Attempt) && (e.Held == nil || !h.Attempt.Less(e.Held.Attempt)) {
		e.Held = &h
	}
}

func (e *entry) release(r Release) {
	if e.Released.Less(r.Attempt) {
		e.Released = r.Attempt
	}
	if e.Held != nil && !r.Attempt.Less(e.Held.Attempt) {
		e.Held = nil
	}
	if e.Promise != nil && !r.Attempt.Less(wire.Attempt(e.Promise.Cert.Attempt)) {
		e.Promise = nil
	}
}

// promise leaves the copy's next entry to a directory.
func (e *entry) promise(r Promise) error {
	if !e.partial && (!e.HoldsEpoch() || e.known() && r.Cert.Head != e.head) {
		return errPromise
	}
	if e.Released.Less(wire.Attempt(r.Cert.Attempt)) {
		e.Promise = &r
	}
	return nil
}

func (f *fold) commits(e *entry, r Commit) error {
	if !e.partial && !e.HoldsEpoch() {
		return errNotHeld
	}
	e.Commit, e.Promise = &r, nil
	f.commit = r.Copy
	return nil
}

// arrive makes this node the holder: its promise is kept, and what it remembers of an earlier departure is void.
func (f *fold) arrive(e *entry, s crypto.SignedHead) error {
	if !e.partial && (e.Preparing == nil || s.Head != e.head) {
		return errArrived
	}
	e.Arrived = &s
	e.Held = nil
	f.forget(s.Head.Origin)
	return nil
}

func (f *fold) drop(e *entry) {
	for _, s := range e.spans {
		f.leave(s.seg)
	}
	if !e.partial {
		f.leave(e.row)
	}
	delete(f.copies, e.ID)
}

func (f *fold) bury(t Tombstone, at place) {
	f.forget(t.Ref.Origin)
	f.tombs[t.Ref.Origin] = &tomb{t, at.seg}
	f.live[at.seg]++
}

func (f *fold) forget(origin uint64) {
	if t := f.tombs[origin]; t != nil {
		f.leave(t.seg)
		delete(f.tombs, origin)
	}
}

// ids returns the copies in order.
func (f *fold) ids() []CopyID {
	ids := make([]CopyID, 0, len(f.copies))
	for id := range f.copies {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// origins returns the origins of the tombstones in order.
func (f *fold) origins() []uint64 {
	origins := make([]uint64, 0, len(f.tombs))
	for origin := range f.tombs {
		origins = append(origins, origin)
	}
	slices.Sort(origins)
	return origins
}

// state returns what the fold has come to. What it points to is never changed, only replaced.
func (f *fold) state() *State {
	s := &State{Copies: make(map[CopyID]*Copy, len(f.copies)), Tombstones: make(map[uint64]*Tombstone, len(f.tombs))}
	for id, e := range f.copies {
		c := e.Copy
		s.Copies[id] = &c
	}
	for origin, t := range f.tombs {
		t := t.Tombstone
		s.Tombstones[origin] = &t
	}
	return s
}
