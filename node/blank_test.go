package node_test

import (
	"bytes"
	"io"

	"github.com/ferrymesh/ferry/daemon"
)

// blank is a daemon without state.
type blank struct{}

func (blank) Process(daemon.Event) ([][]byte, error) { return nil, nil }
func (blank) Snapshot() (io.WriterTo, error)         { return new(bytes.Buffer), nil }
func (blank) Restore(r io.Reader) error              { _, err := io.Copy(io.Discard, r); return err }
