package daemon

import (
	"fmt"
	"io"

	"github.com/ferrymesh/ferry/wire"
)

// End gives a host up for good: the life of a serving daemon, whose key it
// wipes, or a dark copy that nobody will activate, whose key is the caller's.
// Afterwards everything answers wire.ErrDaemonNotFound. In any other state it
// fails with wire.ErrWrongPhase and does nothing: a frozen daemon may be about
// to move, and one that arrived may be the only copy. Ending twice is once.
func (h *Host) End() error {
	h.turn.Lock()
	defer h.turn.Unlock()
	switch h.state {
	case serving:
		h.key.Wipe()
	case dark:
	case ended:
		return nil
	default:
		return fmt.Errorf("daemon: end while %v: %w", h.state, wire.ErrWrongPhase)
	}
	h.release(ended)
	return nil
}

// release frees what a host no longer needs and enters its last state. The
// caller holds the turn.
func (h *Host) release(last state) {
	closeDaemon(h.d)
	h.d, h.producers = nil, nil
	h.mu.Lock()
	defer h.mu.Unlock()
	h.setState(last)
}

// closeDaemon runs the daemon's code, if it has any for this. What it answers
// changes nothing: the daemon is dropped in any case.
func closeDaemon(d Daemon) {
	c, ok := d.(io.Closer)
	if !ok {
		return
	}
	var err error
	defer recovered("Close", &err)
	err = c.Close()
}
