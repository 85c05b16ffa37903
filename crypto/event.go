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

// Digest returns SHA-256(tag ‖ encoding): it commits to every field. It neither
// allocates nor copies the payload.
func (e CausalEvent) Digest() Digest { return e.digest() }

// digest is Digest without the copy of e. To hash the payload where it lies costs
// an event of usual size less than clearing a buffer that would hold both parts.
func (e *CausalEvent) digest() (d Digest) {
	var buf [len(tagEvent) + eventFixedSize + codec.MaxUvarintLen]byte
	h := sha256.New()
	h.Write(e.appendPrefix(append(buf[:0], tagEvent...), len(e.Payload)))
	h.Write(e.Payload)
	h.Sum(d[:0])
	return d
}
