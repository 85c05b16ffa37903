package transport

import (
	"errors"
	"io"
	"sync"
)

// pipeLen is how much a pipe holds, in bytes: the window of a fresh QUIC stream.
const pipeLen = streamWindow

var (
	errPipeReset   = errors.New("transport: stream reset")
	errPipeRefused = errors.New("transport: stream refused")
)

// A pipe is one direction of a stream within the process. It holds a bounded
// number of bytes, so that a reader that stops makes the writer wait.
type pipe struct {
	finished func() // called once, when the reader is done with the stream

	mu     sync.Mutex
	moved  sync.Cond // something below changed
	buf    []byte    // bytes written and not read, from off
	off    int
	ended  bool  // the writer has closed
	broken error // reset, refused, or the connection is gone
	freed  bool  // finished was called
}

func newPipe(finished func()) *pipe {
	p := &pipe{finished: finished}
	p.moved.L = &p.mu
	return p
}

// Write blocks until all of b fitted or the pipe broke.
func (p *pipe) Write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if err := p.writable(); err != nil {
			return n, err
		}
		n += p.put(b[n:])
		if n == len(b) {
			return n, nil
		}
		p.moved.Wait()
	}
}

// writable returns why nothing can be written, if so. The caller holds mu.
func (p *pipe) writable() error {
	if p.broken == nil && p.ended {
		return io.ErrClosedPipe
	}
	return p.broken
}

// put takes as much of b as there is room for. The caller holds mu.
func (p *pipe) put(b []byte) int {
	// Move what is unread to the front. At most pipeLen bytes, and only when
	// something was read since.
	if p.off > 0 {
		p.buf = p.buf[:copy(p.buf, p.buf[p.off:])]
		p.off = 0
	}
	n := min(len(b), pipeLen-len(p.buf))
	if n > 0 {
		p.buf = append(p.buf, b[:n]...)
		p.moved.Broadcast()
	}
	return n
}

// Read implements io.Reader.
func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.off == len(p.buf) && !p.ended && p.broken == nil {
		p.moved.Wait()
	}
	// As in QUIC, a break overtakes bytes that were not read yet.
	if p.broken != nil {
		p.free()
		return 0, p.broken
	}
	if p.off == len(p.buf) {
		p.free()
		return 0, io.EOF
	}
	n := copy(b, p.buf[p.off:])
	p.off += n
	p.moved.Broadcast()
	return n, nil
}

// Close ends the stream after what was written.
func (p *pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.moved.Broadcast()
	return nil
}

// fail breaks the pipe for both ends; what was not read is lost. A stream that
// was read to its end stays as it is.
func (p *pipe) fail(err error, free bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken == nil && !p.freed {
		p.broken = err
		p.moved.Broadcast()
	}
	if free {
		p.free()
	}
}

// free reports, once, that the reader is done. The caller holds mu.
func (p *pipe) free() {
	if !p.freed {
		p.finished()
	}
	p.freed = true
}

// The rest of what makes a pipe a sendStream and a recvStream. Streams of a Hub
// have no urgency: there is no wire on which they would queue. For the same
// reason no header is late, and nobody refuses a stream of frames and keeps the
// session.

func (p *pipe) reset()                { p.fail(errPipeReset, false) }
func (p *pipe) refuse()               { p.fail(errPipeRefused, true) }
func (p *pipe) prioritize(int8)       {}
func (p *pipe) over() <-chan struct{} { return nil }

// pipePair is a bidirectional stream: what one end writes the other reads.
type pipePair struct {
	in, out *pipe
}

// The methods of stream, each on the pipe of its direction.

func (s pipePair) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s pipePair) Write(b []byte) (int, error) { return s.out.Write(b) }
func (s pipePair) Close() error                { return s.out.Close() }
func (s pipePair) reset()                      { s.out.reset() }
func (s pipePair) refuse()                     { s.in.refuse() }
func (s pipePair) prioritize(int8)             {}
func (s pipePair) over() <-chan struct{}       { return nil }
