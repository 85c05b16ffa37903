package target

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// arrival is how the snapshot comes in, over one stream after the other.
type arrival struct {
	part    Part        // what an earlier process has left of it
	serial  uint64      // of the newest stream that was asked about; the first is 0
	head    crypto.Head // of the view it belongs to
	offset  uint64      // where that stream is to begin
	awaited bool        // the source has been told so, and the stream has not come yet
	claimed bool        // the handler takes events for the daemon
}

// Part is the beginning of a snapshot, as the journal has it: its first Size bytes, whose checksums are right. It is of
// the view at Head.
type Part struct {
	Head crypto.Head
	Size uint64
}

// streamOpened: the snapshot is coming, or goes on. The restore runs beside the daemon's queue, since events must be
// taken while it runs.
func (m *Machine) streamOpened(stream uint64) {
	a := &m.arrival
	switch {
	case m.state == preparing:
		if !a.awaited {
			a.part = Part{} // it begins at its beginning
		}
		a.awaited = false
		m.enter(restoring)
		m.copying = true
		m.call(CallRestore{
			Stream: stream, From: a.part.Size, Key: m.key,
			Source: m.source, Orchestrator: m.orch, Migration: m.ref.Migration, Entity: m.entity,
		})
	case m.state == restoring && a.awaited:
		a.awaited = false
		m.call(CallFeed{Stream: stream})
	default:
		m.out.RefuseStream = true
	}
}

// resume: the source has lost its stream and asks where to go on (protocol §4.3.5). A question about a stream that has come, or
// about an earlier one, is out of date.
func (m *Machine) resume(msg *wire.Resume) {
	a := &m.arrival
	switch {
	case m.state == replaying:
		m.restoreComplete()
		m.report()
	case m.state != preparing && m.state != restoring || msg.Serial < a.serial:
	case msg.Serial > a.serial:
		a.serial, a.head, a.awaited = msg.Serial, msg.Head, false
		m.findPlace()
	case a.awaited:
		m.resumeAt()
	}
}

// findPlace finds where the next stream has to begin. That is known only once the restore reads nothing more from the stream before.
func (m *Machine) findPlace() {
	a := &m.arrival
	if m.state == restoring {
		m.call(CallCutOff{})
		return
	}
	if a.part.Head != a.head {
		a.part = Part{}
	}
	a.offset = a.part.Size
	m.resumeAt()
}

func (m *Machine) cutOff(in CutOff) {
	if m.state != restoring || in.Err != nil {
		return // a restore that waits for nothing more is about to say how it went
	}
	m.arrival.offset = in.Offset
	m.resumeAt()
}

// resumeAt tells the source where to go on. Events that were under way may be lost; the source sends them again
// once it has heard of the claim again.
func (m *Machine) resumeAt() {
	a := &m.arrival
	a.awaited = true
	m.send(m.source, &wire.ResumeAt{Ref: m.ref, Serial: a.serial, Head: a.head, Offset: a.offset})
	if a.claimed {
		m.report()
	}
}

func (m *Machine) restoreComplete() {
	m.send(m.source, &wire.RestoreComplete{Ref: m.ref, Head: m.head})
}
