package bench

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
)

// subject is one daemon of the run. What is below mu is shared by its producers.
type subject struct {
	daemon    client.Daemon
	producers []*producer
	at        int          // the target that it is at, -1 at home; of the run's own goroutines
	state     atomic.Int32 // a where, never beside: the producers look at it

	mu       sync.Mutex
	awaiting int
	last     time.Time // the newest acknowledgment, or when something began to be awaited after nothing was
	epoch    uint64    // of the newest acknowledgment
}

// sent notes that one more event is awaited from now on.
func (s *subject) sent(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.awaiting == 0 {
		s.last = now // nothing was awaited before: the silence until now is nobody's
	}
	s.awaiting++
}

// acked notes an acknowledgment. For the first one of a new epoch it returns how long that was awaited since
// the last one of the epoch before.
func (s *subject) acked(now time.Time, epoch uint64) (silence time.Duration, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = s.epoch != 0 && epoch > s.epoch
	silence = now.Sub(s.last)
	s.awaiting, s.last, s.epoch = s.awaiting-1, now, max(s.epoch, epoch)
	return silence, changed
}

// waiting returns how long the producers have waited for any acknowledgment at all.
func (s *subject) waiting(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.awaiting == 0 {
		return 0
	}
	return now.Sub(s.last)
}

// load feeds all daemons of a run. The first thing that goes wrong ends it, through fail.
type load struct {
	o        Options
	c        *client.Client
	subjects []*subject
	figures  *figures
	moves    *atomic.Int32 // how many daemons move at present
	fail     func(error)

	ctx     context.Context // of the streams; canceled by fail, not by the end of the run
	quit    chan struct{}   // closed when nothing more is to be submitted
	running sync.WaitGroup
	began   time.Time
	ended   time.Time
}

// producer is one stream of events to one daemon. trail and acknowledged belong to the receiving side until the load
// has ended, submitted to the sending side.
type producer struct {
	s        *subject
	label    string
	id       crypto.ProducerID
	payloads *payloads
	stream   *client.Stream
	pending  chan event // submitted and not acknowledged, in order

	submitted, acknowledged uint64
	trail                   kinds.AuditTrail // of the acknowledged events
}

// event is one that awaits its acknowledgment.
type event struct {
	seq     uint64
	from    time.Time // when its latency began
	where   where
	payload []byte
}

// maxPending is how many events a producer has under way before it waits. Those that are held up count from
// when they were due.
const maxPending = 16 << 10

// start lets all producers begin, evenly spread over the time between two events of one.
func (l *load) start(ctx context.Context) {
	l.ctx, l.quit, l.began = ctx, make(chan struct{}), time.Now()
	var all []*producer
	for _, s := range l.subjects {
		all = append(all, s.producers...)
	}
	each := l.o.Rate / float64(len(all))
	for i, p := range all {
		p.pending = make(chan event, maxPending)
		p.stream = l.c.Stream(ctx, p.s.daemon.ID, p.label, "")
		begin := l.began.Add(time.Duration(float64(i) / l.o.Rate * float64(time.Second)))
		l.running.Go(func() { l.send(p, newClock(begin, each)) })
		l.running.Go(func() { l.receive(p) })
	}
	go l.watch()
}

// stop waits until everything that was submitted is acknowledged, or the load has failed.
func (l *load) stop() {
	close(l.quit)
	l.running.Wait()
	l.ended = time.Now()
}

// send submits an event whenever one is due.
func (l *load) send(p *producer, clock *clock) {
	defer close(p.pending)
	defer p.stream.CloseSend()
	defer clock.stop()
	for {
		from, ok := clock.next(l.quit, l.ctx.Done())
		if !ok {
			return
		}
		ev := event{seq: p.submitted + 1, from: from, where: l.where(p.s), payload: p.payloads.next()}
		select {
		case p.pending <- ev:
		case <-l.ctx.Done():
			return
		}
		p.submitted++
		p.s.sent(from)
		l.figures.sent()
		if p.stream.Send(ev.seq, ev.payload) != nil {
			return // the stream has ended, and its other side knows why
		}
	}
}

// where is what is so of a daemon at present.
func (l *load) where(s *subject) where {
	w := where(s.state.Load())
	if w != moving && l.moves.Load() > 0 {
		return beside
	}
	return w
}

// receive takes the acknowledgments, which come in the order of submission.
func (l *load) receive(p *producer) {
	defer p.stream.Close()
	for {
		r, err := p.stream.Receive()
		now := time.Now()
		if errors.Is(err, io.EOF) {
			if _, open := <-p.pending; open {
				l.fail(client.Problemf(client.CodeUnreachable, "stream_ended", "the node has ended the stream of events to %s before all were acknowledged", p.s.daemon.Label()))
			}
			return
		}
		if err == nil {
			err = l.take(p, r, now)
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

// take holds one acknowledgment against the event that is next.
func (l *load) take(p *producer, r client.Receipt, now time.Time) error {
	if r.Problem != nil {
		return r.Problem
	}
	ev, open := <-p.pending
	if !open || ev.seq != r.ProducerSeq {
		return client.Problemf(client.CodeError, "wrong_receipt", "event %d of %s to %s was acknowledged under the number %d", ev.seq, p.label, p.s.daemon.Label(), r.ProducerSeq)
	}
	p.acknowledged++
	p.trail.Record(ev.seq, ev.payload)
	l.figures.acked(ev.where, now.Sub(ev.from))
	if silence, changed := p.s.acked(now, r.Epoch); changed {
		l.figures.silent(silence)
	}
	return nil
}

// watch ends the load when a daemon answers nobody any more.
func (l *load) watch() {
	look := time.NewTicker(max(l.o.Timeout/8, time.Millisecond))
	defer look.Stop()
	for {
		select {
		case now := <-look.C:
			for _, s := range l.subjects {
				if s.waiting(now) >= l.o.Timeout {
					l.fail(&stalled{s})
					return
				}
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// stalled is the error of a daemon that has answered nobody for too long.
type stalled struct{ s *subject }

func (e *stalled) Error() string {
	return "no event of " + e.s.daemon.Label() + " is acknowledged any more"
}
