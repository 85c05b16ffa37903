package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// disk is a file system in memory that is mounted at a node's directory, so that it can be full.
type disk struct{ dir string }

// diskBytes leaves room for the segments that a journal preallocates.
const diskBytes = 512 << 20

// canMount reports whether this process may mount file systems.
func canMount() bool {
	dir, err := os.MkdirTemp("", "ferry-chaos-disk-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	d, err := mountDisk(dir)
	return err == nil && d.unmount() == nil
}

func mountDisk(dir string) (*disk, error) {
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskBytes)); err != nil {
		return nil, fmt.Errorf("mounting a disk at %s: %w", dir, err)
	}
	return &disk{dir}, nil
}

// unmount gives the disk back, with everything on it. A nil disk is none.
func (d *disk) unmount() error {
	if d == nil {
		return nil
	}
	return syscall.Unmount(d.dir, 0)
}

// ballast is the file that fills a disk.
func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room on the disk, without writing all of it.
func (d *disk) fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer f.Close()
	// Halving finds the end: what does not fit as a whole fits in parts.
	at := int64(0)
	for size := int64(diskBytes); size >= 1<<12; {
		err := syscall.Fallocate(int(f.Fd()), 0, at, size)
		switch {
		case err == nil:
			at += size
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("filling %s: %w", d.dir, err)
		}
	}
	return nil
}

// relieve makes room again.
func (d *disk) relieve() error {
	err := os.Remove(d.ballast())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// preserve copies what is on the disk of a node to where it does not vanish with the run. A node without a
// disk of its own has nothing that would.
func (m *member) preserve() error {
	if m.disk == nil {
		return nil
	}
	return filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		to := m.dir + ".data" + strings.TrimPrefix(path, m.dir)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(to, 0o700)
		case !d.Type().IsRegular() || path == m.disk.ballast():
			return nil // sockets, and what only takes room
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o600)
	})
}
