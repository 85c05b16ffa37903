package transport

import (
	"context"
	"sync"

	"github.com/quic-go/quic-go"
)

// The receive windows of a connection, in bytes. A window is what a peer may
// send before we read, hence what it can make us hold.
const (
	// streamWindow is what a stream starts with. It is small, so that all the
	// event streams of a session can stall without using up the session.
	streamWindow    = 64 << 10
	maxStreamWindow = 4 << 20
	// sessionWindow is what all streams of a session may hold from the start.
	sessionWindow    = 4 << 20
	maxSessionWindow = 8 << 20
)

// A ledger hands out the growth of session windows from one common budget, and
// takes it back when a connection ends. A refused session goes on with the
// window it has.
type ledger struct {
	mu      sync.Mutex
	free    int64
	granted map[*quic.Conn]int64 // has an entry for every connection that may ask
}

func newLedger(budget int64) *ledger {
	return &ledger{free: budget, granted: make(map[*quic.Conn]int64)}
}

// open lets a connection ask until it ends.
func (l *ledger) open(conn *quic.Conn) {
	l.mu.Lock()
	l.granted[conn] = 0
	l.mu.Unlock()
	context.AfterFunc(conn.Context(), func() { l.close(conn) })
}

// close takes back what a connection was granted.
func (l *ledger) close(conn *quic.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free += l.granted[conn]
	delete(l.granted, conn)
}

// grant implements quic.Config.AllowConnectionWindowIncrease. A connection that
// is not open yet, or no more, gets nothing; quic-go asks again while it needs
// to.
func (l *ledger) grant(conn *quic.Conn, delta uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	granted, open := l.granted[conn]
	if !open || int64(delta) > l.free {
		return false
	}
	l.free -= int64(delta)
	l.granted[conn] = granted + int64(delta)
	return true
}
