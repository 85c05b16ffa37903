package sim

import (
	"bytes"
	"errors"
	"slices"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// copying is a snapshot stream at its source.
type copying struct {
	life    *life
	end     *end
	c       node.Copy
	rest    []byte
	sent    uint64
	stopped bool
	stream  *stream // at the other end
}

// stream is a snapshot stream at its target.
type stream struct {
	id     uint64
	at     *end
	ref    wire.Ref
	opened bool
	offset uint64 // of data, in the snapshot
	data   []byte // arrived and not read
	last   bool   // all of it has arrived
	err    error
	closed bool // nobody reads it: the sender learns that
	reader *restore
}

var errReset = errors.New("sim: the stream was reset")

func (st *stream) fail(err error) {
	if st.err == nil && !st.last {
		st.err = err
	}
	st.closed = true
	if st.reader != nil {
		st.reader.wakeUp()
	}
}

// sortedStreams lists the incoming streams in the order in which they came.
func (l *life) sortedStreams() []*stream {
	var list []*stream
	for _, st := range l.streams {
		list = append(list, st)
	}
	for _, r := range l.restores {
		if r.from != nil {
			list = append(list, r.from)
		}
	}
	slices.SortFunc(list, func(a, b *stream) int { return int(a.id) - int(b.id) })
	return list
}

func (l *life) startCopy(c node.Copy) {
	cp := &copying{life: l, end: l.ends[c.Session], c: c}
	l.copies[c.Ref.Migration] = cp
	l.after(between(l.c.source("copies"), 0, l.c.opt.Net.Piece), cp.begin)
}

// begin writes the view, a while after it was taken.
func (cp *copying) begin() {
	if cp.stopped || cp.end == nil || cp.end.down {
		cp.finish(errReset)
		return
	}
	var buf bytes.Buffer
	if _, err := cp.c.Snapshot.WriteTo(&buf); err != nil {
		cp.finish(err)
		return
	}
	cp.rest, cp.sent = buf.Bytes()[min(cp.c.From, uint64(buf.Len())):], cp.c.From
	l := cp.life
	l.c.checkLeak(l, cp.rest)
	if cp.c.From == 0 {
		l.c.hear(snapshotHeard, heard{ref: cp.c.Ref, frame: cp.rest})
	}
	cp.stream = &stream{id: l.c.nextID(), at: cp.end.other, ref: cp.c.Ref, offset: cp.c.From}
	cp.piece()
}

// piece sends the next piece, and comes back for the one after it.
func (cp *copying) piece() {
	l := cp.life
	if cp.stopped || cp.end.down || cp.stream.closed && !cp.stream.last {
		cp.reset()
		cp.finish(errReset)
		return
	}
	n := min(len(cp.rest), 1+l.c.source("copies").IntN(l.c.opt.Net.Chunk))
	data := cp.rest[:n]
	cp.rest = cp.rest[n:]
	last := len(cp.rest) == 0
	cp.deliver(func(st *stream) {
		st.data = append(st.data, data...)
		st.last = last
	})
	cp.sent += uint64(n)
	l.c.copied += uint64(n)
	if last {
		cp.finish(nil)
		return
	}
	l.step(node.Copied{Migration: cp.c.Ref.Migration, Serial: cp.c.Serial, Bytes: cp.sent})
	l.after(between(l.c.source("copies"), 0, l.c.opt.Net.Piece), cp.piece)
}

// deliver changes the stream at the other end after a while, if the session still lives then.
func (cp *copying) deliver(change func(*stream)) {
	st, e := cp.stream, cp.end
	if e.over {
		return
	}
	to := st.at.life
	to.at(e.arriveAt(streamKey{wire.ChannelSnapshot, st.ref.Migration}), func() {
		if e.over || st.at.down {
			return
		}
		change(st)
		if !st.opened {
			st.opened = true
			to.streams[st.id] = st
			to.step(node.StreamOpened{Session: st.at.id, Ref: st.ref, Stream: st.id})
		}
		if st.reader != nil {
			st.reader.wakeUp()
		}
	})
}

func (cp *copying) reset() {
	cp.deliver(func(st *stream) { st.fail(errReset) })
}

func (cp *copying) finish(err error) {
	l := cp.life
	if l.copies[cp.c.Ref.Migration] == cp {
		delete(l.copies, cp.c.Ref.Migration)
	}
	l.step(node.Copied{Migration: cp.c.Ref.Migration, Serial: cp.c.Serial, Bytes: cp.sent, Done: err == nil, Err: err})
}

func (l *life) stopCopy(id wire.MigrationID) {
	if cp := l.copies[id]; cp != nil {
		cp.stopped = true
	}
}

func (l *life) refuse(id uint64) {
	if st := l.streams[id]; st != nil {
		delete(l.streams, id)
		st.fail(errReset)
	}
}
