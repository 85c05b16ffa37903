// Package codec is the leaf every other package encodes with: append functions
// to write, a Cursor with a sticky error to read.
//
// # Use
//
// Encoding appends to a slice the caller owns, so that a message of several
// fields costs one allocation, or none if the slice is reused:
//
//	b = codec.AppendUint64(b, origin)
//	b = codec.AppendBytes(b, payload)
//
// Decoding runs a Cursor over the received bytes. Reads after the first
// failure do nothing and return zero values, so a parser reads all its fields
// in a row and looks at the error once:
//
//	c := codec.NewCursor(b)
//	m.Origin = c.Uint64()
//	m.Payload = c.Bytes(limit)
//	return m, c.Finish()
//
// # Layout
//
//	uint8            1 byte
//	uint16, 32, 64   2, 4, 8 bytes, most significant first
//	bool             1 byte, 0 or 1, nothing else
//	uvarint          1 to 10 bytes, 7 bits each, least significant group first,
//	                 top bit set on all but the last; the shortest form only
//	bytes, string    uvarint length, then that many bytes
//	count            uvarint, followed by that many items
//
// # Guarantees
//
// Every value has exactly one encoding, and the cursor accepts no other: to
// decode and to encode again changes nothing. That matters because these bytes are
// hashed and signed. No read panics whatever the input, and no read allocates
// from a number that the input chose before the number has been compared with
// both the caller's limit and the bytes that are really there.
//
// # Limits
//
// The package knows no sizes of its own; each read of variable length takes
// the caller's. A Cursor is not safe for concurrent use.
package codec
