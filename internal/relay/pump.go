package relay

import (
	"sync"
	"time"
)

// pump runs a lane on the real clock: packets are handed to it by the goroutines that read sockets, and one
// goroutine of its own sends each when it is due.
type pump struct {
	mu   sync.Mutex // guards lane
	lane *lane

	changed chan struct{} // holds one item when the first packet may be another than before
}

func newPump(l *lane) *pump { return &pump{lane: l, changed: make(chan struct{}, 1)} }

// take hands a packet over; the data must not be used any more.
func (p *pump) take(data []byte, send func([]byte)) {
	p.mu.Lock()
	p.lane.take(time.Now(), data, send)
	p.mu.Unlock()
	p.wake()
}

// wake makes run look again.
func (p *pump) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *pump) set(r Rules) {
	p.mu.Lock()
	p.lane.set(r)
	p.mu.Unlock()
	p.wake()
}

func (p *pump) rules() Rules {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lane.rules
}

func (p *pump) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lane.stats
}

// run sends until done is closed.
func (p *pump) run(done <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(p.flush())
		select {
		case <-done:
			return
		case <-p.changed:
		case <-timer.C:
		}
	}
}

// flush sends everything that is due and returns how long the next packet has time. Sending goes on outside
// the lock, so that a slow write does not hold up those who read.
func (p *pump) flush() time.Duration {
	for {
		p.mu.Lock()
		now := time.Now()
		due, waits := p.lane.next()
		item, ready := p.lane.pop(now)
		p.mu.Unlock()
		switch {
		case ready:
			item.send(item.data)
		case waits:
			return due.Sub(now)
		default:
			return time.Hour // take wakes it up
		}
	}
}
