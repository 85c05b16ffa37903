// Package bolt keeps a directory in a file on one node.
//
// The node that has the file answers for it; other nodes ask through
// [directory.Client]. While that node is away, nothing but a migration in its commit waits: nobody
// asks the directory in order to serve.
//
// Every change is one synced transaction. The pages of the file carry no checksums, so each record has one of its
// own, which is verified whenever it is read, and all of them are when the file is opened. A file on ext4 mounted with fast_commit
// can be corrupt after a power failure; see docs/operations.md.
//
// # Backups
//
// A file that comes from a backup has forgotten decisions, and must be opened with [Options.Recovering]. It then
// answers nothing until the nodes have reported what they know ([directory.Report]) and [DB.Recovered] was
// called. Opening it in the ordinary way instead can give a daemon two holders, and nothing in the file can tell.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/wire"
)

// Errors of files.
var (
	// ErrLocked: another process, or another DB of this one, has the file open.
	ErrLocked = errors.New("bolt: another process has the directory's file open")
	// ErrFailed: a write or sync has failed. What is on disk is known only after
	// the file has been closed and opened again; until then nothing is answered.
	// After a write that found no room each call tries that by itself.
	ErrFailed = fmt.Errorf("bolt: a write failed, and nothing is answered until the file has been opened anew: %w", wire.ErrInternal)
	// ErrClosed: the DB was closed.
	ErrClosed = errors.New("bolt: the directory is closed")
)

// Options tell how to open a file. The zero value is for every day.
type Options struct {
	// Recovering says that the file was restored from a backup. The file
	// remembers it until Recovered, also across a restart. A file that does not
	// exist can be recovered as well.
	Recovering bool
}

// DB is a directory in a file. It is safe for concurrent use.
type DB struct {
	*directory.Table
	file *file
}

var _ directory.Directory = (*DB)(nil)

// Open opens the file, and makes it if there is none. It syncs the file and its
// folder before it relies on what is in it, and verifies every record, which
// takes time in proportion to their number.
//
// Errors: ErrLocked, at once; directory.ErrDamaged; the file system's.
func Open(path string, o Options) (*DB, error) {
	f := &file{path: path}
	if err := guard(func() error { return f.open(path, o.Recovering) }); err != nil {
		return nil, errors.Join(err, f.abandon())
	}
	err := guard(func() error { return f.begin(o.Recovering) })
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return &DB{directory.NewRecovering(f, f.meta.generation, f.meta.recovering), f}, nil
}

// Recovering reports whether the directory waits for reports.
func (d *DB) Recovering() bool { return d.file.recovering.Load() }

// Recovered ends the recovery, durably. From then on the directory answers for
// every daemon whose holder has reported. Errors: ErrFailed, ErrClosed.
func (d *DB) Recovered() error {
	if err := d.file.recovered(); err != nil {
		return err
	}
	d.Table.Recovered()
	return nil
}

// Close lets go of the file. Calls that are under way end first, watches excepted,
// which end with their contexts.
func (d *DB) Close() error { return d.file.close() }

// file is the directory.Store.
type file struct {
	db         *bbolt.DB
	os         *os.File // the file of db, for when opening it fails half way
	meta       meta     // as the file was opened
	recovering atomic.Bool
	failed     atomic.Bool
	full       atomic.Bool // and that was for lack of room, so that another try may succeed
	path       string
	wake       directory.Wake
	// commits is held while a transaction is written and synced. bbolt shows it to readers in between, when a
	// power failure can still undo it; nothing may be answered from it before.
	commits sync.RWMutex
}

// open opens the database and makes what it holds durable: the last process may
// have died between a write and its sync.
func (f *file) open(path string, recovering bool) (err error) {
	f.db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: time.Nanosecond, // of waiting for the lock: zero would wait for ever
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			f.os, err = os.OpenFile(name, flag, perm)
			if err == nil {
				err = f.check(!recovering)
			}
			return f.os, err
		},
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrLocked, path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %s: %w", directory.ErrDamaged, path, err)
	case err != nil:
		return fmt.Errorf("bolt: %s: %w", path, err)
	}
	return f.db.Sync()
}

// check looks at the pages of a file before bbolt does. It takes the lock first, which bbolt
// then takes again: the pages of a file that another process writes are never whole.
func (f *file) check(bothMetas bool) error {
	if err := lock(f.os); err != nil {
		return bolterrors.ErrTimeout
	}
	info, err := f.os.Stat()
	if err != nil || info.Size() == 0 { // bbolt lays out a new file
		return err
	}
	return checkPages(f.os, info.Size(), bothMetas)
}

// abandon closes what a failed open has left, so that its lock is free again.
func (f *file) abandon() error {
	if f.os == nil {
		return nil
	}
	if err := f.os.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// close closes the database.
func (f *file) close() error {
	f.commits.Lock()
	defer f.commits.Unlock()
	f.full.Store(false) // who has closed it does not want it open again
	if err := f.db.Close(); err != nil {
		return fmt.Errorf("bolt: %w", err)
	}
	return nil
}

// syncDir makes the file's name durable. Windows cannot sync directories and does
// not need it.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("bolt: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// guard turns what a damaged page does to bbolt, a panic or a fault in its map of
// the file, into an error.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", directory.ErrDamaged, p)
		}
	}()
	return f()
}

// View implements directory.Store.
func (f *file) View(ctx context.Context, origin uint64, read func(directory.Reader) error) error {
	f.repair()
	f.commits.RLock()
	defer f.commits.RUnlock()
	if err := f.usable(ctx); err != nil {
		return err
	}
	return closed(guard(func() error {
		return f.db.View(func(tx *bbolt.Tx) error { return read(reader{tx, origin}) })
	}))
}

// Update implements directory.Store.
func (f *file) Update(ctx context.Context, origin uint64, step func(directory.Reader) (*directory.Change, error)) error {
	f.repair()
	if err := f.usable(ctx); err != nil {
		return err
	}
	return f.update(func(tx *bbolt.Tx, m *meta) (bool, error) {
		change, err := step(reader{tx, origin})
		if err != nil || change == nil {
			return false, err
		}
		return true, write(tx, m, origin, change)
	})
}

// Changed implements directory.Store.
func (f *file) Changed(ctx context.Context, _ uint64) (<-chan struct{}, error) {
	return f.wake.Changed(), f.usable(ctx)
}

func (f *file) usable(ctx context.Context) error {
	if f.failed.Load() {
		return ErrFailed
	}
	return ctx.Err()
}

// repair opens the file again after a write that found no room, as whoever closed and opened it by hand would: what the
// failed transaction left is then read from the file and nowhere else, and is whole or nothing. After a sync that failed only a
// new process may look, and nobody here does.
func (f *file) repair() {
	if !f.full.Load() {
		return
	}
	f.commits.Lock()
	defer f.commits.Unlock()
	if !f.full.Load() || f.db.Close() != nil {
		return
	}
	again := &file{path: f.path}
	if guard(func() error { return again.open(f.path, false) }) != nil {
		_ = again.abandon() // the next call tries again
		return
	}
	if guard(func() error { return again.begin(false) }) != nil {
		_ = again.close()
		return
	}
	f.db, f.os = again.db, again.os
	f.full.Store(false)
	f.failed.Store(false)
}

// noRoom reports whether a write failed because the disk is full. It did not reach the disk then, and no sync was tried.
func noRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// errUnchanged ends a transaction that has nothing to write.
var errUnchanged = errors.New("bolt: nothing to write")

// update runs one transaction. If its commit fails, the file may hold it or not,
// and bbolt's view of the file may be ahead of the disk: nothing is answered from
// it any more.
func (f *file) update(step func(*bbolt.Tx, *meta) (changed bool, err error)) error {
	f.commits.Lock()
	defer f.commits.Unlock()
	committing := false
	err := guard(func() error {
		return f.db.Update(func(tx *bbolt.Tx) error {
			if f.failed.Load() {
				return ErrFailed
			}
			m, err := getMeta(tx)
			if err != nil {
				return err
			}
			changed, err := step(tx, &m)
			if err == nil && !changed {
				err = errUnchanged
			}
			if err == nil {
				err = m.put(tx)
			}
			committing = err == nil
			return err
		})
	})
	switch {
	case err == nil:
		f.wake.Wake()
		return nil
	case errors.Is(err, errUnchanged):
		return nil
	case committing:
		f.failed.Store(true)
		f.full.Store(noRoom(err))
		return fmt.Errorf("%w: %w: %w", directory.ErrUnclear, ErrFailed, err)
	}
	return closed(err)
}

// closed names the error of a database that was closed.
func closed(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
