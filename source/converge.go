package source

import (
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// Steps by which producers are slowed when the target does not catch up: the delay put on each batch of
// submissions. The last step is the ceiling; a migration that does not converge there gives up.
var throttleSteps = [...]time.Duration{0, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond}

// Convergence is judged over this many progress reports and at most once per stepInterval.
const (
	reportsJudged = 3
	stepInterval  = 500 * time.Millisecond
)

// convergence decides from the target's reports when to freeze, and how hard to slow the producers.
//
// The lag is events sequenced here and not yet applied there. The predicted blackout is the lag divided
// by the target's own measured replay rate (protocol §4.10.1).
type convergence struct {
	lags    [reportsJudged]uint64 // the newest reports, oldest first
	reports int
	rate    uint64 // events per second, as the target measured; 0 unknown
	level   int    // index into throttleSteps
	judged  time.Time
	floor   uint64 // the lag when the level was last judged
}

func (c *convergence) observe(lag, rate uint64) {
	copy(c.lags[:], c.lags[1:])
	c.lags[reportsJudged-1] = lag
	c.reports++
	if rate > 0 {
		c.rate = rate
	}
}

// falling reports whether the lag has fallen within the last reports.
func (c *convergence) falling() bool {
	if c.reports < reportsJudged {
		return true
	}
	return c.lags[reportsJudged-1] < c.lags[0]
}

// predicted is how long the target needs for the given lag; 0 while its rate is unknown.
func (c *convergence) predicted(lag uint64) time.Duration {
	if c.rate == 0 {
		return 0
	}
	return time.Duration(float64(lag) / float64(c.rate) * float64(time.Second))
}

// affordable reports whether the lag is known to fit into the budget. Without a measured rate that can only
// be said of a lag of one batch.
func (c *convergence) affordable(lag uint64, budget time.Duration) bool {
	if c.rate == 0 {
		return lag <= wire.MaxBatch
	}
	return c.predicted(lag) <= budget
}

// ready reports whether now is the time to freeze.
func (c *convergence) ready(lag uint64, budget time.Duration) bool {
	return c.reports > 0 && c.affordable(lag, budget) && (lag <= wire.MaxBatch || !c.falling())
}

// restart begins to judge anew: while there was no session, nothing could fall.
func (c *convergence) restart() { c.judged = time.Time{} }

// judge moves the throttle one step up if the lag has not fallen since the last judgement. It reports
// false when the ceiling has been reached and has not helped either.
func (c *convergence) judge(now time.Time, lag uint64) bool {
	if c.judged.IsZero() {
		c.judged, c.floor = now, lag
		return true
	}
	if now.Sub(c.judged) < stepInterval {
		return true
	}
	stuck := lag >= c.floor
	c.judged, c.floor = now, lag
	if !stuck {
		return true
	}
	if c.level == len(throttleSteps)-1 {
		return false
	}
	c.level++
	return true
}

func (c *convergence) delay() time.Duration { return throttleSteps[c.level] }
