package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
)

// hubConn is a connection within the process. Its two ends are muxes.
type hubConn struct {
	over chan struct{} // closed when the connection has ended
	gone func()        // called once, when it has
	ends [2]*hubMux    // the dialer's, the acceptor's

	mu    sync.Mutex
	ended bool
	pipes map[*pipe]bool // those to break when it ends
}

// hubMux is one end.
type hubMux struct {
	conn  *hubConn
	other *hubMux
	node  crypto.NodeID // of the other side
	addr  string        // of the other side

	pairs chan stream     // opened by the other side, not yet accepted
	ones  chan recvStream // likewise
	leave chan struct{}   // a token per unidirectional stream the other side may still open

	err error // why it ended, as this side sees it; set before over is closed
}

// newHubConn connects two nodes. transfers is how many unidirectional streams
// each side admits at once.
func newHubConn(a, b *hubNode, transfers int) *hubConn {
	c := &hubConn{over: make(chan struct{}), gone: func() {}, pipes: make(map[*pipe]bool)}
	for i, other := range []*hubNode{b, a} {
		c.ends[i] = &hubMux{
			conn: c, node: other.n.cfg.Key.ID(), addr: other.addr,
			pairs: make(chan stream, 2),
			ones:  make(chan recvStream, transfers),
			leave: make(chan struct{}, transfers),
		}
		for range transfers {
			c.ends[i].leave <- struct{}{}
		}
	}
	c.ends[0].other, c.ends[1].other = c.ends[1], c.ends[0]
	return c
}

// pipe makes a pipe that breaks with the connection.
func (c *hubConn) pipe(finished func()) (*pipe, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil, ErrNoSession
	}
	var p *pipe
	p = newPipe(func() {
		// Called with the pipe's lock held; end never waits for that lock while
		// it holds the connection's.
		c.mu.Lock()
		delete(c.pipes, p)
		c.mu.Unlock()
		if finished != nil {
			finished()
		}
	})
	c.pipes[p] = true
	return p, nil
}

// end ends the connection; errs is what the two sides see.
func (c *hubConn) end(errs [2]error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	c.ends[0].err, c.ends[1].err = errs[0], errs[1]
	pipes := c.pipes
	c.pipes = make(map[*pipe]bool)
	c.mu.Unlock()
	// Outside the lock: pipes take it when their readers let go of them.
	close(c.over)
	c.gone()
	for p := range pipes {
		p.fail(ErrNoSession, false)
	}
}

func (m *hubMux) peer() crypto.NodeID   { return m.node }
func (m *hubMux) remote() string        { return m.addr }
func (m *hubMux) done() <-chan struct{} { return m.conn.over }

func (m *hubMux) openPair() (stream, error) {
	there, err := m.conn.pipe(nil)
	if err != nil {
		return nil, err
	}
	back, err := m.conn.pipe(nil)
	if err != nil {
		return nil, err
	}
	select {
	case m.other.pairs <- pipePair{in: there, out: back}:
		return pipePair{in: back, out: there}, nil
	default:
		return nil, errWrongStream
	}
}

func (m *hubMux) acceptPair(ctx context.Context) (stream, error) {
	select {
	case st := <-m.pairs:
		return st, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.conn.over:
		return nil, m.err
	}
}

func (m *hubMux) openOne(ctx context.Context) (sendStream, error) {
	// The token comes back when the reader is done with the stream, as QUIC
	// renews the leave when a stream is complete.
	select {
	case <-m.other.leave:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-m.conn.over:
		return nil, m.err
	}
	p, err := m.conn.pipe(func() { m.other.leave <- struct{}{} })
	if err != nil {
		return nil, err
	}
	// There is room: the queue is as long as there are tokens.
	m.other.ones <- p
	return p, nil
}

func (m *hubMux) acceptOne(ctx context.Context) (recvStream, error) {
	select {
	case st := <-m.ones:
		return st, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.conn.over:
		return nil, m.err
	}
}

func (m *hubMux) shut(code Code, reason string) {
	here := &ClosedError{Code: code, Reason: reason}
	there := &ClosedError{Code: code, Reason: reason, Remote: true}
	if m == m.conn.ends[0] {
		m.conn.end([2]error{here, there})
	} else {
		m.conn.end([2]error{there, here})
	}
}

func (m *hubMux) cut(err error) bool { return errors.Is(err, errPipeReset) }

func (m *hubMux) cause(err error) error {
	select {
	case <-m.conn.over:
		if err == nil || errors.Is(err, ErrNoSession) {
			return m.err
		}
	default:
	}
	if errors.Is(err, errPipeReset) || errors.Is(err, errPipeRefused) {
		return fmt.Errorf("%w: the peer gave it up", ErrBadStream)
	}
	return err
}
