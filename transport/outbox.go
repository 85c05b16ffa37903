package transport

import "sync"

// coalesceLen is the most that several queued frames are joined to before they
// are written. Below 16 KiB the cost per write dominates (about four times the
// CPU per small frame); above 64 KiB nothing more is gained.
const coalesceLen = 64 << 10

// keptFrames is how many queued frames' places an idle stream keeps.
const keptFrames = 256

// An outbox is the sending side of one stream: a bounded queue and the one
// goroutine that empties it.
//
// A frame that finds the stream idle leaves at once; frames that come faster than
// they leave queue up and are joined into large writes. Handing frames over in
// the sender's own goroutine while the stream is idle was tried and measured no
// faster: the writer is woken on the processor that the sender is about to give
// up.
type outbox struct {
	s    *session
	wake chan struct{} // holds a token when the writer has something to do

	mu      sync.Mutex
	stream  sendStream // nil while an event stream waits to be opened
	frames  [][]byte   // in order, not yet taken by the writer
	bytes   int        // queued or being written
	closing bool       // nothing may follow; end the stream when drained
}

func newOutbox(s *session, out sendStream) *outbox {
	return &outbox{s: s, stream: out, wake: make(chan struct{}, 1)}
}

// push queues one frame. It never blocks.
func (o *outbox) push(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return ErrNoSession
	}
	// A frame always fits an empty queue, whatever the limit, so that a small
	// limit slows a sender down instead of stopping it.
	if o.bytes > 0 && o.bytes+len(frame) > o.s.net.cfg.QueueBytes {
		return ErrQueueFull
	}
	if !o.s.reserve(len(frame)) {
		return ErrQueueFull
	}
	o.bytes += len(frame)
	o.frames = append(o.frames, frame)
	o.signal()
	return nil
}

// signal wakes the writer. The caller holds mu.
func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// finish ends the stream after what is queued.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
	o.signal()
}

// run writes until the stream is finished or the session ends. Owned by one
// goroutine.
func (o *outbox) run() {
	var spare [][]byte
	for {
		// The two slices of frames change places each round, so that a steady
		// stream of them allocates none.
		frames, last := o.take(spare)
		if err := o.write(frames); err != nil {
			o.s.broken(err)
			return
		}
		if last {
			// The error could only say that the session has ended.
			_ = o.stream.Close()
			return
		}
		if spare = frames; cap(spare) > keptFrames {
			spare = nil // a burst is over; an idle stream keeps little
		}
		select {
		case <-o.wake:
		case <-o.stream.over():
			// What was written before may be lost, though the session is not,
			// and nobody would notice until there is more to write.
			_, err := o.stream.Write(nil)
			o.s.broken(err)
			return
		case <-o.s.ctx.Done():
			return
		}
	}
}

// take returns what is queued, leaving the emptied spare in its place, and
// whether nothing will follow.
func (o *outbox) take(spare [][]byte) (frames [][]byte, last bool) {
	clear(spare) // or they would keep the frames of the last round alive
	o.mu.Lock()
	defer o.mu.Unlock()
	frames, o.frames = o.frames, spare[:0]
	return frames, o.closing
}

// write sends frames in as few writes as is useful.
func (o *outbox) write(frames [][]byte) error {
	for len(frames) > 0 {
		n, size := batch(frames)
		if err := o.writeBatch(frames[:n], size); err != nil {
			return err
		}
		frames = frames[n:]
		o.wrote(size)
	}
	return nil
}

// batch returns how many of the first frames to join, at least one, and their
// size together.
func batch(frames [][]byte) (n, size int) {
	for n < len(frames) && (n == 0 || size+len(frames[n]) <= coalesceLen) {
		size += len(frames[n])
		n++
	}
	return n, size
}

// writeBatch writes the frames with one call, copying unless there is only one.
func (o *outbox) writeBatch(frames [][]byte, size int) error {
	// Large frames go as they are. So does a lone one, the case of an idle
	// stream, where latency counts.
	if len(frames) == 1 {
		_, err := o.stream.Write(frames[0])
		return err
	}
	buf := o.s.net.buffers.get(size)
	defer o.s.net.buffers.put(buf)
	joined := (*buf)[:0]
	for _, f := range frames {
		joined = append(joined, f...)
	}
	_, err := o.stream.Write(joined)
	return err
}

// wrote accounts for size bytes that left.
func (o *outbox) wrote(size int) {
	o.s.release(size)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= size
}
