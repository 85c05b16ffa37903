package node

import "container/list"

// window is what the clients of this node have asked one peer and heard no answer to, and who waits to ask it. After a new
// session everybody has something to send at once: without a bound one step would send more than the transport queues for a
// stream, which then takes the peer for one that does not read and ends the session, and so with each one after it.
//
// Invariants: bytes is the sum of what its clients have out. Somebody is in line only while the window is full, so that
// somebody has something out whose answer, loss or time limit lets the line go on.
type window struct {
	bytes int
	line  list.List // of *client, first come, first served
}

// windowFull is how much may be out before clients wait in line; one frame more can be. It leaves room in the queue of
// the stream, which answers share, and fills a line of 160 Mbit/s over 100 ms.
const windowFull = 2 << 20

func (w *window) full() bool { return w.bytes >= windowFull }

// admits reports whether a client may ask now. If not, it is in line.
func (w *window) admits(cl *client) bool {
	if !w.full() {
		return true
	}
	if cl.place == nil {
		cl.window, cl.place = w, w.line.PushBack(cl)
	}
	return false
}

// took notes that the question of a client is out, in a frame of so many bytes.
func (w *window) took(cl *client, frame int) {
	cl.window, cl.out = w, frame
	w.bytes += frame
}

// leave ends what a client has out, or its wait in line. Nobody else goes on yet.
func (cl *client) leave() {
	cl.asked = false
	w := cl.window
	if w == nil {
		return
	}
	w.bytes -= cl.out
	if cl.place != nil {
		w.line.Remove(cl.place)
	}
	cl.window, cl.out, cl.place = nil, 0, nil
}

// answered ends the question of a client, or its wait to ask it: it has an answer, there will be none, or none is wanted. Who
// is next in line asks.
func (c *Core) answered(cl *client) {
	w := cl.window
	cl.leave()
	for w != nil && !w.full() && w.line.Len() > 0 {
		next := w.line.Front().Value.(*client)
		next.leave()
		c.pump(next)
	}
}
