package target

import (
	"fmt"
	"math"

	"github.com/ferrymesh/ferry/crypto"
)

// Defaults of the caps of one buffer.
const (
	DefaultPendingEvents = 1_000_000 // how far beyond the cursor a buffer holds events
	DefaultPendingBytes  = 64 << 20  // payload bytes

	// MaxPendingEvents is the most that can be asked for: the ring's directory for it takes 8 MiB.
	MaxPendingEvents = 1 << 26
)

// Verdict says what a [Buffer] did with an event.
type Verdict uint8

// The verdicts. The zero Verdict is none of them.
const (
	Held      Verdict = iota + 1 // taken, the first of its sequence
	Replaced                     // taken, in place of the event held for that sequence
	Duplicate                    // at or below the cursor: dropped
	Full                         // beyond a cap: refused, what was held before is untouched
)

var verdictNames = [...]string{Held: "held", Replaced: "replaced", Duplicate: "duplicate", Full: "full"}

// String returns the verdict in one word.
func (v Verdict) String() string {
	if v < Held || v > Full {
		return fmt.Sprintf("verdict %d", uint8(v))
	}
	return verdictNames[v]
}

// Buffer puts the events of one origin in order: they come in as the network delivers them and leave in
// strict sequence. It is not safe for concurrent use; the [Handler] keeps one per record, under the
// record's turnstile.
//
//	          cursor   +1     +2                    +1+maxEvents
//	─── applied ──┤ next ├──── ring ────────────────────┤── refused ───
//	   Duplicate    always      within the caps             Full
//
// The event that comes next has a place of its own if it arrives as such, so a log that arrives in order
// never touches the ring and never allocates, and the one event that lets everything else move on is never
// refused for want of room. Neither cap counts it. An event that arrived early stays where it is when its
// turn comes; only the accounting changes.
//
// Every operation costs the same however much is held, growth of the ring's directory spread over the
// events that cause it: nothing is searched, sorted or walked, whatever sequence a peer sends. Distances are computed as differences, so that sequences up to 2^64-1 neither wrap
// nor panic; a buffer whose cursor is 2^64-1 has no next event and calls everything a duplicate.
//
// A buffer keeps the payload slices it is given. Whoever inserts an event must leave the payload's bytes
// alone from then on, and keeps what else lies in the memory they are part of. The handler copies what it holds.
//
// # Invariants
//
//	B1  The held next event, if any, has the sequence cursor+1, and lies in own or in the ring.
//	B2  Every other event in the ring has a sequence in (cursor+1, cursor+1+maxEvents]. Every event in the
//	    ring lies in the slot of its sequence. Hence at most maxEvents are held beyond the next one.
//	B3  events and bytes count the events beyond the next one and their payloads; bytes does not exceed
//	    maxBytes.
//	B4  The ring counts its events exactly, an empty page is not in it, and a free slot keeps no payload.
//	B5  charged is the sum of: the ring's memory, all payloads, and eventOverhead if own is in use. The
//	    ledger has been told of exactly that much.
//	B6  A buffer that holds nothing is charged nothing.
//
// check tests them all.
type Buffer struct {
	cursor    uint64
	maxEvents uint64
	maxBytes  int64

	next   *crypto.CausalEvent // the event at cursor+1, &own or in the ring; nil if it is not held
	own    crypto.CausalEvent  // an event that arrived when its turn had come
	ring   ring
	events int   // held beyond the next one
	bytes  int64 // payload bytes of those

	charged int64
	ledger  *ledger
}

// NewBuffer returns an empty buffer whose next event is the one after cursor. A cap of zero or less means
// its default. maxEvents is how many events beyond the next one may be held, and so how far ahead they may
// lie, at most [MaxPendingEvents]; maxBytes bounds their payloads together, in bytes. Both are inclusive.
func NewBuffer(cursor uint64, maxEvents int, maxBytes int64) *Buffer {
	return newBuffer(cursor, maxEvents, maxBytes, &ledger{limit: unlimited})
}

// newBuffer is NewBuffer for a buffer that shares a ledger with others.
func newBuffer(cursor uint64, maxEvents int, maxBytes int64, l *ledger) *Buffer {
	maxEvents = min(positive(maxEvents, DefaultPendingEvents), MaxPendingEvents)
	return &Buffer{
		cursor: cursor, maxEvents: uint64(maxEvents), maxBytes: positive(maxBytes, DefaultPendingBytes),
		ledger: l,
	}
}

// Cursor returns the sequence up to which everything has been taken out.
func (b *Buffer) Cursor() uint64 { return b.cursor }

// Len returns the number of events held, the next one included.
func (b *Buffer) Len() int {
	if b.next != nil {
		return b.events + 1
	}
	return b.events
}

// Bytes returns the payload bytes held, the next event's included.
func (b *Buffer) Bytes() int64 {
	if b.next != nil {
		return b.bytes + int64(len(b.next.Payload))
	}
	return b.bytes
}

// Missing reports a gap: something is held, but not the event that comes next.
func (b *Buffer) Missing() bool { return b.next == nil && b.events > 0 }

// Expects reports whether seq is the event that comes next. A caller that can use such an event at once
// need not insert it: it calls Advance afterwards, and an event held for that place is dropped unread.
func (b *Buffer) Expects(seq uint64) bool {
	return seq > b.cursor && seq-b.cursor == 1
}

// Insert offers an event, which it copies if it keeps it. The last arrival for a sequence wins, since the chain tells later which one was
// right and a wrong one must not be able to keep the right one out. The error is a [*FullError], which
// matches [wire.ErrBufferFull], when and only when the verdict is Full; a replacement that does not fit
// leaves the event held before in place.
func (b *Buffer) Insert(ev *crypto.CausalEvent) (Verdict, error) {
	v := b.insert(ev)
	if v == Full {
		return v, b.full(ev)
	}
	return v, nil
}

// insert is Insert without the error, which costs an allocation that a flood of hopeless events should not.
func (b *Buffer) insert(ev *crypto.CausalEvent) Verdict {
	seq := ev.Link.Sequence
	if seq <= b.cursor {
		return Duplicate
	}
	switch ahead := seq - b.cursor - 1; {
	case ahead == 0:
		return b.setNext(ev)
	case ahead > b.maxEvents:
		return Full
	}
	p := b.ring.page(seq)
	if p != nil && p.held&bitOf(seq) != 0 {
		return b.replace(p.slot(seq), ev)
	}
	return b.add(p, ev)
}

// setNext takes the event at cursor+1, whatever the caps say.
func (b *Buffer) setNext(ev *crypto.CausalEvent) Verdict {
	if b.next != nil {
		b.charge(int64(len(ev.Payload)) - int64(len(b.next.Payload)))
		*b.next = *ev
		return Replaced
	}
	b.own = *ev
	b.next = &b.own
	b.charge(eventOverhead + int64(len(ev.Payload)))
	return Held
}

// replace puts ev where another event of its sequence lies, if the difference fits.
func (b *Buffer) replace(slot, ev *crypto.CausalEvent) Verdict {
	more := int64(len(ev.Payload)) - int64(len(slot.Payload))
	if b.bytes+more > b.maxBytes || !b.reserve(more) {
		return Full
	}
	b.bytes += more
	*slot = *ev
	return Replaced
}

// add puts ev into its empty slot; p is its page, nil if there is none yet. Memory is accounted for before
// it is allocated.
func (b *Buffer) add(p *page, ev *crypto.CausalEvent) Verdict {
	size := int64(len(ev.Payload))
	if size > b.maxBytes-b.bytes {
		return Full
	}
	low, seq, cost := b.cursor+1, ev.Link.Sequence, size // the next event may lie in the ring, in an earlier page
	if p == nil {
		cost += b.ring.cost(low, seq)
	}
	if !b.reserve(cost) {
		return Full
	}
	if p == nil {
		p = b.ring.open(low, seq)
	}
	b.events++
	b.bytes += size
	b.ring.put(p, ev)
	return Held
}

// Next returns the event at cursor+1, or nil if it is not held. It is not copied: it stays held, and is to
// be read only, until Advance or another event for its place; then it is gone.
func (b *Buffer) Next() *crypto.CausalEvent { return b.next }

// at returns the event held at seq, the next one or a later one. It must be held.
func (b *Buffer) at(seq uint64) *crypto.CausalEvent {
	if b.Expects(seq) {
		return b.next
	}
	return b.ring.at(seq)
}

// Advance moves the cursor on by one: the event at cursor+1 has been used, wherever it came from. It
// panics at 2^64-1, where there is no such event.
func (b *Buffer) Advance() {
	if b.cursor == math.MaxUint64 {
		panic("target: internal error: the buffer's cursor would wrap")
	}
	if b.next != nil {
		b.dropNext()
	}
	b.cursor++
	if b.events == 0 {
		return
	}
	if b.next = b.ring.at(b.cursor + 1); b.next != nil { // no wrap: an event above that is held
		b.events--
		b.bytes -= int64(len(b.next.Payload))
	}
}

// dropNext lets go of the event at cursor+1.
func (b *Buffer) dropNext() {
	size := int64(len(b.next.Payload))
	if b.next == &b.own {
		b.own.Payload = nil
		size += eventOverhead
	} else {
		size += b.ring.remove(b.cursor + 1)
	}
	b.next = nil
	b.charge(-size)
}

// Clear drops everything held and returns how many events that were. The cursor stays.
func (b *Buffer) Clear() int {
	n := b.Len()
	b.charge(-b.charged)
	b.next, b.own.Payload = nil, nil
	b.events, b.bytes = 0, 0
	b.ring.clear()
	return n
}

// charge accounts for memory that is taken or given back unconditionally.
func (b *Buffer) charge(n int64) {
	b.charged += n
	b.ledger.add(n)
}

// reserve accounts for memory that the shared limit may refuse.
func (b *Buffer) reserve(n int64) bool {
	if !b.ledger.reserve(n) {
		return false
	}
	b.charged += n
	return true
}

// full describes why ev was refused.
func (b *Buffer) full(ev *crypto.CausalEvent) *FullError {
	e := &FullError{
		Origin: ev.Link.Origin, Sequence: ev.Link.Sequence, Cursor: b.cursor, Size: len(ev.Payload),
		Events: b.events, MaxEvents: int(b.maxEvents), Bytes: b.bytes, MaxBytes: b.maxBytes,
	}
	if b.ledger.limit != unlimited {
		e.NodeBytes, e.MaxNodeBytes = b.ledger.used.Load(), b.ledger.limit
	}
	return e
}
