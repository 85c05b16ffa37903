package demo

import (
	"io"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
)

// feed yields the payloads that the producer submits, in their order, and io.EOF after the last. A payload
// stays valid and unchanged, since it is kept until it is acknowledged.
type feed interface {
	next() ([]byte, error)
	close() error
}

// generated is a feed of made-up commands that does not end.
type generated struct {
	load  *kinds.Load
	block []byte
}

// Payloads are many and small; a block is allocated for hundreds of them at once.
const (
	generatedBlock   = 64 << 10
	longestGenerated = 4 << 10 // far above any that is made
)

// newGenerated returns the same events for the same options on every machine.
func newGenerated(o options) (*generated, error) {
	load, err := kinds.NewLoad(o.kind, o.seed, o.state)
	return &generated{load: load}, err
}

// next makes the next payload, in a block that many of them share.
func (g *generated) next() ([]byte, error) {
	if cap(g.block)-len(g.block) < longestGenerated {
		g.block = make([]byte, 0, generatedBlock)
	}
	from := len(g.block)
	g.block = g.load.Next(g.block)
	return g.block[from:len(g.block):len(g.block)], nil
}

// close has nothing to give back.
func (g *generated) close() error { return nil }

// stoppable ends a feed when stop is closed, at the next payload.
type stoppable struct {
	feed
	stop <-chan struct{}
}

// next looks at stop first, so that nothing follows once it is closed.
func (s stoppable) next() ([]byte, error) {
	select {
	case <-s.stop:
		return nil, io.EOF
	default:
		return s.feed.next()
	}
}
