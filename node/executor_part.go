package node

import (
	"io"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/target"
)

// This file is what becomes of a snapshot that has come in part.

// spoolFrom opens the base of a copy behind its first from bytes, which have been there since an earlier process, and a reader
// of those.
func (x *Executor) spoolFrom(st stay, from uint64) (*journal.Spool, io.Reader, error) {
	spool, have, err := x.Journal.Resume(st.copy)
	if err != nil {
		return nil, nil, err
	}
	if err := spool.Truncate(int64(from)); err != nil {
		spool.Abort()
		return nil, nil, err
	}
	return spool, io.LimitReader(have, int64(from)), nil
}

// leaveSpool ends a restore that has not come to its end. What it has read is kept for a later process, unless the
// copy is not wanted any more.
func (x *Executor) leaveSpool(st stay, spool *journal.Spool) {
	if x.stays.live(st.copy) {
		_ = spool.Keep() // what has not come to the disk comes again
		return
	}
	spool.Abort()
}

// dropPart deletes what has come of a copy that has ended.
func (x *Executor) dropPart(st stay) {
	if spool, err := x.Journal.Spool(st.copy); err == nil { // else the next Open deletes it
		spool.Abort()
	}
}

// reviveArrival takes up a migration to this node whose snapshot was still coming in when the process ended. What the
// disk has of the snapshot is kept as far as its chunks are right.
func (x *Executor) reviveArrival(c *journal.Copy, key *crypto.EntityKeypair) (any, journal.Position) {
	spool, have, err := x.Journal.Resume(c.ID)
	if err != nil {
		return Revived{Err: err}, 0
	}
	head, size := daemon.ScanSnapshot(have)
	if err := spool.Truncate(int64(size)); err != nil {
		spool.Abort()
		return Revived{Err: err}, 0
	}
	if err := spool.Keep(); err != nil {
		return Revived{Err: err}, 0
	}
	msg := &c.Preparing.Prepare
	x.stays.begin(moveKey{msg.Migration, c.Origin}, stay{copy: c.ID, durability: c.Durability})
	req := target.Request{Source: c.Preparing.Source, Addrs: c.Preparing.Addrs, Prepare: msg, Key: key}
	return Revived{Kind: msg.Kind, Recovered: &target.Recovered{Request: req, Part: &target.Part{Head: head, Size: size}}}, 0
}
