package crypto

import (
	"crypto/sha256"
	"strconv"

	"github.com/ferrymesh/ferry/codec"
)

// MaxPayload is the largest payload of one event, in bytes.
const MaxPayload = 256 << 10

// An EventKind says who may have written an entry of the log. The numbers are
// hashed and sent: frozen.
type EventKind uint8

// The kinds of entries.
const (
	EventInput    EventKind = 1 // a producer's submission; the daemon processes these only
	EventHandover EventKind = 2 // a change of holder, signed by the epoch's key
	EventForced   EventKind = 3 // a change of holder, signed by the administrator's key
)

// valid reports whether the kind is one of the three.
func (k EventKind) valid() bool { return k >= EventInput && k <= EventForced }

// String returns "input", "handover" or "forced".
func (k EventKind) String() string {
	switch k {
	case EventInput:
		return "input"
	case EventHandover:
		return "handover"
	case EventForced:
		return "forced"
	}
	return "kind " + strconv.Itoa(int(k))
}

// A CausalEvent is one entry of a daemon's log.
type CausalEvent struct {
	// Link places the entry in the log.
	Link CausalLink
	// Kind says how to read the payload.
	Kind EventKind
	// Producer and ProducerSeq make a submission idempotent. Zero in handovers.
	Producer    ProducerID
	ProducerSeq uint64
	// Payload is the daemon's input, or the encoded handover: at most
	// MaxPayload bytes. Decoded events alias what they were decoded from.
	Payload []byte
}

// Sizes of the canonical encoding.
const (
	linkSize       = 8 + 8 + 32
	eventFixedSize = linkSize + 1 + 32 + 8
	// MinEventSize is the encoded size of an event without payload, in bytes:
	// what a count of events must be checked against.
	MinEventSize = eventFixedSize + 1
)

// EncodedLen returns the number of bytes AppendEvent writes for e.
func (e CausalEvent) EncodedLen() int {
	return eventFixedSize + codec.UvarintLen(uint64(len(e.Payload))) + len(e.Payload)
}

// AppendEvent appends the one canonical encoding of e, which is hashed, sent
// and stored alike:
//
//	origin 8 | sequence 8 | parent 32 | kind 1 | producer 32 | producer seq 8
//	| payload length uvarint | payload
func AppendEvent(dst []byte, e CausalEvent) []byte {
	dst = appendEventFixed(dst, &e)
	return codec.AppendBytes(dst, e.Payload)
}

// appendEventFixed appends all that comes before the payload's length.
func appendEventFixed(dst []byte, e *CausalEvent) []byte {
	dst = appendLink(dst, e.Link)
	dst = append(dst, byte(e.Kind))
	dst = append(dst, e.Producer[:]...)
	return codec.AppendUint64(dst, e.ProducerSeq)
}

// DecodeEvent reads what AppendEvent wrote; the payload aliases the cursor's
// input and is nil when empty. An unknown kind fails the cursor with
// ErrBadEvent, a payload above MaxPayload with codec.ErrLimit. On failure the
// event is worthless: look at the cursor's error first.
func DecodeEvent(c *codec.Cursor) CausalEvent {
	var e CausalEvent
	e.Link = decodeLink(c)
	e.Kind = EventKind(c.Uint8())
	if !e.Kind.valid() {
		c.Fail(ErrBadEvent)
	}
	c.Fixed(e.Producer[:])
	e.ProducerSeq = c.Uint64()
	e.Payload = c.Bytes(MaxPayload)
	return e
}

// smallEvent is the payload size up to which Digest hashes from the stack.
const smallEvent = 512

// Digest returns SHA-256(tag ‖ encoding): it commits to every field. It does
// not allocate for payloads of up to 512 bytes and never copies larger ones.
func (e CausalEvent) Digest() Digest {
	var buf [len(tagEvent) + eventFixedSize + codec.MaxUvarintLen + smallEvent]byte
	b := append(buf[:0], tagEvent...)
	b = appendEventFixed(b, &e)
	b = codec.AppendUvarint(b, uint64(len(e.Payload)))
	if len(e.Payload) <= smallEvent {
		return sha256.Sum256(append(b, e.Payload...))
	}
	h := sha256.New()
	h.Write(b)
	h.Write(e.Payload)
	var d Digest
	h.Sum(d[:0])
	return d
}
