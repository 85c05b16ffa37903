// Package crashdisk is a disk in memory that does what a real one may do when the power fails: forget what was
// not synced, in part and in any order, and tear it. Everything follows from the random source that is passed in,
// so that a seed is a crash that can be repeated.
//
// A file has two states: what a reader sees, and what is durable, which Sync sets to the former, but for what an
// earlier Sync has failed on ([Disk.BreakSync]). A folder has them too, as a set of names; SyncDir sets it. Between
// the two are the changes since, in order. [Disk.Crash] lets some of them have happened.
package crashdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"
	"syscall"

	"github.com/ferrymesh/ferry/journal"
)

// ErrCrashed is the answer to everything that a process does on a disk after a crash, until it opens it anew.
var ErrCrashed = errors.New("crashdisk: the process is gone")

// Mode says what is left of what was not synced.
type Mode uint8

// The modes.
const (
	Kill  Mode = iota // the process died and the system lives: everything that was written is there
	Lose              // the power failed: nothing of it is there
	Tear              // the power failed: some of it is there, in any order, each write up to any byte
	modes             // how many there are
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{Kill, Lose, Tear} }

// String returns "kill", "lose" or "tear".
func (m Mode) String() string {
	if m >= modes {
		return fmt.Sprintf("mode %d", uint8(m))
	}
	return [...]string{"kill", "lose", "tear"}[m]
}

// Disk is a journal.Disk in memory. It is safe for concurrent use.
type Disk struct {
	mu      sync.Mutex
	names   map[string]*node // as seen
	durable map[string]*node
	ops     []op // changes of names since, in order
	boot    int  // grows with each crash: files and locks of an earlier one are dead
	locked  bool
	full    bool
	broken  bool
	writes  int64 // until full; negative is no limit
	syncs   int
}

// op is a change of a folder: name is n, or gone if n is nil. A rename also takes old away, in the same instant.
type op struct {
	name, old string
	n         *node
}

// node is a file without its name.
type node struct {
	data    []byte
	durable []byte
	pending []write
	stuck   []write // those that a failed sync was to make durable, and the next sync will not
}

// write is a change of a file since its last sync: bytes at an offset, or if data is nil, a new size.
type write struct {
	off  int64
	data []byte
}

// New returns an empty disk.
func New() *Disk {
	return &Disk{names: make(map[string]*node), durable: make(map[string]*node), writes: -1}
}

var _ journal.Disk = (*Disk)(nil)

// Full makes every write, creation and allocation fail with ENOSPC, or lets them succeed again.
func (d *Disk) Full(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full, d.writes = full, -1
}

// FullAfter makes the disk full when so many more bytes have been written. The write that exceeds them is done in part.
func (d *Disk) FullAfter(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full, d.writes = false, n
}

// BreakSync makes every sync fail with EIO, or lets them succeed again. Nothing becomes durable by one that fails. What
// was written to a file before can still be read, and a later sync that succeeds does not make it durable either,
// unless it has been written once more.
func (d *Disk) BreakSync(broken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = broken
}

// Syncs returns how many syncs of files and folders there were.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Names returns every file, sorted.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names))
}

// Read returns the content of a file, or nil without one.
func (d *Disk) Read(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.names[name]; n != nil {
		return slices.Clone(n.data)
	}
	return nil
}

// Write makes a durable file of that content, or replaces one.
func (d *Disk) Write(name string, content []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := &node{data: slices.Clone(content), durable: slices.Clone(content)}
	d.names[name], d.durable[name] = n, n
}

// Clone returns a disk with the same files, all durable, that nobody has open.
func (d *Disk) Clone() *Disk {
	c := New()
	for _, name := range d.Names() {
		c.Write(name, d.Read(name))
	}
	return c
}

// Create makes a file.
func (d *Disk) Create(name string) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if d.full {
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	n := &node{}
	d.change(op{name: name, n: n})
	return &file{d, n, name, d.boot}, nil
}

// Open opens a file.
func (d *Disk) Open(name string) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{d, n, name, d.boot}, nil
}

// Rename renames a file.
func (d *Disk) Rename(oldname, newname string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[oldname]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: oldname, Err: fs.ErrNotExist}
	}
	d.change(op{name: newname, old: oldname, n: n})
	return nil
}

// Remove deletes a file.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names[name] != nil {
		d.change(op{name: name})
	}
	return nil
}

// List returns the files of a folder.
func (d *Disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.names {
		if path.Dir(name) == path.Clean(dir) {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir makes the names in a folder durable.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if d.broken {
		return &fs.PathError{Op: "sync", Path: dir, Err: syscall.EIO}
	}
	var later []op
	for _, o := range d.ops {
		if path.Dir(o.name) == path.Clean(dir) {
			o.apply(d.durable)
		} else {
			later = append(later, o)
		}
	}
	d.ops = later
	return nil
}

// Lock takes the lock. A crash takes it away.
func (d *Disk) Lock() (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, journal.ErrLocked
	}
	d.locked = true
	return &lock{d, d.boot}, nil
}

type lock struct {
	d    *Disk
	boot int
}

// Close lets go of the lock.
func (l *lock) Close() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if l.boot == l.d.boot {
		l.d.locked = false
	}
	return nil
}

func (d *Disk) change(o op) {
	o.apply(d.names)
	d.ops = append(d.ops, o)
}

func (o op) apply(names map[string]*node) {
	if o.old != "" {
		delete(names, o.old)
	}
	if o.n == nil {
		delete(names, o.name)
	} else {
		names[o.name] = o.n
	}
}
