package demo

import (
	"context"
	"math"
	"time"
)

// schedule says when events are due. Event i is due i/rate after the start, whatever became of those before
// it: one that was held up does not put off the next, and the latency of each counts from when it was due.
// Without a rate every event is due when it is asked for.
type schedule struct {
	start time.Time
	rate  float64
	count uint64
	timer *time.Timer
}

// newSchedule begins to count at start. Stop it when it is not needed any more.
func newSchedule(start time.Time, rate float64) *schedule {
	return &schedule{start: start, rate: rate, timer: time.NewTimer(time.Hour)}
}

// due is when event i is due, counted from 0. It is computed from the start, so nothing adds up.
func (s *schedule) due(i uint64) time.Time {
	return s.start.Add(time.Duration(math.Round(float64(i) / s.rate * float64(time.Second))))
}

// restart begins anew after a pause that was intended.
func (s *schedule) restart(start time.Time) { s.start, s.count = start, 0 }

// next waits until the next event is due and returns when that was.
func (s *schedule) next(ctx context.Context) (time.Time, error) {
	now := time.Now()
	if s.rate == 0 {
		return now, ctx.Err()
	}
	due := s.due(s.count)
	s.count++
	if wait := due.Sub(now); wait > 0 {
		s.timer.Reset(wait)
		select {
		case <-s.timer.C:
		case <-ctx.Done():
		}
	}
	return due, ctx.Err()
}

// stop gives back the timer.
func (s *schedule) stop() { s.timer.Stop() }
