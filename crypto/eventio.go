package crypto

import (
	"encoding/binary"
	"slices"

	"github.com/ferrymesh/ferry/codec"
)

// Sizes of the canonical encoding.
const (
	eventFixedSize = 8 + 8 + 32 + 1 + 32 + 8
	// MinEventSize is the encoded size of an event without payload, in bytes:
	// what a count of events must be checked against.
	MinEventSize = eventFixedSize + 1
)

// eventFixed is all that comes before the payload's length:
//
//	0 origin 8 | 8 sequence 8 | 16 parent 32 | 48 kind 1 | 49 producer 32 | 81 producer seq 8
//
// Every field has its place, so that one check of the bounds serves them all.
// Logs are sent, received and hashed event by event, and a check for each field
// costs several times what the copying does.
type eventFixed [eventFixedSize]byte

// put writes the fields of e.
func (b *eventFixed) put(e *CausalEvent) {
	binary.BigEndian.PutUint64(b[0:], e.Link.Origin)
	binary.BigEndian.PutUint64(b[8:], e.Link.Sequence)
	*(*Digest)(b[16:]) = e.Link.Parent
	b[48] = byte(e.Kind)
	*(*ProducerID)(b[49:]) = e.Producer
	binary.BigEndian.PutUint64(b[81:], e.ProducerSeq)
}

// get reads into e what put wrote and leaves the payload as it is.
func (b *eventFixed) get(e *CausalEvent) {
	e.Link.Origin = binary.BigEndian.Uint64(b[0:])
	e.Link.Sequence = binary.BigEndian.Uint64(b[8:])
	e.Link.Parent = Digest(b[16:])
	e.Kind = EventKind(b[48])
	e.Producer = ProducerID(b[49:])
	e.ProducerSeq = binary.BigEndian.Uint64(b[81:])
}

// EncodedLen returns the number of bytes AppendEvent writes for e.
func (e CausalEvent) EncodedLen() int {
	return eventFixedSize + codec.UvarintLen(uint64(len(e.Payload))) + len(e.Payload)
}

// AppendEvent appends the one canonical encoding of e, which is hashed, sent
// and stored alike:
//
//	origin 8 | sequence 8 | parent 32 | kind 1 | producer 32 | producer seq 8
//	| payload length uvarint | payload
func AppendEvent(dst []byte, e CausalEvent) []byte { return e.append(dst) }

// AppendEvents appends the encodings of all events, one behind the other.
func AppendEvents(dst []byte, events []CausalEvent) []byte {
	for i := range events {
		dst = events[i].append(dst)
	}
	return dst
}

// append is AppendEvent without the copy of e.
func (e *CausalEvent) append(dst []byte) []byte {
	return append(e.appendPrefix(dst, len(e.Payload)), e.Payload...)
}

// appendPrefix appends all that comes before a payload of length bytes.
func (e *CausalEvent) appendPrefix(dst []byte, length int) []byte {
	n := len(dst)
	dst = slices.Grow(dst, eventFixedSize)[:n+eventFixedSize]
	(*eventFixed)(dst[n:]).put(e)
	return codec.AppendUvarint(dst, uint64(length))
}

// DecodeEvent reads what AppendEvent wrote; the payload aliases the cursor's
// input and is nil when empty. An unknown kind fails the cursor with
// ErrBadEvent, a payload above MaxPayload with codec.ErrLimit. On failure the
// event is worthless: look at the cursor's error first.
func DecodeEvent(c *codec.Cursor) (e CausalEvent) {
	e.decode(c)
	return e
}

// DecodeEvents is DecodeEvent for each of events, in place: whatever they held
// before is overwritten. It stops at the first failure; then all are worthless.
func DecodeEvents(c *codec.Cursor, events []CausalEvent) {
	for i := range events {
		if events[i].decode(c); c.Err() != nil {
			return
		}
	}
}

// decode is DecodeEvent into an event that exists.
func (e *CausalEvent) decode(c *codec.Cursor) {
	b := c.Take(eventFixedSize)
	if b == nil {
		return
	}
	(*eventFixed)(b).get(e)
	if !e.Kind.valid() {
		c.Fail(ErrBadEvent)
	}
	e.Payload = c.Bytes(MaxPayload)
}
