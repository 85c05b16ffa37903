package codec

import "encoding/binary"

// A Cursor reads values off the front of a byte slice. Its error is sticky:
// after the first failure every read returns the zero value and Err keeps
// telling what went wrong first.
//
// It is a small value meant for the stack. Copying one forks the position,
// which is a cheap way to look ahead. Not safe for concurrent use.
type Cursor struct {
	rest []byte // not yet read; nil once err is set, so that reads find nothing
	err  error
}

// NewCursor returns a cursor at the start of b. The cursor never writes to b;
// slices returned by Take and Bytes alias it.
func NewCursor(b []byte) Cursor {
	return Cursor{rest: b}
}

// Err returns the first failure, or nil.
func (c *Cursor) Err() error {
	return c.err
}

// Rest returns how many bytes are unread: 0 after a failure.
func (c *Cursor) Rest() int {
	return len(c.rest)
}

// Fail records err as the cursor's failure unless it already has one. Parsers
// use it for rules of their own, such as an unknown kind. A nil err is ignored.
func (c *Cursor) Fail(err error) {
	if c.err != nil || err == nil {
		return
	}
	c.err, c.rest = err, nil
}

// Finish ends the reading: it returns the first failure, or ErrTrailing if
// bytes remain, or nil.
func (c *Cursor) Finish() error {
	if len(c.rest) > 0 {
		c.Fail(ErrTrailing)
	}
	return c.err
}

// Take returns the next n bytes. They alias the input and are clipped, so that
// appending to them copies. A negative n fails with ErrLimit.
func (c *Cursor) Take(n int) []byte {
	if n < 0 {
		c.Fail(ErrLimit)
		return nil
	}
	if n > len(c.rest) {
		c.Fail(ErrTruncated)
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

// Fixed fills dst with the next len(dst) bytes. On failure dst is zeroed: a
// parser that ignores the error must not act on what dst held before.
func (c *Cursor) Fixed(dst []byte) {
	src := c.Take(len(dst))
	if src == nil {
		clear(dst)
		return
	}
	copy(dst, src)
}

// Uint8 reads one byte.
func (c *Cursor) Uint8() uint8 {
	b := c.Take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// Uint16 reads 2 bytes, most significant first.
func (c *Cursor) Uint16() uint16 {
	b := c.Take(2)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// Uint32 reads 4 bytes, most significant first.
func (c *Cursor) Uint32() uint32 {
	b := c.Take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// Uint64 reads 8 bytes, most significant first.
func (c *Cursor) Uint64() uint64 {
	b := c.Take(8)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Bool reads one byte that is 0 or 1; any other is ErrNonCanonical.
func (c *Cursor) Bool() bool {
	v := c.Uint8()
	if v > 1 {
		c.Fail(ErrNonCanonical)
		return false
	}
	return v == 1
}

// Uvarint reads an integer in groups of 7 bits. A last group of zero after
// others, or a value beyond 64 bits, is ErrNonCanonical.
func (c *Cursor) Uvarint() uint64 {
	// Nearly all lengths and counts are below 128, and most of the others below 16,384.
	switch b := c.rest; {
	case len(b) > 0 && b[0] < 0x80:
		c.rest = b[1:]
		return uint64(b[0])
	case len(b) > 1 && 0 < b[1] && b[1] < 0x80:
		c.rest = b[2:]
		return uint64(b[0]&0x7f) | uint64(b[1])<<7
	}
	v, n := binary.Uvarint(c.rest)
	switch {
	case n == 0:
		c.Fail(ErrTruncated)
		return 0
	case n < 0, c.rest[n-1] == 0:
		c.Fail(ErrNonCanonical)
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

// length reads a uvarint that must not exceed limit and hence fits an int.
func (c *Cursor) length(limit int) int {
	n := c.Uvarint()
	if limit < 0 || n > uint64(limit) {
		c.Fail(ErrLimit)
		return 0
	}
	return int(n)
}

// Bytes reads a length of at most limit and that many bytes, which alias the
// input. An empty value is nil. A longer one is ErrLimit.
func (c *Cursor) Bytes(limit int) []byte {
	n := c.length(limit)
	if n == 0 {
		return nil
	}
	return c.Take(n)
}

// String reads what AppendString wrote, of at most limit bytes. It copies, after
// the length has been checked. Whether the bytes are UTF-8 is the caller's to
// check.
func (c *Cursor) String(limit int) string {
	return string(c.Bytes(limit))
}

// Count reads the number of items that follow, at most limit, each of them at
// least minSize bytes long. A count that the remaining bytes cannot hold is
// ErrTruncated, so the caller may allocate for the result. A minSize below 1
// counts as 1.
func (c *Cursor) Count(limit, minSize int) int {
	n := c.length(limit)
	// Division instead of multiplication: it cannot overflow.
	if n > len(c.rest)/max(minSize, 1) {
		c.Fail(ErrTruncated)
		return 0
	}
	return n
}
