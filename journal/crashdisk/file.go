package crashdisk

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"syscall"
)

// file is an open file of one process.
type file struct {
	d    *Disk
	n    *node
	name string
	boot int
}

// enter locks the disk and refuses a process that is gone.
func (f *file) enter() error {
	f.d.mu.Lock()
	if f.boot != f.d.boot {
		return ErrCrashed
	}
	return nil
}

// ReadAt reads what is seen.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes what room there is for. To write once more what is there needs none.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n := int64(len(p))
	if !f.n.holds(p, off) {
		n = f.d.room(n)
	}
	if n > 0 {
		f.n.do(write{off, slices.Clone(p[:n])})
	}
	if n < int64(len(p)) {
		return int(n), &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	return len(p), nil
}

// holds reports whether these bytes are there already.
func (n *node) holds(p []byte, off int64) bool {
	end := off + int64(len(p))
	return end <= int64(len(n.data)) && bytes.Equal(p, n.data[off:end])
}

// room takes up to n bytes of what is left.
func (d *Disk) room(n int64) int64 {
	if d.full {
		return 0
	}
	if d.writes < 0 {
		return n
	}
	n = min(n, d.writes)
	d.writes -= n
	d.full = d.writes == 0
	return n
}

// Size returns the length that is seen.
func (f *file) Size() (int64, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	return int64(len(f.n.data)), err
}

// Truncate sets the length.
func (f *file) Truncate(size int64) error {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return err
	}
	f.n.do(write{off: size})
	return nil
}

// Allocate extends the file by zeros.
func (f *file) Allocate(size int64) error {
	err := f.enter()
	defer f.d.mu.Unlock()
	switch {
	case err != nil:
		return err
	case int64(len(f.n.data)) >= size:
		return nil
	case f.d.full:
		return &fs.PathError{Op: "allocate", Path: f.name, Err: syscall.ENOSPC}
	}
	f.n.do(write{off: size})
	return nil
}

// Sync makes what is seen durable.
func (f *file) Sync() error {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return err
	}
	f.d.syncs++
	if f.d.broken {
		f.n.unsync()
		return &fs.PathError{Op: "sync", Path: f.name, Err: syscall.EIO}
	}
	for _, w := range f.n.pending {
		f.n.durable = w.apply(f.n.durable)
	}
	f.n.pending, f.n.stuck = nil, nil
	return nil
}

// unsync is what a system does with writes that it could not bring to the disk: it says so once, and counts them as
// done. They can be read as long as it runs, and no later sync is about them. The size is not in the same danger: file
// systems journal it, like names.
func (n *node) unsync() {
	var sizes []write
	for _, w := range n.pending {
		if w.data == nil {
			sizes = append(sizes, w)
		} else {
			n.stuck = append(n.stuck, w)
		}
	}
	n.pending = sizes
}

// Close does nothing: what counts is what was synced.
func (f *file) Close() error { return nil }

func (n *node) do(w write) {
	n.data = w.apply(n.data)
	n.pending = append(n.pending, w)
}

func (w write) apply(b []byte) []byte {
	end := w.off + int64(len(w.data))
	if w.data == nil {
		if end < int64(len(b)) {
			return slices.Clip(b[:end])
		}
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[w.off:], w.data)
	return b
}
