package journal

import "io"

// Disk is what a journal asks of a file system. Names are relative, with slashes. The simulator has one in
// memory that forgets and tears what was not synced.
type Disk interface {
	// Create makes a file that must not exist, open for writing.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing. Without one the error matches fs.ErrNotExist.
	Open(name string) (File, error)
	// Rename replaces newname.
	Rename(oldname, newname string) error
	// Remove deletes a file; one that is not there is no error.
	Remove(name string) error
	// List returns the names of the files in a folder, without the folder, sorted.
	List(dir string) ([]string, error)
	// SyncDir makes creations, renames and removals in a folder durable.
	SyncDir(dir string) error
	// Lock keeps other processes out until Close of the returned value. It fails with ErrLocked.
	Lock() (io.Closer, error)
}

// File is one open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the file's length.
	Size() (int64, error)
	// Truncate cuts the file or extends it by zeros.
	Truncate(size int64) error
	// Allocate makes sure that writes up to size will find room.
	Allocate(size int64) error
	// Sync makes everything written durable.
	Sync() error
}
