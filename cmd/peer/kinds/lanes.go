package kinds

import (
	"crypto/sha256"
	"encoding/binary"
)

// lanes is a digest of a set: the SHA-256 of each entry, added up as four 64-bit words. Adding
// and removing an entry costs one hash whatever the size of the set. It is a check against
// mistakes; a forger can find other sets with the same sum.
type lanes [4]uint64

// hashEntry returns the lanes of a single entry.
func hashEntry(key string, e entry) (l lanes) {
	// The stack holds all but long values.
	buf := appendEntryHead(make([]byte, 0, 512), key, e)
	sum := sha256.Sum256(append(append(buf, key...), e.value...))
	for i := range l {
		l[i] = binary.BigEndian.Uint64(sum[8*i:])
	}
	return l
}

func (l *lanes) add(m lanes) {
	for i := range l {
		l[i] += m[i]
	}
}

func (l *lanes) remove(m lanes) {
	for i := range l {
		l[i] -= m[i]
	}
}

// bytes returns the digest in its written form.
func (l lanes) bytes() (b [32]byte) {
	for i, v := range l {
		binary.BigEndian.PutUint64(b[8*i:], v)
	}
	return b
}

// appendEntryHead adds the fixed part of an entry, as snapshots and the content digest have it.
func appendEntryHead(dst []byte, key string, e entry) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(key)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.value)))
	return binary.BigEndian.AppendUint64(dst, e.version)
}

// entrySize returns the bytes of an entry in a snapshot.
func entrySize(key string, e entry) int64 { return int64(entryHead + len(key) + len(e.value)) }
