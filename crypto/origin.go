package crypto

import (
	"encoding/binary"

	"golang.org/x/crypto/blake2b"
)

// OriginOf returns the number by which frames name an entity: 8 bytes, most
// significant first, from the front of BLAKE2b-256 over a tag and the id. It is short enough
// for tables and frames, and therefore no credential: whoever keeps entities
// by origin compares the whole EntityID as well.
func OriginOf(id EntityID) uint64 {
	b := append(make([]byte, 0, 64), tagOrigin...)
	sum := blake2b.Sum256(append(b, id[:]...))
	return binary.BigEndian.Uint64(sum[:8])
}
