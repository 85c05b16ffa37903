package peer

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
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
	incoming map[uint64]transport.SnapshotReader
	feeds    map[wire.MigrationID]*feed // of restores
	live     map[uint64]*traffic        // of daemons that are being copied
	running  atomic.Int32               // the length of live
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

// watch counts the events of a daemon until stop is called.
func (c *copies) watch(origin uint64) (t *traffic, stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		c.live = make(map[uint64]*traffic)
	}
	t = new(traffic)
	c.live[origin] = t
	c.running.Store(int32(len(c.live)))
	return t, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.live[origin] == t { // a later stream of the same view has one of its own
			delete(c.live, origin)
			c.running.Store(int32(len(c.live)))
		}
	}
}

// opened keeps an incoming stream until the core says what becomes of it.
func (c *copies) opened(r transport.SnapshotReader) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.incoming == nil {
		c.incoming = make(map[uint64]transport.SnapshotReader)
	}
	c.last++
	c.incoming[c.last] = r
	return c.last
}

func (c *copies) take(stream uint64) transport.SnapshotReader {
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

// restoring notes what a restore reads from, until done is called.
func (c *copies) restoring(id wire.MigrationID, f *feed) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.feeds == nil {
		c.feeds = make(map[wire.MigrationID]*feed)
	}
	c.feeds[id] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.feeds[id] == f { // the id may have begun anew since the result was posted
			delete(c.feeds, id)
		}
	}
}

// feed returns what a restore reads from, nil if none runs.
func (c *copies) feed(id wire.MigrationID) *feed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.feeds[id]
}

// cancelRestore ends a restore that is no longer wanted.
func (c *copies) cancelRestore(id wire.MigrationID) {
	if f := c.feed(id); f != nil {
		f.close()
	}
}

// closeFeeds ends all restores.
func (c *copies) closeFeeds() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.feeds {
		f.close()
	}
}

// startCopy streams a snapshot view to the target. The view stays the core's, which closes it by a call; one that is
// being copied when the node closes has nobody else.
func (p *Peer) startCopy(c node.Copy) {
	ctx, cancel := context.WithCancel(p.ctx)
	p.copies.started(c.Ref.Migration, cancel)
	p.wg.Go(func() {
		defer cancel()
		sent, err := p.copySnapshot(ctx, c)
		// A node that is closing may never look at what it has taken.
		if !p.post(node.Copied{Migration: c.Ref.Migration, Serial: c.Serial, Bytes: sent, Done: err == nil, Err: err}) || p.ctx.Err() != nil {
			c.Snapshot.Close()
		}
	})
}

func (p *Peer) copySnapshot(ctx context.Context, c node.Copy) (uint64, error) {
	w, err := p.net.OpenSnapshot(ctx, transport.SessionID(c.Session), c.Ref)
	if err != nil {
		return 0, err
	}
	w.Start(c.From)
	traffic, unwatch := p.copies.watch(c.Ref.Origin)
	defer unwatch()
	m := &meter{
		w: w, skip: c.From, piece: meterPiece, ctx: ctx,
		busy: busy{traffic: traffic}, yield: rate.NewLimiter(busyRate, meterPiece),
		report: func(n uint64) { p.post(node.Copied{Migration: c.Ref.Migration, Serial: c.Serial, Bytes: n}) },
	}
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
	f := newFeed(r, op.From)
	done := p.copies.restoring(op.Migration, f)
	p.wg.Go(func() {
		defer f.close()
		defer done()
		result := p.executor.Restore(op, &capped{r: f, left: p.cfg.MaxSnapshot, beyond: p.tooLarge}, func(head crypto.Head) {
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
	meterPiece  = 64 << 10
	meterEvery  = 50 * time.Millisecond
	meterAtOnce = 1 << 20
)

// meter counts what passes, reports it now and then, and keeps to the rates there are.
type meter struct {
	w        io.Writer
	ctx      context.Context // ends the copy
	limit    *rate.Limiter   // nil without a cap
	busy     busy
	yield    *rate.Limiter // while the daemon is busy
	piece    int           // the most that is written at once, and the limit's burst
	skip     uint64        // bytes that are left out before anything is written
	sent     uint64        // bytes of the snapshot that are behind us, those left out counted
	reported uint64
	at       time.Time
	report   func(uint64)
}

func (m *meter) Write(b []byte) (int, error) {
	done := int(min(m.skip, uint64(len(b))))
	m.skip -= uint64(done)
	m.sent += uint64(done)
	for done < len(b) {
		piece := b[done:min(len(b), done+m.piece)]
		if err := m.wait(len(piece)); err != nil {
			return done, err
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

// wait keeps to the rates for the next n bytes.
func (m *meter) wait(n int) error {
	if m.limit != nil {
		if err := m.limit.WaitN(m.ctx, n); err != nil {
			return err
		}
	}
	if !m.busy.now(now()) {
		return nil
	}
	return m.yield.WaitN(m.ctx, n)
}

func (m *meter) tell() {
	t := now()
	if m.sent-m.reported < meterAtOnce && t.Sub(m.at) < meterEvery {
		return
	}
	m.reported, m.at = m.sent, t
	m.report(m.sent)
}
