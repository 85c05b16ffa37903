package source

import (
	"bytes"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// MaxBacklogBytes bounds the events that are sequenced and not yet applied at the target, in bytes of
// payload and 256 for each event. From half of it on producers are slowed; reaching it before the cutover
// ends the migration, and the daemon goes on serving.
const MaxBacklogBytes = 64 << 20

// batchBytes is how much payload one BufferedEvents frame carries at the most: well below the frame limit
// with room for 64 event headers, and large enough that the frame header is noise.
const batchBytes = wire.MaxPayload

// shipWindow is how many bytes of events may be under way to the target and not yet reported as arrived.
// It keeps the event stream's queue short, so that Final never waits behind a heap of events, and it covers
// 20 MB/s at a round trip of 50 ms. What the target may hold in all is another matter: its credits.
const shipWindow = 1 << 20

// What an event takes beside its payload: on the wire, rounded up, and in memory, with the room that a
// growing slice keeps.
const (
	wireOverhead   = 128
	memoryOverhead = 256
)

func wireCost(e *Entry) int { return len(e.Event.Payload) + wireOverhead }
func cost(e *Entry) int     { return len(e.Event.Payload) + memoryOverhead }

// backlog is every event sequenced after the snapshot that the target has not reported as applied.
//
// Invariants: entries[start:] are contiguous in sequence and begin at acked+1; the first sent of them
// have been sent on the current session, and the first arrived of those have been reported as arrived; bytes is the
// cost of all, sentBytes the payload of the sent, flight the size on the wire of those sent and not arrived. head is the
// head at acked.
type backlog struct {
	entries   []Entry
	start     int
	acked     uint64
	head      crypto.Head
	sent      int
	arrived   int
	bytes     int
	sentBytes int
	flight    int
}

func (b *backlog) len() int     { return len(b.entries) - b.start }
func (b *backlog) last() uint64 { return b.acked + uint64(b.len()) }

// pressure is how long producers should wait with each batch: nothing until half of the limit is used up,
// then the steps of the throttle one after the other.
func (b *backlog) pressure() time.Duration {
	const half = MaxBacklogBytes / 2
	over := b.bytes - half
	if over <= 0 {
		return 0
	}
	step := 1 + over*(len(throttleSteps)-1)/half
	return throttleSteps[min(step, len(throttleSteps)-1)]
}

// push keeps a copy of the payload, which lies in the frame that brought the submission: that may be a thousand times as long and
// nobody else's any more, and would count nowhere.
func (b *backlog) push(e Entry) {
	e.Event.Payload = bytes.Clone(e.Event.Payload)
	b.entries = append(b.entries, e)
	b.bytes += cost(&e)
}

// agrees reports whether a head can be one of ours: it is the one this node had at that sequence, or lies
// before what is still remembered. One beyond the last event is not.
func (b *backlog) agrees(h crypto.Head) bool {
	switch {
	case h.Sequence > b.last():
		return false
	case h.Sequence > b.acked:
		return h == b.entries[b.start+int(h.Sequence-b.acked)-1].Head
	case h.Sequence == b.acked:
		return h == b.head
	}
	return true
}

// ack drops everything the target has applied, and reports whether that is news. Sequences beyond the last
// event are for the caller to refuse.
func (b *backlog) ack(through uint64) bool {
	if through <= b.acked || through > b.last() {
		return false
	}
	n := int(through - b.acked)
	b.arrive(through)
	for i := range n {
		e := &b.entries[b.start+i]
		b.bytes -= cost(e)
		if i < b.sent {
			b.sentBytes -= len(e.Event.Payload)
		}
	}
	b.head = b.entries[b.start+n-1].Head
	clear(b.entries[b.start : b.start+n]) // releases the payloads
	b.start += n
	b.sent, b.arrived = max(0, b.sent-n), max(0, b.arrived-n)
	b.acked = through
	b.compact()
	return true
}

// arrive notes that everything up to a sequence is at the target, applied or held.
func (b *backlog) arrive(through uint64) {
	for b.arrived < b.sent && b.acked+uint64(b.arrived) < through {
		b.flight -= wireCost(&b.entries[b.start+b.arrived])
		b.arrived++
	}
}

// compact moves the rest to the front once more than half of the array is used up, so that an entry is
// moved at most once on average.
func (b *backlog) compact() {
	if b.start <= len(b.entries)/2 {
		return
	}
	n := copy(b.entries, b.entries[b.start:])
	clear(b.entries[n:])
	b.entries, b.start = b.entries[:n], 0
}

// rewind forgets what was sent, because the session it was sent on is gone.
func (b *backlog) rewind() { b.sent, b.arrived, b.sentBytes, b.flight = 0, 0, 0, 0 }

// nextBatch returns the next events to send within the target's credits, at most one frame of them.
func (b *backlog) nextBatch(creditEvents, creditBytes uint64) []crypto.CausalEvent {
	var batch []crypto.CausalEvent
	size := 0
	for b.sent < b.len() && len(batch) < wire.MaxBatch {
		ev := b.entries[b.start+b.sent].Event
		n := len(ev.Payload)
		// The event right behind the target's cursor needs no room there, so it always fits.
		if b.sent > 0 && (uint64(b.sent) >= creditEvents || uint64(b.sentBytes+n) > creditBytes) {
			break
		}
		if len(batch) > 0 && size+n > batchBytes || b.flight > shipWindow {
			break
		}
		batch = append(batch, ev)
		size += n
		b.sent++
		b.sentBytes += n
		b.flight += n + wireOverhead
	}
	return batch
}

// gatherFor is how long events wait for others while the target cannot apply them anyway. A frame for each would cost both
// nodes, and with them the daemon's producers, more than the events themselves.
const gatherFor = 20 * time.Millisecond

// gathers reports whether events should wait for others: fewer than a frame takes, and for less than gatherFor.
func (m *Machine) gathers() bool {
	waiting := m.backlog.len() - m.backlog.sent
	if m.state >= replaying || waiting == 0 || waiting >= wire.MaxBatch {
		m.shipAt = time.Time{}
		return false
	}
	if m.shipAt.IsZero() {
		m.shipAt = m.now.Add(gatherFor)
	}
	return m.now.Before(m.shipAt)
}

// shipDue reports whether events have waited long enough.
func (m *Machine) shipDue() bool {
	return m.claimed && m.connected && !m.shipAt.IsZero() && !m.now.Before(m.shipAt)
}

// ship sends as much of the backlog as the target's credits allow, full frames as long as the target restores.
func (m *Machine) ship() {
	if !m.claimed || !m.connected {
		return
	}
	for !m.gathers() {
		batch := m.backlog.nextBatch(m.credits.events, m.credits.bytes)
		if len(batch) == 0 {
			m.shipAt = time.Time{} // what is left waits for credit
			return
		}
		m.send(m.req.Target, &wire.BufferedEvents{Ref: m.ref, Events: batch})
	}
}
