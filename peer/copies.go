package peer

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// copies tracks snapshot streams in both directions.
type copies struct {
	mu       sync.Mutex
	outgoing map[wire.MigrationID]context.CancelFunc
	incoming map[uint64]io.ReadCloser
	restores map[wire.MigrationID]io.Closer
	last     uint64
}

func (c *copies) stop(id wire.MigrationID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.outgoing[id]; cancel != nil {
		cancel()
		delete(c.outgoing, id)
	}
}

func (c *copies) started(id wire.MigrationID, cancel context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outgoing == nil {
		c.outgoing = make(map[wire.MigrationID]context.CancelFunc)
	}
	c.outgoing[id] = cancel
}

// opened keeps an incoming stream until the core says what becomes of it.
func (c *copies) opened(r io.ReadCloser) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.incoming == nil {
		c.incoming = make(map[uint64]io.ReadCloser)
	}
	c.last++
	c.incoming[c.last] = r
	return c.last
}

func (c *copies) take(stream uint64) io.ReadCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.incoming[stream]
	delete(c.incoming, stream)
	return r
}

func (c *copies) refuse(stream uint64) {
	if r := c.take(stream); r != nil {
		r.Close()
	}
}

func (c *copies) restoring(id wire.MigrationID, r io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.restores == nil {
		c.restores = make(map[wire.MigrationID]io.Closer)
	}
	c.restores[id] = r
}

func (c *copies) restored(id wire.MigrationID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.restores, id)
}

// cancelRestore cuts the stream of a restore that is no longer wanted, which ends it.
func (c *copies) cancelRestore(id wire.MigrationID) {
	c.mu.Lock()
	r := c.restores[id]
	c.mu.Unlock()
	if r != nil {
		r.Close()
	}
}

// startCopy streams a snapshot view to the target.
func (p *Peer) startCopy(c node.Copy) {
	ctx, cancel := context.WithCancel(p.ctx)
	p.copies.started(c.Ref.Migration, cancel)
	p.wg.Go(func() {
		defer cancel()
		defer c.Snapshot.Close()
		sent, err := p.copySnapshot(ctx, c)
		p.post(node.Copied{Migration: c.Ref.Migration, Bytes: sent, Done: err == nil, Err: err})
	})
}

func (p *Peer) copySnapshot(ctx context.Context, c node.Copy) (uint64, error) {
	w, err := p.net.OpenSnapshot(ctx, transport.SessionID(c.Session), c.Ref)
	if err != nil {
		return 0, err
	}
	m := &meter{w: w, piece: meterPiece, ctx: ctx, report: func(n uint64) { p.post(node.Copied{Migration: c.Ref.Migration, Bytes: n}) }}
	if c.MaxRate > 0 {
		// At least twenty pieces a second, so that a cap shapes a small snapshot too.
		m.piece = int(min(meterPiece, max(c.MaxRate/20, 512)))
		m.limit = rate.NewLimiter(rate.Limit(c.MaxRate), m.piece)
	}
	if _, err := c.Snapshot.WriteTo(m); err != nil {
		w.Cancel(err)
		return m.sent, err
	}
	return m.sent, w.Close()
}

// startRestore reads a snapshot stream into a daemon, beside the daemon's queue.
func (p *Peer) startRestore(call node.Call, op target.CallRestore) {
	r := p.copies.take(op.Stream)
	if r == nil {
		p.wg.Go(func() {
			p.post(node.Done{Call: call, Result: target.Restored{Err: io.ErrUnexpectedEOF}})
		})
		return
	}
	p.copies.restoring(op.Migration, r)
	p.wg.Go(func() {
		defer r.Close()
		defer p.copies.restored(op.Migration)
		result := p.executor.Restore(op, &capped{r: r, left: p.cfg.MaxSnapshot, beyond: p.tooLarge}, func(head crypto.Head) {
			p.post(node.Claimed{Migration: op.Migration, Head: head})
		}, p.wait)
		p.post(node.Done{Call: call, Result: result})
	})
}

// tooLarge refuses a snapshot. The size that a source announces is a hint, so it is counted as well.
func (p *Peer) tooLarge() error {
	return fmt.Errorf("peer: this node takes snapshots of up to %d bytes: %w", p.cfg.MaxSnapshot, wire.ErrTooLarge)
}

// capped reads up to so many bytes and fails if there are more.
type capped struct {
	r      io.Reader
	left   int64
	beyond func() error
}

func (c *capped) Read(b []byte) (int, error) {
	if int64(len(b)) > c.left {
		b = b[:c.left+1] // one more shows that there is more
	}
	n, err := c.r.Read(b)
	if int64(n) > c.left {
		return int(c.left), c.beyond()
	}
	c.left -= int64(n)
	return n, err
}

const (
	meterPiece  = 256 << 10
	meterEvery  = 50 * time.Millisecond
	meterAtOnce = 1 << 20
)

// meter counts what passes, reports it now and then, and keeps to a rate if there is one.
type meter struct {
	w        io.Writer
	ctx      context.Context // ends the copy
	limit    *rate.Limiter
	piece    int // the most that is written at once, and the limit's burst
	sent     uint64
	reported uint64
	at       time.Time
	report   func(uint64)
}

func (m *meter) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		piece := b[done:min(len(b), done+m.piece)]
		if m.limit != nil {
			if err := m.limit.WaitN(m.ctx, len(piece)); err != nil {
				return done, err
			}
		}
		n, err := m.w.Write(piece)
		done += n
		m.sent += uint64(n)
		if err != nil {
			return done, err
		}
		m.tell()
	}
	return done, m.ctx.Err()
}

func (m *meter) tell() {
	t := now()
	if m.sent-m.reported < meterAtOnce && t.Sub(m.at) < meterEvery {
		return
	}
	m.reported, m.at = m.sent, t
	m.report(m.sent)
}
