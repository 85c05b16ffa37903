package source

import (
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// copyState is the way of the view to the target, over one stream after the other.
type copyState struct {
	head      crypto.Head // which view it is
	serial    uint64      // of the stream that was begun last, or is asked for; the first is 0
	cutAt     time.Time   // when it was cut; zero while it runs
	why       string      // it was cut
	from      uint64      // where it began
	fruitless int         // streams in turn that have begun at the same place
}

func (m *Machine) snapshotted(in Snapshotted) {
	if m.state != snapshotting {
		m.out.StopCopy = in.Err == nil && m.ended != nil // it ended meanwhile: the view is not wanted
		return
	}
	if in.Err != nil {
		m.fail(wire.ReasonOf(in.Err), "the snapshot failed: "+in.Err.Error())
		return
	}
	m.progressed()
	m.viewOpen = true
	m.copy.head = in.Head
	m.backlog.acked, m.backlog.head = in.Head.Sequence, in.Head
	m.copyAt = m.now
	m.stats.SnapshotBytes = in.Size
	m.enter(copying)
	m.startCopy(0)
}

func (m *Machine) startCopy(from uint64) {
	m.copy.from, m.copy.cutAt = from, time.Time{}
	m.out.Copy = &Copy{Serial: m.copy.serial, From: from}
}

// copied hears from the stream that runs. An earlier one has been overtaken, and what it still tells is how far it had come: that
// may be the proof of what the target says that it has.
func (m *Machine) copied(in Copied) {
	if m.state < copying || m.state > frozen {
		return
	}
	if in.Bytes > m.stats.SnapshotSent {
		m.progressed()
		m.stats.SnapshotSent = in.Bytes
	}
	if in.Serial != m.copy.serial {
		return
	}
	if in.Err != nil {
		m.broke(in.Err)
		return
	}
	if in.Done {
		m.stats.SnapshotBytes = in.Bytes
	}
	if in.Done && m.state == copying && m.copy.cutAt.IsZero() {
		m.enter(restoring)
	}
}

// broke: the stream has ended before its end. If the view is to blame, the next stream would come no further.
func (m *Machine) broke(err error) {
	if errors.Is(err, wire.ErrStateFailed) && (m.state == copying || m.state == restoring) {
		m.fail(wire.ReasonStateFailed, "the view failed: "+err.Error())
		return
	}
	m.cut(err.Error())
}

// cut: the stream is gone. The view is kept for the grace, and the target is asked where to go on (protocol §4.3.5). If it is
// the target that did not want the stream any more, it says why instead. Once restored, it has read all it needs.
func (m *Machine) cut(why string) {
	if m.state != copying && m.state != restoring || !m.copy.cutAt.IsZero() {
		return
	}
	m.copy.why, m.copy.cutAt = why, m.now
	m.copy.serial++
	// The process that has claimed the daemon may be gone as well. The one that answers claims it again.
	m.claimed = false
	m.resetRetry()
	m.askResume()
}

func (m *Machine) askResume() {
	m.send(m.req.Target, &wire.Resume{Ref: m.ref, Serial: m.copy.serial, Head: m.copy.head})
	m.backoff()
}

// resumeAt: the target waits for the rest of the view, and for the events after it, of which those under way may be
// lost. That a stream begins behind the one before is the only proof that streams arrive at all. It is no progress, which a
// target could claim byte by byte: what has not been sent before is. A place beyond that is not believed, or not yet: the last report
// of the stream that was cut may come later than the answer, and the question is repeated.
func (m *Machine) resumeAt(msg *wire.ResumeAt) {
	c := &m.copy
	if c.cutAt.IsZero() || msg.Serial != c.serial || msg.Head != c.head || m.state != copying && m.state != restoring {
		return
	}
	if msg.Offset > m.stats.SnapshotSent {
		return
	}
	if c.fruitless++; msg.Offset > c.from {
		c.fruitless = 0
	}
	if c.fruitless >= maxFruitless {
		m.fail(wire.ReasonUnreachable, fmt.Sprintf("the copy broke off %d times without getting beyond %d bytes: %s", c.fruitless, msg.Offset, c.why))
		return
	}
	m.claimed = false
	m.backlog.rewind()
	if m.state == restoring {
		m.enter(copying)
	}
	m.startCopy(msg.Offset)
}

// isCut reports whether the view waits for a stream.
func (m *Machine) isCut() bool {
	return (m.state == copying || m.state == restoring) && !m.copy.cutAt.IsZero()
}
