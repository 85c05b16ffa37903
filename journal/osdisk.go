package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lockName is the file that is locked. It is never deleted: whoever waits for it waits for the same file.
const lockName = "lock"

// NewDisk returns a folder of the file system as a Disk. Lock makes the folder if it is not there, for its owner
// only.
func NewDisk(dir string) Disk { return osDisk{dir} }

type osDisk struct{ dir string }

type osFile struct{ *os.File }

func (d osDisk) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

func (d osDisk) open(name string, flag int) (File, error) {
	f, err := os.OpenFile(d.path(name), os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Create makes a file.
func (d osDisk) Create(name string) (File, error) { return d.open(name, os.O_CREATE|os.O_EXCL) }

// Open opens a file.
func (d osDisk) Open(name string) (File, error) { return d.open(name, 0) }

// Rename renames a file.
func (d osDisk) Rename(oldname, newname string) error {
	return os.Rename(d.path(oldname), d.path(newname))
}

// Remove deletes a file.
func (d osDisk) Remove(name string) error {
	if err := os.Remove(d.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List returns the files of a folder.
func (d osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(d.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// Lock makes the folders and takes the lock.
func (d osDisk) Lock() (io.Closer, error) {
	for _, dir := range []string{logDir, copiesDir} {
		if err := os.MkdirAll(d.path(dir), 0o700); err != nil {
			return nil, err
		}
	}
	// The folders must be there after a crash, like what is synced in them.
	for _, dir := range []string{d.dir, filepath.Dir(d.dir)} {
		if err := syncDir(dir); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(d.path(lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, joinClose(err, f)
	}
	return f, nil
}

// SyncDir syncs a folder.
func (d osDisk) SyncDir(dir string) error { return syncDir(d.path(dir)) }

// Size returns the length of the file.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Allocate makes room.
func (f osFile) Allocate(size int64) error {
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	return allocate(f.File, have, size)
}

// Sync syncs the content, and of the rest what is needed to find it.
func (f osFile) Sync() error { return syncData(f.File) }

// writeZeros makes room where the system has no call for it.
func writeZeros(f *os.File, from, to int64) error {
	zeros := make([]byte, min(to-from, 1<<20))
	for from < to {
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
