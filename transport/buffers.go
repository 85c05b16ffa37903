package transport

import "sync"

// bufferLen is the size of a pooled buffer: a snapshot chunk of ours, or a
// batch of joined frames, with room for the framing.
const bufferLen = coalesceLen + 256

// buffers lends byte slices. Idle streams hold none, so the memory of a
// thousand quiet sessions does not include a thousand buffers. Pointers go
// around because a slice put into a pool would be copied to the heap each time.
type buffers struct {
	pool sync.Pool
}

// get returns a buffer of at least n bytes, with its length set to all it has.
func (b *buffers) get(n int) *[]byte {
	if n <= bufferLen {
		if buf, ok := b.pool.Get().(*[]byte); ok {
			return buf
		}
	}
	buf := make([]byte, max(n, bufferLen))
	return &buf
}

// put takes a buffer back. One that has grown is left to the collector.
func (b *buffers) put(buf *[]byte) {
	if len(*buf) == bufferLen {
		b.pool.Put(buf)
	}
}
