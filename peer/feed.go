package peer

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// feed is the snapshot as a restore reads it: over one stream after the other, without a seam. Read is for one
// goroutine. When the stream is cut it waits for attach or close; the core decides which of them comes.
type feed struct {
	mu      sync.Mutex // guards what follows
	changed sync.Cond
	stream  transport.SnapshotReader // nil while there is none
	reading bool                     // Read is in the stream
	offset  uint64                   // of the next byte, in the snapshot
	over    bool                     // nothing more is read
}

func newFeed(stream transport.SnapshotReader, offset uint64) *feed {
	f := &feed{offset: offset}
	f.changed.L = &f.mu
	f.attach(stream)
	return f
}

// errFeedClosed is what a restore sees that nobody wants any more.
var errFeedClosed = fmt.Errorf("peer: the snapshot is not wanted any more: %w", io.ErrUnexpectedEOF)

// Read implements io.Reader.
func (f *feed) Read(p []byte) (int, error) {
	for {
		stream := f.begin()
		if stream == nil {
			return 0, errFeedClosed
		}
		n, err := stream.Read(p)
		if f.end(stream, n, err); n > 0 {
			return n, nil
		}
		if err != nil && !wasCut(err) {
			return 0, err
		}
	}
}

// wasCut tells the end of a stream, by whomever, from the end of the snapshot and from one that is wrong.
func wasCut(err error) bool {
	return (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)) && !errors.Is(err, wire.ErrBadSnapshot)
}

// begin waits for a stream, and returns nil if none will come.
func (f *feed) begin() transport.SnapshotReader {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.stream == nil && !f.over {
		f.changed.Wait()
	}
	if f.over {
		return nil
	}
	f.reading = true
	return f.stream
}

// end counts what was read, and lets go of a stream that has nothing more.
func (f *feed) end(stream transport.SnapshotReader, n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offset += uint64(n)
	f.reading = false
	if err != nil && f.stream == stream {
		stream.Close()
		f.stream = nil
	}
	f.changed.Broadcast()
}

// cut lets nothing more in from the present stream, and returns how far it has come. It waits for a Read that is
// under way, which the closed stream ends.
func (f *feed) cut() (offset uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stream != nil {
		f.stream.Close()
		f.stream = nil
	}
	for f.reading {
		f.changed.Wait()
	}
	if f.over {
		return 0, errFeedClosed
	}
	return f.offset, nil
}

// attach goes on with another stream, which must begin where the one before ended.
func (f *feed) attach(stream transport.SnapshotReader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over || f.stream != nil {
		stream.Close()
		return
	}
	stream.Start(f.offset)
	f.stream = stream
	f.changed.Broadcast()
}

// close ends the restore's reading.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	if f.stream != nil {
		f.stream.Close()
		f.stream = nil
	}
	f.changed.Broadcast()
}

// cutFeed carries out CallCutOff, and says where the next stream must begin.
func (c *copies) cutFeed(id wire.MigrationID) target.CutOff {
	f := c.feed(id)
	if f == nil {
		return target.CutOff{Err: errFeedClosed}
	}
	offset, err := f.cut()
	return target.CutOff{Offset: offset, Err: err}
}

// goOn carries out CallFeed.
func (c *copies) goOn(id wire.MigrationID, number uint64) {
	stream, f := c.take(number), c.feed(id)
	switch {
	case stream == nil:
	case f == nil:
		stream.Close()
	default:
		f.attach(stream)
	}
}
