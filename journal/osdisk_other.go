//go:build !linux

package journal

import "os"

func allocate(f *os.File, from, to int64) error { return writeZeros(f, from, to) }

func syncData(f *os.File) error { return f.Sync() }
