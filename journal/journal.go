package journal

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// MaxInline is the size in bytes up to which a base is kept in the log instead of in a file of its own.
const MaxInline = 64 << 10

// Errors of a journal. ErrDiskFull can be waited out: nothing is lost, and the same Wait succeeds once the disk
// takes writes again. ErrSync cannot: what is on the disk is not known any more, and the process must end.
var (
	ErrDiskFull = errors.New("journal: the disk takes no writes")
	ErrSync     = errors.New("journal: a sync failed; what is on disk is known only after a restart")
	ErrLocked   = errors.New("journal: another process has this data directory open")
	ErrDamaged  = errors.New("journal: damaged")
	ErrClosed   = errors.New("journal: closed")
)

// DamageError says what does not verify, and what does.
type DamageError struct {
	File   string
	Offset int64
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("journal: %s is damaged at byte %d: %s", e.File, e.Offset, e.Reason)
}

// Is matches ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// Config tunes a journal. The zero value is ready to use.
type Config struct {
	// SegmentSize is how large the segments of the log are, in bytes; 0 means 32 MiB.
	SegmentSize int64
	// MaxSegments is how many there may be before the oldest is cleared; 0 means 8.
	MaxSegments int
	// Salt goes into the checksums that tell where a group begins. With a number that nobody can guess no
	// producer can write a payload that is taken for one after a crash. 0 is as good as any where that is no
	// concern.
	Salt uint64
	// Fail, if set, is called at the named points of every durable step. Tests end the process there.
	Fail func(point string)
}

// Position is a place in the log. Zero is before everything: whoever waits for it does not wait.
type Position uint64

// The defaults of Config.
const (
	defaultSegmentSize = 32 << 20
	defaultMaxSegments = 8
)

func (c Config) withDefaults() Config {
	if c.SegmentSize <= 0 {
		c.SegmentSize = defaultSegmentSize
	}
	c.SegmentSize = max(c.SegmentSize, segmentHeader+groupHeader)
	if c.MaxSegments <= 0 {
		c.MaxSegments = defaultMaxSegments
	}
	if c.Fail == nil {
		c.Fail = func(string) {}
	}
	return c
}

// Journal is an open journal. It is safe for concurrent use.
//
// What is appended is placed at once: the segment and offset of each record, and the number of its group, are
// settled under the lock. Groups wait in memory until somebody who waits writes them.
type Journal struct {
	disk Disk
	cfg  Config
	lock io.Closer

	mu   sync.Mutex
	cond sync.Cond // of mu: a round of writing has ended

	// Guarded by mu.
	fold      *fold
	opened    *State // as it was opened; nil once recovered
	events    map[CopyID][]place
	kept      map[string]bool // files that those two may lead to
	next      CopyID
	nextFile  uint64           // number of the next base file
	seg       *segment         // where the next record goes
	end       int64            // offset of the next group in it
	group     uint64           // number of the next group
	sizes     map[uint64]int64 // of the segments
	queue     []*group         // not durable, in order; only the last may be open
	spare     []byte           // a buffer that is free
	unit      []byte           // scratch for one Append
	restating bool             // rows are being restated in a segment just begun
	appended  Position
	durable   Position
	garbage   []garbage
	closed    bool
	failed    error // for ever
	round     uint64
	roundErr  error // how the last round ended

	// Owned by whoever has set busy, which mu guards.
	busy    bool
	file    File
	in      *segment // the segment that file is
	reserve bool     // its room may have been given up when it was opened
}

// garbage is a file that nothing needs once the log is durable up to a position.
type garbage struct {
	name  string
	after Position
}

// Next returns an id for a new copy.
func (j *Journal) Next() CopyID {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next = max(j.next, j.fold.max) + 1
	return j.next
}

// Last returns the position of the last Append: whoever waits for it waits for everything so far.
func (j *Journal) Last() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.appended
}

// Pending returns how many bytes have been appended and are not durable; more than 0 if something was not taken after
// Close.
func (j *Journal) Pending() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int64(j.appended - j.durable)
}

// State returns the copies and tombstones that the log leads to, as it was opened; after Recovered, as they are
// now. The caller must not change what it points to.
func (j *Journal) State() *State {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.opened != nil {
		return j.opened
	}
	return j.fold.state()
}

// Tombstone returns what is left of a daemon that moved away, as the log is now.
func (j *Journal) Tombstone(origin uint64) (Tombstone, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if t := j.fold.tombs[origin]; t != nil {
		return t.Tombstone, true
	}
	return Tombstone{}, false
}

// Recovered ends the reading: what was kept for it is freed, and files that only the log as it was opened needs begin to be
// deleted, as all others have been before.
func (j *Journal) Recovered() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.opened, j.events, j.kept = nil, nil, nil
}

// Due returns copies whose events keep old segments alive beyond the limit, in order: each needs a new base.
func (j *Journal) Due() []CopyID {
	j.mu.Lock()
	defer j.mu.Unlock()
	limit := uint64(j.limit())
	if j.seg.number < limit {
		return nil
	}
	var due []CopyID
	for id, e := range j.fold.copies {
		if len(e.spans) > 0 && e.spans[0].seg <= j.seg.number-limit {
			due = append(due, id)
		}
	}
	slices.Sort(due)
	return due
}

// Usage returns how many bytes the log and the bases take on disk.
func (j *Journal) Usage() (log, bases int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for size := range maps.Values(j.sizes) {
		log += size
	}
	for _, e := range j.fold.copies {
		if e.Base != nil && e.Base.File != 0 {
			bases += int64(e.Base.Size)
		}
	}
	return log, bases
}
