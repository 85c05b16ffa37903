package codec

import (
	"encoding/binary"
	"math/bits"
)

// MaxUvarintLen is the length in bytes of the longest uvarint.
const MaxUvarintLen = binary.MaxVarintLen64

// AppendUint16 appends v in 2 bytes, most significant first.
func AppendUint16(dst []byte, v uint16) []byte {
	return binary.BigEndian.AppendUint16(dst, v)
}

// AppendUint32 appends v in 4 bytes, most significant first.
func AppendUint32(dst []byte, v uint32) []byte {
	return binary.BigEndian.AppendUint32(dst, v)
}

// AppendUint64 appends v in 8 bytes, most significant first.
func AppendUint64(dst []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(dst, v)
}

// AppendUvarint appends v in the fewest groups of 7 bits that hold it.
func AppendUvarint(dst []byte, v uint64) []byte {
	return binary.AppendUvarint(dst, v)
}

// UvarintLen returns how many bytes AppendUvarint writes for v: 1 to 10.
func UvarintLen(v uint64) int {
	// Zero still takes a byte, hence the or with 1.
	return (bits.Len64(v|1) + 6) / 7
}

// AppendBool appends one byte, 1 for true.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendBytes appends the length of b as a uvarint and then b. The limit on
// the length is the reader's; a writer that exceeds it is refused there.
func AppendBytes(dst, b []byte) []byte {
	return append(AppendUvarint(dst, uint64(len(b))), b...)
}

// AppendString appends s exactly as AppendBytes would append its bytes.
func AppendString(dst []byte, s string) []byte {
	return append(AppendUvarint(dst, uint64(len(s))), s...)
}
