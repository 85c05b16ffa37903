package crypto

import (
	"crypto/sha256"
	"fmt"
	"hash"
)

// An EventHasher computes an event's digest while its payload arrives in
// pieces. It agrees with CausalEvent.Digest. Not safe for concurrent use.
type EventHasher struct {
	hash hash.Hash
	left int // payload bytes that were announced and have not been written
}

// NewEventHasher starts the digest of an event with the fields of e, except
// that its payload is ignored: length bytes of payload follow by Write. A
// length below 0 or above MaxPayload is ErrLength.
func NewEventHasher(e CausalEvent, length int) (*EventHasher, error) {
	if length < 0 || length > MaxPayload {
		return nil, fmt.Errorf("%w: %d", ErrLength, length)
	}
	b := append(make([]byte, 0, 128), tagEvent...)
	h := &EventHasher{hash: sha256.New(), left: length}
	h.hash.Write(e.appendPrefix(b, length))
	return h, nil
}

// Write adds a piece of the payload. A piece beyond the announced length is
// refused whole with ErrLength.
func (h *EventHasher) Write(p []byte) (int, error) {
	if len(p) > h.left {
		return 0, fmt.Errorf("%w: %d bytes too many", ErrLength, len(p)-h.left)
	}
	h.left -= len(p)
	return h.hash.Write(p)
}

// Sum returns the digest, or ErrLength while payload is missing.
func (h *EventHasher) Sum() (d Digest, err error) {
	if h.left != 0 {
		return d, fmt.Errorf("%w: %d bytes missing", ErrLength, h.left)
	}
	h.hash.Sum(d[:0])
	return d, nil
}
