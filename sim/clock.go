package sim

import "time"

// clock is what a node takes for the time. It runs at a rate of its own; with every new process it may
// stand somewhere else, as after a correction by hand or a battery that has run out.
type clock struct {
	shown time.Time // when it was last set
	since time.Time // the cluster's time then
	rate  float64   // seconds a second
}

// wayOff is how far a clock may be set from the cluster's time, either way.
const wayOff = time.Hour

// setClock sets a node's clock as its process starts.
func (n *Node) setClock() {
	c := n.c
	if n.clock.rate == 0 {
		n.clock.rate = 1
		if c.opt.Clocks {
			n.clock.rate = drawRate(c)
		}
	}
	shown := c.now
	if c.opt.Clocks {
		shown = shown.Add(between(c.source("clocks"), -wayOff, wayOff))
	}
	n.clock.shown, n.clock.since = shown, c.now
}

// drawRate makes most clocks a little wrong and some absurdly so.
func drawRate(c *Cluster) float64 {
	r := c.source("clocks")
	if r.IntN(4) == 0 {
		return 0.5 + 1.5*r.Float64()
	}
	return 0.99 + 0.02*r.Float64()
}

// now is the time as the node sees it.
func (n *Node) now() time.Time {
	return n.clock.shown.Add(time.Duration(float64(n.c.now.Sub(n.clock.since)) * n.clock.rate))
}

// when is the cluster's time at which the node's clock shows at, or a moment later.
func (n *Node) when(at time.Time) time.Time {
	if n.clock.rate == 1 {
		return n.clock.since.Add(at.Sub(n.clock.shown))
	}
	return n.clock.since.Add(time.Duration(float64(at.Sub(n.clock.shown))/n.clock.rate) + time.Microsecond)
}
