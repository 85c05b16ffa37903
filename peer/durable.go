package peer

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

const (
	flushEvery = 100 * time.Millisecond // how long a daemon of durability handover leaves its log unsynced
	retryDisk  = 200 * time.Millisecond // how often a write is tried again on a disk that is full
)

// openJournal locks the data directory and reads what an earlier process has left.
func (p *Peer) openJournal() error {
	if p.cfg.DataDir == "" {
		if p.cfg.Durability > wire.DurabilityMemory {
			return fmt.Errorf("peer: durability %v needs Config.DataDir", p.cfg.Durability)
		}
		return nil
	}
	cfg := p.cfg.Journal
	if cfg.Salt == 0 {
		var salt [8]byte
		if _, err := rand.Read(salt[:]); err != nil {
			return fmt.Errorf("peer: %w", err)
		}
		cfg.Salt = binary.BigEndian.Uint64(salt[:])
	}
	j, err := journal.Open(journal.NewDisk(p.cfg.DataDir), cfg)
	if err != nil {
		return fmt.Errorf("peer: %s: %w", p.cfg.DataDir, err)
	}
	p.journal = j
	return nil
}

// wait returns once a place in the journal is durable. A disk that takes no writes holds up whoever waits, and
// with them every acknowledgment, until it does again; nothing is lost meanwhile. After a sync that failed
// nobody knows what is on the disk, and only a restart can find out.
func (p *Peer) wait(at journal.Position) error {
	if at == 0 {
		return nil
	}
	for {
		err := p.journal.Wait(at)
		switch {
		case err == nil:
			p.diskWorks()
			return nil
		case errors.Is(err, journal.ErrSync):
			p.cfg.Fatal(err)
			return err
		case !errors.Is(err, journal.ErrDiskFull):
			return err
		}
		p.diskFails(err)
		select {
		case <-p.ctx.Done():
			return ErrClosed
		case <-time.After(retryDisk):
		}
	}
}

func (p *Peer) diskFails(err error) {
	if p.diskError.Swap(&err) == nil {
		p.log.Error().Err(err).Msg("the journal cannot be written: nothing is acknowledged until the disk takes writes again, nothing is lost; make room in the data directory")
	}
}

func (p *Peer) diskWorks() {
	if p.diskError.Load() != nil && p.diskError.Swap(nil) != nil {
		p.log.Info().Msg("the journal is written again; what waited is being acknowledged")
	}
}

// DiskError returns why the journal cannot be written at present, nil if it can.
func (p *Peer) DiskError() error {
	if err := p.diskError.Load(); err != nil {
		return *err
	}
	return nil
}

// Usage returns how many bytes the node's journal takes on disk: its log, and the snapshots beside it.
func (p *Peer) Usage() (log, snapshots int64) {
	if p.journal == nil {
		return 0, 0
	}
	return p.journal.Usage()
}

// keepJournal syncs what nobody waits for, and gives a new base to daemons that keep old parts of the log
// alive.
func (p *Peer) keepJournal() {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
		}
		if p.journal.Pending() > 0 && p.wait(p.journal.Last()) != nil {
			return
		}
		for _, origin := range p.executor.Due(now()) {
			p.queues.push(p, node.Call{Origin: origin, Op: node.Checkpoint{}})
		}
	}
}

// compact writes a new base beside the daemon's queue.
func (p *Peer) compact(view node.Checkpointed) {
	if view.Err != nil {
		p.log.Warn().Err(view.Err).Msg("a daemon's log could not be shortened; it is tried again after a pause")
		return
	}
	p.wg.Go(func() {
		if err := p.executor.Compact(view, p.wait); err != nil && p.ctx.Err() == nil {
			p.log.Warn().Err(err).Msg("a daemon's log could not be shortened; it is tried again after a pause")
		}
	})
}
