package bench

import (
	"math"
	"time"
)

// clock says when events are due. Event i is due i/rate after the start, whatever became of those before it.
type clock struct {
	start time.Time
	rate  float64
	count uint64
	woken time.Time // when the last wait ended
	timer *time.Timer
}

// newClock begins to count at start. Stop it when it is not needed any more.
func newClock(start time.Time, rate float64) *clock {
	return &clock{start: start, rate: rate, timer: time.NewTimer(time.Hour)}
}

// next waits until the next event is due, and returns when its latency begins; false once quit or done is
// closed.
//
// An event that was held up by one before it counts from when it was due: whoever submits at that rate waits
// that long. One that is late only because a timer fires late counts from then: that is not the node's doing.
func (c *clock) next(quit, done <-chan struct{}) (from time.Time, ok bool) {
	due := c.start.Add(time.Duration(math.Round(float64(c.count) / c.rate * float64(time.Second))))
	c.count++
	// Past the end the wait below may not be reached at all.
	select {
	case <-quit:
		return due, false
	case <-done:
		return due, false
	default:
	}
	if wait := time.Until(due); wait > 0 {
		c.timer.Reset(wait)
		select {
		case <-c.timer.C:
		case <-quit:
			return due, false
		case <-done:
			return due, false
		}
		c.woken = time.Now()
	}
	if c.woken.After(due) {
		return c.woken, true
	}
	return due, true
}

// stop gives back the timer.
func (c *clock) stop() { c.timer.Stop() }
