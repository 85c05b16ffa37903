package journal

import "strings"

// Open opens the journal on a disk, repairs what a crash has torn, and writes its end again and syncs it before
// anything that was read is relied on (protocol §7.2.3). A disk without a journal gets one.
//
// Errors: ErrLocked; ErrDamaged as *DamageError, and nothing has been changed on the disk; ErrDiskFull and
// ErrSync if the repair or the first segment cannot be written; the disk's own.
func Open(disk Disk, cfg Config) (*Journal, error) {
	cfg = cfg.withDefaults()
	lock, err := disk.Lock()
	if err != nil {
		return nil, err
	}
	im, err := load(disk)
	if err != nil {
		return nil, joinClose(err, lock)
	}
	j := newJournal(disk, cfg, im)
	j.lock = lock
	if err := j.settle(im); err != nil {
		if j.file != nil {
			err = joinClose(err, j.file)
		}
		return nil, joinClose(err, lock)
	}
	return j, nil
}

func newJournal(disk Disk, cfg Config, im *image) *Journal {
	j := &Journal{disk: disk, cfg: cfg, fold: im.fold, events: make(map[CopyID][]place), sizes: make(map[uint64]int64)}
	j.cond.L = &j.mu
	j.opened = j.fold.state()
	j.kept = make(map[string]bool)
	j.fold.index = false
	// What is missing at the front is known to be superfluous: from here on, every copy is known.
	j.fold.whole = true
	j.fold.first = im.first
	for id, e := range j.fold.copies {
		j.events[id], e.events = e.events, nil
		if e.Base == nil {
			j.kept[partName(id)] = true
			continue
		}
		j.kept[baseName(id, e.Base.File)] = true
		j.nextFile = max(j.nextFile, e.Base.File)
	}
	for i, size := range im.sizes {
		number := im.first + uint64(i)
		j.sizes[number] = size
		j.kept[segmentName(number)] = true
	}
	return j
}

// settle brings the disk into the state that the image was judged to have: first what the log says is made
// durable, then the rest may go.
func (j *Journal) settle(im *image) error {
	if err := j.enterLast(im); err != nil {
		return err
	}
	if err := j.disk.SyncDir(logDir); err != nil {
		return unsynced(err)
	}
	j.cfg.Fail("open: synced")
	if err := j.tidy(im); err != nil {
		return err
	}
	if err := j.disk.SyncDir(copiesDir); err != nil {
		return unsynced(err)
	}
	if im.ended == nil {
		return nil
	}
	// It must be gone for good before the log grows.
	if err := j.disk.Remove(closedName); err != nil {
		return full(err)
	}
	if err := j.disk.SyncDir(""); err != nil {
		return unsynced(err)
	}
	return nil
}

// enterLast opens the last segment for writing, or makes the first.
func (j *Journal) enterLast(im *image) error {
	if im.last == nil {
		j.seg = &segment{group: 1, size: j.cfg.SegmentSize, salt: j.cfg.Salt}
		j.end, j.group = segmentHeader, 1
		j.sizes[0] = j.seg.size
		return j.enter(j.seg)
	}
	s := im.last
	seg := s.seg // a copy: s has the whole file in memory
	j.seg, j.in = &seg, &seg
	j.end, j.group = s.end, s.group
	if s.torn != nil && s.torn.header != 0 {
		j.group++ // of the torn group, some stands
	}
	f, err := j.disk.Open(segmentName(s.seg.number))
	if err != nil {
		return err
	}
	// What was cut off is reserved again before the next write, not here: a node must be able to open its journal
	// on a full disk.
	j.file, j.reserve = f, true
	return mend(f, s)
}

// mend cuts off what is torn, gives a group of which some stands the length of that, writes the last group once more
// and syncs. A crash in the middle leaves the same group as it was, or torn in another way if it was torn, and nobody
// has been told of it yet.
//
// The last group may be what an earlier process wrote before a sync that failed. Such a write can be read from the
// system's cache, and no later sync makes it durable, but one of a new write does (protocol §7.2.4). Of every other
// group a sync has succeeded before the next was written.
func mend(f File, s *scan) error {
	if s.torn != nil {
		if err := f.Truncate(s.end); err != nil {
			return full(err)
		}
	}
	again := s.data[s.last:s.end]
	if s.torn != nil && s.torn.header != 0 {
		putGroup(again, s.seg.salt, s.group, len(again)-groupHeader)
	}
	if _, err := f.WriteAt(again, s.last); err != nil {
		return full(err)
	}
	if err := f.Sync(); err != nil {
		return unsynced(err)
	}
	return nil
}

// tidy deletes what a crash has left: segments and bases that nothing needs, and what was not completed.
func (j *Journal) tidy(im *image) error {
	names, err := j.disk.List(copiesDir)
	if err != nil {
		return err
	}
	old := im.stale
	for _, name := range names {
		if !j.needs(name) {
			old = append(old, copiesDir+"/"+name)
		}
	}
	for _, name := range append(old, closedName+newSuffix) {
		if err := j.disk.Remove(name); err != nil {
			return full(err)
		}
	}
	return nil
}

// needs reports whether a file of the folder of copies is a base, or the beginning of the first one, of a copy.
func (j *Journal) needs(name string) bool {
	if !strings.HasSuffix(name, partSuffix) && !strings.HasSuffix(name, baseSuffix) {
		return true // not of this package
	}
	path := copiesDir + "/" + name
	for id, e := range j.fold.copies {
		if e.Base == nil && path == partName(id) || e.Base != nil && e.Base.File != 0 && path == baseName(id, e.Base.File) {
			return true
		}
	}
	return false
}

// Events calls f with every event of the copy's log behind its base, in order, until f returns an error. It reads
// the log as it was opened, and may be used until Recovered. The event's payload is f's to keep.
//
// Errors: f's; ErrDamaged as *DamageError, also if the events do not follow from the base; the disk's own.
func (j *Journal) Events(id CopyID, f func(Event) error) error {
	j.mu.Lock()
	places, opened := j.events[id], j.opened
	j.mu.Unlock()
	if opened == nil || len(places) == 0 {
		return nil
	}
	r := eventReader{disk: j.disk, head: opened.Copies[id].Base.Head}
	return r.run(places, f)
}
