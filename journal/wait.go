package journal

import (
	"errors"
	"fmt"
	"io"
)

// Wait returns once everything up to the position is durable. Whoever comes first writes and syncs for all.
//
// Errors: ErrDiskFull, after which everything still waits to be written; ErrSync, after which every Wait
// fails; ErrClosed.
func (j *Journal) Wait(at Position) error {
	if at == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	at = min(at, j.appended)
	for {
		switch {
		case j.failed != nil:
			return j.failed
		case j.durable >= at:
			return nil
		case j.busy:
			if err := j.attend(); err != nil && j.durable < at {
				return err
			}
		case j.closed:
			return ErrClosed
		default:
			if err := j.lead(); err != nil {
				return err
			}
		}
	}
}

// attend waits for the end of the round that somebody else leads and returns how it ended. A leader whose round
// is over may still delete files: whoever comes then waits for no more than that, since the next round has no
// leader yet.
func (j *Journal) attend() error {
	round := j.round
	for j.busy && j.round == round {
		j.cond.Wait()
	}
	if j.round == round {
		return nil
	}
	return j.roundErr
}

// lead writes everything that is queued, without the lock, and tells those who attend. What could not be written
// stays at the front of the queue, byte for byte.
func (j *Journal) lead() error {
	take := j.queue
	for _, g := range take {
		g.taken = true
	}
	j.busy = true
	var n int
	var err error
	j.unlocked(func() { n, err = j.write(take) })
	for _, g := range take[:n] {
		j.durable = g.end
		j.spare = clip(g.buf)
	}
	j.queue = append([]*group(nil), j.queue[n:]...)
	if errors.Is(err, ErrSync) {
		j.failed = err
	}
	j.round++
	j.roundErr = err
	j.cond.Broadcast()
	if !errors.Is(err, ErrSync) {
		j.sweep() // on a full disk too: it makes room
	}
	j.busy = false
	j.cond.Broadcast()
	return err
}

// write makes groups durable, one after the other, and returns how many it has. Each is synced before the next
// is written: two groups that are torn at once could not be told from damage.
func (j *Journal) write(groups []*group) (n int, err error) {
	for n, g := range groups {
		if err := j.writeGroup(g); err != nil {
			return n, err
		}
	}
	return len(groups), nil
}

func (j *Journal) writeGroup(g *group) error {
	if j.in != g.seg {
		if err := j.enter(g.seg); err != nil {
			return err
		}
	}
	if j.reserve {
		if err := j.file.Allocate(g.seg.size); err != nil {
			return full(err)
		}
		j.reserve = false
	}
	putGroup(g.buf, g.seg.salt, g.number, len(g.buf)-groupHeader)
	j.cfg.Fail("group: before the write")
	if _, err := j.file.WriteAt(g.buf, g.off); err != nil {
		return full(err)
	}
	j.cfg.Fail("group: before the sync")
	if err := j.file.Sync(); err != nil {
		return unsynced(err)
	}
	j.cfg.Fail("group: synced")
	return nil
}

// enter makes a segment and turns to it. It gets its name when it is complete and durable, so that a segment
// without a good header is damage, whenever it is found.
func (j *Journal) enter(s *segment) error {
	f, err := makeSegment(j.disk, s, j.cfg.Fail)
	if err != nil {
		return err
	}
	if j.file != nil {
		// Everything in it is durable: an error in letting it go says nothing about what is on disk.
		_ = j.file.Close()
	}
	j.file, j.in, j.reserve = f, s, false
	return nil
}

func makeSegment(disk Disk, s *segment, fail func(string)) (File, error) {
	name := segmentName(s.number)
	if err := disk.Remove(name + newSuffix); err != nil {
		return nil, full(err)
	}
	fail("segment: before it is created")
	if err := fillSegment(disk, name+newSuffix, s); err != nil {
		return nil, err
	}
	fail("segment: before it is named")
	if err := disk.Rename(name+newSuffix, name); err != nil {
		return nil, full(err)
	}
	fail("segment: before its name is synced")
	if err := disk.SyncDir(logDir); err != nil {
		return nil, unsynced(err)
	}
	fail("segment: named")
	f, err := disk.Open(name)
	if err != nil {
		return nil, full(err)
	}
	return f, nil
}

// fillSegment writes the file of a new segment and makes its content durable.
func fillSegment(disk Disk, name string, s *segment) (err error) {
	f, err := disk.Create(name)
	if err != nil {
		return full(err)
	}
	defer func() {
		if e := f.Close(); e != nil && err == nil {
			err = full(e)
		}
	}()
	if err := f.Allocate(s.size); err != nil {
		return full(err)
	}
	if _, err := f.WriteAt(s.append(nil), 0); err != nil {
		return full(err)
	}
	if err := f.Sync(); err != nil {
		return unsynced(err)
	}
	return nil
}

// sweep deletes files that nothing needs, without the lock. A deletion need not be durable: the next Open finds
// again what it must. One that fails is tried again.
func (j *Journal) sweep() {
	var ready, later []garbage
	for _, g := range j.garbage {
		if g.after <= j.durable && !j.kept[g.name] {
			ready = append(ready, g)
		} else {
			later = append(later, g)
		}
	}
	j.garbage = later
	if len(ready) == 0 {
		return
	}
	var failed []garbage
	j.unlocked(func() {
		for _, g := range ready {
			j.cfg.Fail("sweep: before a file is deleted")
			if err := j.disk.Remove(g.name); err != nil {
				failed = append(failed, g)
			}
		}
	})
	j.garbage = append(j.garbage, failed...)
}

// unlocked calls do without the lock, and has it again however do ends.
func (j *Journal) unlocked(do func()) {
	j.mu.Unlock()
	defer j.mu.Lock()
	do()
}

// full says that the disk takes no writes, and why.
func full(err error) error { return fmt.Errorf("%w: %w", ErrDiskFull, err) }

// unsynced says that a sync failed, and why.
func unsynced(err error) error { return fmt.Errorf("%w: %w", ErrSync, err) }

// joinClose closes f and adds its error to what went wrong already.
func joinClose(err error, f io.Closer) error { return errors.Join(err, f.Close()) }

// Close syncs what was appended, notes that the end is the end, and lets go of the directory. Whatever it
// returns, the journal is closed; closing it again does nothing.
//
// Errors: those of Wait. Then the end is not noted, and the next Open takes it as it is after a crash.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	for j.busy {
		j.cond.Wait()
	}
	err := j.failed
	if err == nil && len(j.queue) > 0 {
		err = j.lead()
	}
	if err == nil {
		err = writeEnding(j.disk, ending{j.seg.number, j.end, j.group})
	}
	// Nothing of the journal is left to write: nobody else owns the file now.
	err = joinClose(err, j.file)
	return joinClose(err, j.lock)
}

// writeEnding notes where a journal was closed, in a file that has its name only when it is complete.
func writeEnding(disk Disk, e ending) (err error) {
	name := closedName + newSuffix
	if err := disk.Remove(name); err != nil {
		return full(err)
	}
	f, err := disk.Create(name)
	if err != nil {
		return full(err)
	}
	_, err = f.WriteAt(e.append(nil), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = joinClose(err, f); err != nil {
		return full(err)
	}
	if err := disk.Rename(name, closedName); err != nil {
		return full(err)
	}
	if err := disk.SyncDir(""); err != nil {
		return unsynced(err)
	}
	return nil
}
