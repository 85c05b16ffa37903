package daemon

import (
	"bytes"
	"fmt"
	"io"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Restore builds a host from a snapshot: it streams the state into d, which
// must be fresh from its factory, and returns a dark host that can be replayed
// into and answers no one until Activate. key is this node's for the epoch to
// come: a handover counts only if it certifies the public half. The
// host owns both from now on.
//
// Every chunk is verified before d sees a byte of it, and the trailer before
// the host exists. Whatever fails, d is spoilt and has been closed; key is
// untouched. The errors match wire.ErrStateFailed, and with it
// wire.ErrBadSnapshot if the stream was to blame, or else the daemon's own
// error, or that of the view. ErrConsumed and ErrClosed: the snapshot is of no
// more use. ErrConfig and crypto.ErrCannotSign: nothing was read.
//
// Of cfg only Now and Node count; the rest came with the snapshot. A snapshot
// taken in this process is written to memory first, whole.
func Restore(s *Snapshot, d Daemon, key *crypto.EntityKeypair, cfg HostConfig) (*Host, error) {
	h, err := restoreHost(s, d, key, cfg)
	if err != nil {
		closeDaemon(d)
		return nil, err
	}
	return h, nil
}

// restoreHost is Restore without the closing.
func restoreHost(s *Snapshot, d Daemon, key *crypto.EntityKeypair, cfg HostConfig) (*Host, error) {
	if err := checkParts(d, key); err != nil {
		return nil, err
	}
	if s.state == nil {
		return restoreCopy(s, d, key, cfg)
	}
	if err := s.begin(); err != nil {
		return nil, fmt.Errorf("daemon: restore: %w", err)
	}
	defer s.end()
	if err := s.load(d); err != nil {
		return nil, fmt.Errorf("daemon: restore: %w: %w", wire.ErrStateFailed, err)
	}
	return &Host{
		origin: s.header.head.Origin, name: s.header.name, now: cfg.Now, node: cfg.Node,
		d: d, key: key, producers: s.table, snapshots: s.header.head.Sequence,
		state: dark, head: s.header.head, epoch: s.header.epoch, passport: s.header.passport,
	}, nil
}

// load streams the state into d and makes sure that all of it was genuine.
// Trouble of the stream comes before what the daemon made of it.
func (s *Snapshot) load(d Daemon) error {
	err := restore(d, s.state)
	if s.state.src.err != nil {
		return s.state.src.err
	}
	if err != nil {
		return err
	}
	return s.state.drain()
}

// restore runs the daemon's code.
func restore(d Daemon, r io.Reader) (err error) {
	defer recovered("Restore", &err)
	return d.Restore(r)
}

// restoreCopy restores from the snapshot of a host in this process, by way of
// its bytes, so that the two daemons share nothing.
func restoreCopy(s *Snapshot, d Daemon, key *crypto.EntityKeypair, cfg HostConfig) (*Host, error) {
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("daemon: restore: %w", err)
	}
	read, err := ReadSnapshot(&b)
	if err != nil {
		return nil, fmt.Errorf("daemon: restore: %w", err)
	}
	return restoreHost(read, d, key, cfg)
}
