package main

import (
	"bytes"
	"io"

	"github.com/ferrymesh/ferry/daemon"
)

// idle is a daemon that does nothing: what it costs is the library's.
type idle struct{}

func newIdle() daemon.Daemon { return idle{} }

// Process drops the event.
func (idle) Process(daemon.Event) ([][]byte, error) { return nil, nil }

// Snapshot returns a view of no bytes.
func (idle) Snapshot() (io.WriterTo, error) { return bytes.NewReader(nil), nil }

// Restore reads to the end, which is where the stream is verified.
func (idle) Restore(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// blobSize is the state of a small daemon in bytes.
const blobSize = 16 << 10

// blob is a daemon whose state is a piece of memory.
type blob struct{ state []byte }

func newBlob() daemon.Daemon { return &blob{make([]byte, blobSize)} }

// Process changes a byte.
func (b *blob) Process(ev daemon.Event) ([][]byte, error) {
	b.state[ev.Link.Sequence%blobSize]++
	return nil, nil
}

// Snapshot copies the state, which is small.
func (b *blob) Snapshot() (io.WriterTo, error) { return blobView(bytes.Clone(b.state)), nil }

// Restore reads the state.
func (b *blob) Restore(r io.Reader) error {
	if _, err := io.ReadFull(r, b.state); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, r) // to the end, which is where the stream is verified
	return err
}

// blobView is the state as it was.
type blobView []byte

// WriteTo writes it.
func (v blobView) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(v)
	return int64(n), err
}

// Len is what WriteTo will write.
func (v blobView) Len() int64 { return int64(len(v)) }
