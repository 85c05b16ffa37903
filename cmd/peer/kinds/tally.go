package kinds

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/crypto"
)

// auditSums is the number of fingerprint sums kept per producer.
const auditSums = 32

// Sums are order-free fingerprints of the events of one producer: the event with producer
// sequence s adds the xxhash64 of (s, payload) to Sums[s mod 32], once, however often it is
// seen. Two sides that hold the same events in any order agree on all 32; a payload that was
// altered on the way shows in one of them. They guard against accident, not against a forger.
type Sums [auditSums]uint64

// MarshalText writes the sums as 512 hex digits, so that no JSON reader rounds them.
func (s Sums) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 8*auditSums)
	for _, v := range s {
		raw = binary.BigEndian.AppendUint64(raw, v)
	}
	return hex.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *Sums) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != 8*auditSums {
		return fmt.Errorf("kinds: fingerprint sums are %d hex digits, got %d", 16*auditSums, len(text))
	}
	for i := range s {
		s[i] = binary.BigEndian.Uint64(raw[8*i:])
	}
	return nil
}

// tally is the record of one stream of (producer sequence, payload) pairs. The daemon's side
// (Audit) and the producer's side (AuditTrail) keep the very same one, which is what makes
// them comparable.
type tally struct {
	applied    uint64 // pairs seen, repeats included
	duplicates uint64 // of those, the ones whose sequence was already in seen
	reordered  uint64 // of those, new ones below the highest sequence seen
	overflow   uint64 // of those, the ones seen had no room for
	chain      crypto.Digest
	sums       Sums
	seen       spans
}

// record notes one pair. It does not keep payload.
func (t *tally) record(seq uint64, payload []byte) {
	t.applied++
	t.chain = chainStep(t.chain, seq, payload)
	switch {
	case t.seen.has(seq):
		t.duplicates++
		return
	case len(t.seen) > 0 && seq < t.seen[len(t.seen)-1].Last:
		t.reordered++
	}
	if !t.seen.add(seq, MaxAuditSpans) {
		t.overflow++
		return
	}
	t.sums[seq%auditSums] += fingerprint(seq, payload)
}

// inlinePayload is the longest payload that is hashed from a buffer on the stack; a longer one
// costs one small allocation for the hash state, and is never copied.
const inlinePayload = 256

// chainStep returns SHA-256(chain ‖ seq as 8 bytes big endian ‖ payload). The first two have
// fixed lengths, so no two different steps hash the same bytes.
func chainStep(chain crypto.Digest, seq uint64, payload []byte) crypto.Digest {
	var buf [40 + inlinePayload]byte
	copy(buf[:], chain[:])
	binary.BigEndian.PutUint64(buf[32:], seq)
	if len(payload) <= inlinePayload {
		return sha256.Sum256(buf[:40+copy(buf[40:], payload)])
	}
	h := sha256.New()
	h.Write(buf[:40])
	h.Write(payload)
	var next crypto.Digest
	h.Sum(next[:0])
	return next
}

// fingerprint mixes the sequence into the hash of the payload, so that two events that swapped
// their payloads do not cancel out.
func fingerprint(seq uint64, payload []byte) uint64 {
	return mix(xxhash.Sum64(payload) + mix(seq))
}

// mix is the finalizer of splitmix64: a bijection of 64-bit words without visible structure.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// report returns the tally as it is told to others.
func (t *tally) report(p crypto.ProducerID) Report {
	return Report{
		Producer: p, Applied: t.applied, Duplicates: t.duplicates, Reordered: t.reordered, Overflow: t.overflow,
		Chain: t.chain, Sums: t.sums, Spans: append([]Span{}, t.seen...),
	}
}
