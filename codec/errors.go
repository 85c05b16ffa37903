package codec

import "errors"

// What can be wrong with encoded bytes. A Cursor reports the first of these it
// met, unwrapped; callers match with errors.Is because layers above wrap them.
var (
	// ErrTruncated says that the input ends before the value does, or that a
	// count promises more items than the remaining bytes could hold.
	ErrTruncated = errors.New("codec: input is truncated")

	// ErrTrailing says that bytes remain after the last value.
	ErrTrailing = errors.New("codec: bytes remain after the value")

	// ErrNonCanonical says that a value is written in another form than its
	// only permitted one: a padded or oversized integer, a bool above 1.
	ErrNonCanonical = errors.New("codec: value is not in canonical form")

	// ErrLimit says that a length or count exceeds what the reader permits.
	ErrLimit = errors.New("codec: length exceeds the limit")
)
