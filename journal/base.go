package journal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/ferrymesh/ferry/crypto"
)

// How the files of bases are called.
const (
	partSuffix = ".part"
	baseSuffix = ".snapshot"
)

func partName(id CopyID) string { return fmt.Sprintf("%s/%d%s", copiesDir, id, partSuffix) }

func baseName(id CopyID, file uint64) string {
	return fmt.Sprintf("%s/%d-%d%s", copiesDir, id, file, baseSuffix)
}

// Spool is a base that is being written. It is not safe for concurrent use, and a copy has one at a time.
type Spool struct {
	j      *Journal
	id     CopyID
	small  []byte // while it may still become inline
	file   File   // once it cannot
	size   int64
	synced int64 // how much of the file has been synced
	hash   hash.Hash
	hashed bool // hash covers all that was written
	done   bool
	failed error // of a sync: for ever
}

// Spool begins to write a base for a copy. What an earlier process has left is deleted.
func (j *Journal) Spool(id CopyID) (*Spool, error) {
	if err := j.disk.Remove(partName(id)); err != nil {
		return nil, full(err)
	}
	return &Spool{j: j, id: id, hash: sha256.New(), hashed: true}, nil
}

// Resume continues the base of a copy that has none yet, from the file that an earlier process has left: the
// reader gives what is there, from its start. The caller reads what it can verify and calls Truncate to keep that
// much, before it writes on; of what it has not read nothing says that it comes to the disk. Without such a file Resume
// is Spool, and the reader is empty.
func (j *Journal) Resume(id CopyID) (*Spool, io.Reader, error) {
	f, err := j.disk.Open(partName(id))
	if errors.Is(err, fs.ErrNotExist) {
		s, err := j.Spool(id)
		return s, bytes.NewReader(nil), err
	}
	if err != nil {
		return nil, nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, nil, joinClose(err, f)
	}
	s := &Spool{j: j, id: id, file: f, size: size, hash: sha256.New()}
	return s, &leftReader{s: s, from: io.NewSectionReader(f, 0, size)}, nil
}

// leftReader reads what an earlier process has left of a base, and writes it back to where it was. That process may
// have met a sync that failed: what is read can be in the system's cache only, and no later sync is about it unless it
// is written again (protocol §7.2.4). It is done here, so that the very bytes that the caller verifies come to the disk.
type leftReader struct {
	s    *Spool
	from *io.SectionReader
	at   int64
}

// Read reads on.
func (r *leftReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if n == 0 {
		return 0, err
	}
	if _, err := r.s.file.WriteAt(p[:n], r.at); err != nil {
		return 0, full(err)
	}
	r.at += int64(n)
	if e := r.s.settle(r.at); e != nil {
		return n, e
	}
	return n, err
}

// Size returns how many bytes the base has so far.
func (s *Spool) Size() int64 { return s.size }

// ready returns why the base takes nothing any more.
func (s *Spool) ready() error {
	if s.done {
		return ErrClosed
	}
	return s.failed
}

// Write appends to the base.
//
// Errors: ErrDiskFull, and the base is as long as before; ErrSync, after which the base cannot be committed and every
// Wait fails.
func (s *Spool) Write(p []byte) (int, error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	if err := s.rehash(); err != nil {
		return 0, err
	}
	if s.file == nil && s.size+int64(len(p)) > MaxInline {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.small = append(s.small, p...)
	} else if _, err := s.file.WriteAt(p, s.size); err != nil {
		return 0, full(err)
	}
	s.size += int64(len(p))
	s.hash.Write(p)
	return len(p), s.settle(s.size)
}

// syncEvery is how much of a base is left to the disk at once. A large heap of writes that were not synced would
// hold up the log's own syncs, and with them every acknowledgment.
const syncEvery = 8 << 20

// settle syncs the file now and then, which has been written up to the given place.
func (s *Spool) settle(through int64) error {
	if s.file == nil || through-s.synced < syncEvery {
		return nil
	}
	if err := s.file.Sync(); err != nil {
		return s.unsynced(err)
	}
	s.synced = through
	return nil
}

// unsynced ends the spool and the journal after a sync that failed. A later one proves nothing (protocol §7.2.4), and
// whoever writes may not see the error of this one.
func (s *Spool) unsynced(err error) error {
	s.failed = unsynced(err)
	s.j.fail(s.failed)
	return s.failed
}

// spill moves what was written to a file.
func (s *Spool) spill() error {
	name := partName(s.id)
	if err := s.j.disk.Remove(name); err != nil {
		return full(err)
	}
	f, err := s.j.disk.Create(name)
	if err != nil {
		return full(err)
	}
	if _, err := f.WriteAt(s.small, 0); err != nil {
		return full(joinClose(err, f))
	}
	s.file, s.small = f, nil
	return nil
}

// Truncate cuts the base to its first n bytes. A larger n is an error.
func (s *Spool) Truncate(n int64) error {
	if err := s.ready(); err != nil {
		return err
	}
	switch {
	case n < 0 || n > s.size:
		return fmt.Errorf("journal: a base of %d bytes cannot be cut to %d", s.size, n)
	case n == s.size:
		return nil
	}
	if s.file == nil {
		s.small = s.small[:n]
	} else if err := s.file.Truncate(n); err != nil {
		return full(err)
	}
	s.size, s.hashed = n, false
	s.synced = min(s.synced, n)
	return nil
}

// rehash computes the digest of what is there, if something else than writing has made it so.
func (s *Spool) rehash() error {
	if s.hashed {
		return nil
	}
	s.hash.Reset()
	from := io.Reader(bytes.NewReader(s.small))
	if s.file != nil {
		from = io.NewSectionReader(s.file, 0, s.size)
	}
	n, err := io.Copy(s.hash, from)
	if err == nil && n != s.size {
		err = io.ErrUnexpectedEOF
	}
	s.hashed = err == nil
	return err
}

// Commit makes the base durable, as the copy's snapshot at head, and returns the record for Append: the base counts
// once that is durable. Earlier events of the copy, and an earlier base, are dropped then.
//
// Errors: ErrDiskFull, and Commit may be called again; ErrSync, after which every Wait fails too.
func (s *Spool) Commit(head crypto.Head) (Base, error) {
	if err := s.ready(); err != nil {
		return Base{}, err
	}
	if err := s.rehash(); err != nil {
		return Base{}, err
	}
	b := Base{Copy: s.id, Head: head, Size: uint64(s.size)}
	s.hash.Sum(b.Digest[:0])
	if s.size <= MaxInline {
		err := s.commitInline(&b)
		return b, err
	}
	if err := s.commitFile(&b); err != nil {
		return Base{}, err
	}
	return b, nil
}

// commitInline puts the bytes into the record. A file that a resumed base has come from is of no use then.
func (s *Spool) commitInline(b *Base) error {
	if s.file != nil {
		s.small = make([]byte, s.size)
		if _, err := s.file.ReadAt(s.small, 0); err != nil && err != io.EOF {
			return err
		}
	}
	if b.Inline = s.small; len(b.Inline) == 0 {
		b.Inline = nil
	}
	return s.remove()
}

func (s *Spool) commitFile(b *Base) error {
	disk := s.j.disk
	b.File = s.j.number()
	s.j.cfg.Fail("base: before the sync")
	if err := s.file.Sync(); err != nil {
		return s.unsynced(err)
	}
	s.j.cfg.Fail("base: before it is named")
	if err := disk.Rename(partName(s.id), baseName(s.id, b.File)); err != nil {
		return full(err)
	}
	s.done = true
	s.j.cfg.Fail("base: before its name is synced")
	if err := disk.SyncDir(copiesDir); err != nil {
		return s.unsynced(err)
	}
	s.j.cfg.Fail("base: named")
	return s.file.Close()
}

// Keep ends the spool and leaves what was written to Resume, as far as it has come to the disk. After Commit it does
// nothing.
func (s *Spool) Keep() error {
	if s.done || s.file == nil {
		s.done = true
		return nil
	}
	s.done = true
	return s.file.Close()
}

// Abort deletes what was written. After Commit it does nothing.
func (s *Spool) Abort() {
	if !s.done {
		// What cannot be deleted now is deleted by the next Open.
		_ = s.remove()
	}
}

// Unused deletes the file of a base that Commit has returned and that is not appended: nothing will ever lead to it.
func (j *Journal) Unused(b Base) {
	if b.File != 0 {
		_ = j.disk.Remove(baseName(b.Copy, b.File)) // what cannot be deleted now is deleted by the next Open
	}
}

// remove ends the spool and deletes its file.
func (s *Spool) remove() error {
	s.done = true
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	return errors.Join(err, s.j.disk.Remove(partName(s.id)))
}

// number returns the number of a new base file.
func (j *Journal) number() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.nextFile++
	return j.nextFile
}

// fail makes every Wait fail from now on.
func (j *Journal) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = err
	}
}

// OpenBase opens the snapshot that a copy of State begins with. Its digest is verified as it is read: the last
// Read fails with a *DamageError if it is another.
//
// Errors: ErrDamaged as *DamageError, if there is none or it has another size; the disk's own.
func (j *Journal) OpenBase(id CopyID) (io.ReadCloser, error) {
	c := j.State().Copies[id]
	if c == nil || c.Base == nil {
		return nil, fmt.Errorf("journal: copy %d has no base", id)
	}
	return openBase(j.disk, c.Base)
}

func openBase(disk Disk, b *Base) (io.ReadCloser, error) {
	r := &baseReader{base: b, name: logDir, hash: sha256.New()}
	if b.File == 0 {
		r.from = bytes.NewReader(b.Inline)
		return r, nil
	}
	r.name = baseName(b.Copy, b.File)
	f, err := disk.Open(r.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamageError{r.name, 0, "it is missing"}
	}
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, joinClose(err, f)
	}
	if uint64(size) != b.Size {
		return nil, joinClose(&DamageError{r.name, min(size, int64(b.Size)), fmt.Sprintf("it has %d bytes instead of %d", size, b.Size)}, f)
	}
	r.file, r.from = f, io.NewSectionReader(f, 0, size)
	return r, nil
}

// baseReader reads a base and compares its digest at the end.
type baseReader struct {
	base *Base
	name string
	from io.Reader
	file File
	hash hash.Hash
}

// Read reads on. Instead of the end it reports damage if what was read is not what was written.
func (r *baseReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.hash.Write(p[:n])
	if err != io.EOF {
		return n, err
	}
	var d crypto.Digest
	if r.hash.Sum(d[:0]); d != r.base.Digest {
		return n, &DamageError{r.name, 0, "its digest is another"}
	}
	return n, io.EOF
}

// Close lets go of the file.
func (r *baseReader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
