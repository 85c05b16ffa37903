package crypto

import (
	"crypto/sha256"

	"github.com/ferrymesh/ferry/codec"
)

// A Head commits to a daemon's log through Sequence and to all outputs it
// caused. Two copies of a daemon with equal heads have the same past.
type Head struct {
	// Origin is the daemon's routing handle.
	Origin uint64
	// Sequence is the last entry's, 0 for a daemon just born.
	Sequence uint64
	// Digest is the last entry's digest; the genesis' at 0.
	Digest Digest
	// Outputs is a running digest; zero until an event causes output.
	Outputs Digest
}

// HeadSize is the encoded size of a Head in bytes.
const HeadSize = 8 + 8 + 32 + 32

// AppendHead appends origin 8 | sequence 8 | digest 32 | outputs 32.
func AppendHead(dst []byte, h Head) []byte {
	dst = codec.AppendUint64(dst, h.Origin)
	dst = codec.AppendUint64(dst, h.Sequence)
	dst = append(dst, h.Digest[:]...)
	return append(dst, h.Outputs[:]...)
}

// DecodeHead reads what AppendHead wrote.
func DecodeHead(c *codec.Cursor) Head {
	var h Head
	h.Origin = c.Uint64()
	h.Sequence = c.Uint64()
	c.Fixed(h.Digest[:])
	c.Fixed(h.Outputs[:])
	return h
}

// Append returns the head after e, which caused the outputs. The caller has
// checked e's link with CheckLink; Append itself trusts it. Events without
// outputs leave the outputs digest as it was; an empty output still counts.
func (h Head) Append(e CausalEvent, outputs [][]byte) Head {
	h.Extend(&e, outputs)
	return h
}

// Extend is Append in place and without a copy of e, for logs that are followed
// event by event.
func (h *Head) Extend(e *CausalEvent, outputs [][]byte) {
	h.Sequence = e.Link.Sequence
	h.Digest = e.digest()
	if len(outputs) > 0 {
		h.Outputs = h.chainOutputs(outputs)
	}
}

// smallOutputs is the total size up to which outputs are hashed from the stack.
const smallOutputs = 512

// chainOutputs returns SHA-256(tag ‖ previous digest 32 ‖ sequence 8 ‖ count
// uvarint ‖ each output as length uvarint and bytes).
func (h *Head) chainOutputs(outputs [][]byte) Digest {
	var buf [len(tagOutputs) + 64 + smallOutputs]byte
	b := append(buf[:0], tagOutputs...)
	b = append(b, h.Outputs[:]...)
	b = codec.AppendUint64(b, h.Sequence)
	b = codec.AppendUvarint(b, uint64(len(outputs)))
	if sizeOfOutputs(outputs) > smallOutputs {
		return hashLarge(b, outputs)
	}
	for _, out := range outputs {
		b = codec.AppendBytes(b, out)
	}
	return sha256.Sum256(b)
}

// sizeOfOutputs returns the encoded size of the outputs, without their count.
func sizeOfOutputs(outputs [][]byte) (n int) {
	for _, out := range outputs {
		n += codec.UvarintLen(uint64(len(out))) + len(out)
	}
	return n
}

// hashLarge hashes prefix and outputs without joining them in memory.
func hashLarge(prefix []byte, outputs [][]byte) (d Digest) {
	h := sha256.New()
	h.Write(prefix)
	var length [codec.MaxUvarintLen]byte
	for _, out := range outputs {
		h.Write(codec.AppendUvarint(length[:0], uint64(len(out))))
		h.Write(out)
	}
	h.Sum(d[:0])
	return d
}
