package journal_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
)

var (
	seedFlag  = flag.Uint64("seed", 1, "the first seed of the random tests")
	seedsFlag = flag.Int("seeds", 150, "how many seeds the random tests try")
)

// model is the naive twin of a journal: it keeps everything and knows nothing of disks.
type model struct {
	copies map[journal.CopyID]*modelCopy
	tombs  map[uint64]journal.Tombstone
}

type modelCopy struct {
	row    journal.Copy
	chain  chain
	events []journal.Event // behind the base
	bytes  []byte          // of the base
}

func newModel() *model {
	return &model{copies: make(map[journal.CopyID]*modelCopy), tombs: make(map[uint64]journal.Tombstone)}
}

func (m *model) clone() *model {
	c := &model{copies: make(map[journal.CopyID]*modelCopy), tombs: maps.Clone(m.tombs)}
	for id, e := range m.copies {
		again := *e
		again.events = slices.Clone(e.events)
		c.copies[id] = &again
	}
	return c
}

// apply follows the comments of the records, word by word.
func (m *model) apply(r journal.Record, content []byte) {
	switch r := r.(type) {
	case journal.Born:
		m.copies[r.Copy] = &modelCopy{
			row:   journal.Copy{ID: r.Copy, Origin: r.Origin, Entity: r.Entity, Durability: r.Durability, Seed: r.Seed},
			chain: *newChain(r.Copy),
		}
	case journal.Preparing:
		p := r.Prepare
		m.copies[r.Copy] = &modelCopy{
			row:   journal.Copy{ID: r.Copy, Origin: p.Origin, Entity: p.Entity, Durability: p.Durability, Seed: r.Seed, Preparing: &r},
			chain: *newChain(r.Copy),
		}
	case journal.Base:
		e := m.copies[r.Copy]
		e.row.Base, e.bytes = &r, content
		e.events = slices.DeleteFunc(e.events, func(ev journal.Event) bool { return ev.Event.Link.Sequence <= r.Head.Sequence })
		e.row.Last = max(e.row.Last, r.Head.Sequence)
	case journal.Event:
		m.event(r)
	case journal.Tombstone:
		m.tombs[r.Ref.Origin] = r
	case journal.Forgotten:
		delete(m.tombs, r.Origin)
	case journal.Dropped:
		delete(m.copies, r.Copy)
	default:
		m.promise(r)
	}
}

func (m *model) event(r journal.Event) {
	e := m.copies[r.Copy]
	if r.Event.Kind == crypto.EventHandover && e.row.HoldsEpoch() {
		e.row.Handover = &r.Event
	}
	e.events = append(e.events, r)
	e.row.Last = r.Event.Link.Sequence
	e.chain.head = crypto.Head{Origin: e.row.Origin, Sequence: e.row.Last, Digest: r.Event.Digest(), Outputs: r.Outputs}
}

func (m *model) promise(r journal.Record) {
	switch r := r.(type) {
	case journal.Hold:
		row := &m.copies[r.Copy].row
		if row.Released.Less(r.Attempt) && (row.Held == nil || !r.Attempt.Less(row.Held.Attempt)) {
			row.Held = &r
		}
	case journal.Release:
		row := &m.copies[r.Copy].row
		if row.Held != nil && !r.Attempt.Less(row.Held.Attempt) {
			row.Held = nil
		}
		if row.Released.Less(r.Attempt) {
			row.Released = r.Attempt
		}
	case journal.Commit:
		m.copies[r.Copy].row.Commit = &r
	case journal.Arrived:
		row := &m.copies[r.Copy].row
		row.Arrived, row.Held = &r.Signed, nil
		delete(m.tombs, row.Origin)
	}
}

// differs says how what a journal has read differs from the model, or nothing.
func (m *model) differs(j *journal.Journal) error {
	s := j.State()
	if len(s.Copies) != len(m.copies) || len(s.Tombstones) != len(m.tombs) {
		return fmt.Errorf("%d copies and %d tombstones, want %d and %d", len(s.Copies), len(s.Tombstones), len(m.copies), len(m.tombs))
	}
	for origin, want := range m.tombs {
		if got := s.Tombstones[origin]; got == nil || !reflect.DeepEqual(*got, want) {
			return fmt.Errorf("tombstone %d is %+v, want %+v", origin, got, want)
		}
	}
	for id, want := range m.copies {
		got := s.Copies[id]
		if got == nil || !reflect.DeepEqual(*got, want.row) {
			return fmt.Errorf("copy %d is %+v, want %+v", id, got, want.row)
		}
		if err := want.differs(j); err != nil {
			return fmt.Errorf("copy %d: %w", id, err)
		}
	}
	return nil
}

func (e *modelCopy) differs(j *journal.Journal) error {
	var got []journal.Event
	if err := j.Events(e.row.ID, func(ev journal.Event) error { got = append(got, ev); return nil }); err != nil {
		return err
	}
	if len(got) != len(e.events) || len(got) > 0 && !reflect.DeepEqual(got, e.events) {
		return fmt.Errorf("%d events, want %d", len(got), len(e.events))
	}
	if e.row.Base == nil {
		return nil
	}
	r, err := j.OpenBase(e.row.ID)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if !bytes.Equal(b, e.bytes) {
		return errors.New("its base is another")
	}
	return nil
}

// errDeath is what a journal dies of at a point of its work.
var errDeath = errors.New("the process is ended here")

// unit is one Append, and where it ends.
type unit struct {
	records []journal.Record
	content []byte // of a base among them
	at      journal.Position
}

// storm runs random operations on a journal and its twin.
type storm struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	disk  *crashdisk.Disk
	cfg   journal.Config
	j     *journal.Journal
	now   *model // with everything that was appended
	past  *model // with what was acknowledged
	units []unit // what is between the two
	acked journal.Position
	fuse  int  // how many more points until death; negative is never
	idle  bool // nobody appends while others wait
	notes []string
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 9)), disk: crashdisk.New(), now: newModel(), past: newModel(), fuse: -1}
	s.cfg = journal.Config{SegmentSize: 2 << (10 + s.rng.IntN(4)), MaxSegments: 2 + s.rng.IntN(4), Salt: s.rng.Uint64()}
	s.cfg.Fail = func(point string) {
		if s.fuse--; s.fuse == -1 {
			s.note("dies: %s", point)
			panic(errDeath)
		}
		if strings.HasPrefix(point, "group: ") && !s.idle && s.rng.IntN(3) == 0 {
			s.append() // as somebody else does while this one waits
		}
	}
	return s
}

func (s *storm) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *storm) fail(format string, args ...any) {
	s.t.Helper()
	for _, n := range s.notes[max(0, len(s.notes)-40):] {
		s.t.Log(n)
	}
	s.t.Fatalf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

// mortal runs do and reports whether it has lived.
func (s *storm) mortal(do func()) (lived bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != any(errDeath) {
				panic(p)
			}
			lived = false
		}
	}()
	do()
	return true
}

func (s *storm) run(steps int) {
	s.reopen()
	for range steps {
		s.fuse = -1
		if s.rng.IntN(20) == 0 {
			s.fuse = s.rng.IntN(8)
		}
		if !s.mortal(s.step) {
			s.crash()
		}
	}
	s.fuse = -1
	s.disk.Full(false)
	s.close()
}

func (s *storm) step() {
	switch n := s.rng.IntN(100); {
	case n < 55:
		s.append()
	case n < 75:
		s.wait()
	case n < 80:
		s.disk.FullAfter(int64(s.rng.IntN(3000)))
	case n < 85:
		s.disk.Full(false)
	case n < 92:
		for _, id := range s.j.Due() {
			s.rebase(s.now.copies[id])
		}
	case n < 93:
		s.disk.BreakSync(true)
		if s.rng.IntN(2) == 0 {
			s.append()
		}
		s.wait()
		s.crash()
	case n < 97:
		s.close()
	default:
		s.crash()
	}
}

// add appends records to both twins.
func (s *storm) add(content []byte, records ...journal.Record) {
	for _, r := range records {
		s.now.apply(r, content)
	}
	at := s.j.Append(records...)
	s.note("append %T … (%d) → %d", records[0], len(records), at)
	s.units = append(s.units, unit{records, content, at})
}

// wait makes some or all of what was appended durable.
func (s *storm) wait() {
	if len(s.units) == 0 {
		return
	}
	u := s.units[s.rng.IntN(len(s.units))]
	err := s.j.Wait(u.at)
	s.note("wait %d: %v", u.at, err)
	switch {
	case err == nil:
		s.acked = max(s.acked, u.at)
	case errors.Is(err, journal.ErrDiskFull):
	case errors.Is(err, journal.ErrSync):
	default:
		s.fail("Wait: %v", err)
	}
}

func (s *storm) crash() {
	mode := crashdisk.Modes()[s.rng.IntN(3)]
	s.note("crash: %v", mode)
	s.disk.Crash(s.rng, mode)
	s.check()
	s.reopen()
}

func (s *storm) close() {
	s.idle = true
	err := s.j.Close()
	s.idle = false
	s.note("close: %v", err)
	if err == nil && len(s.units) > 0 {
		s.acked = s.units[len(s.units)-1].at
	}
	if err != nil && !errors.Is(err, journal.ErrDiskFull) {
		s.fail("Close: %v", err)
	}
	s.disk.Full(false)
	s.check()
	s.reopen()
}

// check verifies the disk now and then: nothing that Open repairs is damage.
func (s *storm) check() {
	if s.rng.IntN(3) > 0 {
		return
	}
	if _, err := journal.Verify(s.disk); err != nil {
		s.fail("Verify: %v", err)
	}
}

// reopen opens the journal and finds out how much of what was appended it still has.
func (s *storm) reopen() {
	for {
		s.fuse = -1
		if s.rng.IntN(4) == 0 {
			s.fuse = s.rng.IntN(6)
		}
		var err error
		if s.mortal(func() { s.j, err = journal.Open(s.disk, s.cfg) }) {
			if err != nil {
				s.fail("Open: %v", err)
			}
			break
		}
		s.disk.Crash(s.rng, crashdisk.Modes()[s.rng.IntN(3)])
	}
	s.fuse, s.idle = -1, false
	s.match()
	if s.rng.IntN(8) > 0 {
		s.j.Recovered()
	}
}

// match checks that the journal has a prefix of what was appended, with all that was acknowledged.
func (s *storm) match() {
	why := s.past.differs(s.j)
	kept := 0
	for i, u := range s.units {
		if why == nil && s.acked < u.at {
			break
		}
		for _, r := range u.records {
			s.past.apply(r, u.content)
		}
		kept = i + 1
		why = s.past.differs(s.j)
	}
	if why != nil {
		s.fail("after %d of %d Appends, acknowledged through %d: %v", kept, len(s.units), s.acked, why)
	}
	s.note("open: %d of %d Appends are there", kept, len(s.units))
	s.now, s.units, s.acked = s.past.clone(), nil, 0
}

// append does something that a node might do.
func (s *storm) append() {
	ids := slices.Sorted(maps.Keys(s.now.copies))
	if len(ids) == 0 || len(ids) < 6 && s.rng.IntN(8) == 0 {
		s.begin()
		return
	}
	e := s.now.copies[ids[s.rng.IntN(len(ids))]]
	switch n := s.rng.IntN(40); {
	case n == 0:
		s.add(nil, journal.Dropped{Copy: e.row.ID})
	case n == 1:
		s.add(nil, e.chain.tombstone(crypto.CausalEvent{Kind: crypto.EventHandover}), journal.Dropped{Copy: e.row.ID})
	case n == 2:
		s.add(nil, journal.Forgotten{Origin: e.row.Origin})
	case n < 6:
		s.rebase(e)
	case e.row.Base == nil:
		s.arrive(e)
	case e.row.Handover != nil:
		return
	case e.row.HoldsEpoch():
		s.held(e, n)
	default:
		s.dark(e, n)
	}
}

// begin begins a copy.
func (s *storm) begin() {
	c := newChain(s.j.Next())
	if s.rng.IntN(2) == 0 {
		s.add(nil, c.preparing())
		return
	}
	content := s.content()
	b, ok := s.spool(c, content)
	if ok {
		s.add(content, c.born(), b)
	}
}

func (s *storm) content() []byte {
	n := s.rng.IntN(400)
	if s.rng.IntN(5) == 0 {
		n += journal.MaxInline
	}
	return bytes.Repeat([]byte{byte(s.rng.Uint32())}, n)
}

// spool writes a base, unless the disk is full.
func (s *storm) spool(c *chain, content []byte) (journal.Base, bool) {
	sp, err := s.j.Spool(c.id)
	if err == nil {
		_, err = sp.Write(content)
	}
	var b journal.Base
	if err == nil {
		b, err = sp.Commit(c.head)
	}
	s.note("spool for %d, %d bytes: %v", c.id, len(content), err)
	if err != nil && !errors.Is(err, journal.ErrDiskFull) && !errors.Is(err, journal.ErrSync) {
		s.fail("Spool: %v", err)
	}
	if err != nil && sp != nil {
		sp.Abort()
	}
	if err == nil && b.Digest != sha256.Sum256(content) {
		s.fail("the digest of a base is wrong")
	}
	return b, err == nil
}

func (s *storm) rebase(e *modelCopy) {
	content := s.content()
	if b, ok := s.spool(&e.chain, content); ok {
		s.add(content, b)
	}
}

// held does what a holder does.
func (s *storm) held(e *modelCopy, n int) {
	if n == 39 {
		commit := e.chain.commit(uint64(n))
		c := e.chain
		s.add(nil, commit, c.handover())
		return
	}
	s.events(e)
}

func (s *storm) events(e *modelCopy) {
	var batch []journal.Record
	c := e.chain
	for range 1 + s.rng.IntN(4) {
		batch = append(batch, c.event(bytes.Repeat([]byte{'x'}, 1+s.rng.IntN(500))))
	}
	s.add(nil, batch...)
}

// dark does what a target does.
func (s *storm) dark(e *modelCopy, n int) {
	a := attempt(uint64(s.rng.IntN(6)))
	c := e.chain
	switch {
	case n < 12:
		s.add(nil, journal.Hold{Copy: c.id, Attempt: a, Final: c.head})
	case n < 18:
		s.add(nil, journal.Release{Copy: c.id, Attempt: a})
	case n < 22:
		h := c.handover()
		s.add(nil, h, c.arrived())
	default:
		s.events(e)
	}
}

// TestModel: whatever happens to the disk, what was acknowledged is there, in order and whole, and nothing is
// there that was never appended.
func TestModel(t *testing.T) {
	for i := range *seedsFlag {
		newStorm(t, *seedFlag+uint64(i)).run(300)
	}
}
