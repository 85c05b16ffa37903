package directory

import "context"

// Store keeps rows for a Table. A backend implements it, and gets the rules for
// free.
type Store interface {
	// View calls f with a consistent view of one daemon's records, no older than
	// the call.
	View(ctx context.Context, origin uint64, f func(Reader) error) error

	// Update calls f in the same way, and then applies the change that f
	// returns, if any, as one durable step and only if the row is still the one
	// that f read. If it is not, f is called again with the new one. An error of
	// f ends the update and changes nothing.
	//
	// It returns ErrUnclear if it cannot tell whether the change was applied.
	Update(ctx context.Context, origin uint64, f func(Reader) (*Change, error)) error

	// Changed returns a channel that is closed once the daemon may have another
	// row than at the time of the call, or a move more.
	Changed(ctx context.Context, origin uint64) (<-chan struct{}, error)
}

// Reader reads the records of one daemon. It is valid during the call that got
// it. What there is none of is nil, without an error.
type Reader interface {
	// Row returns the row, which the caller may change.
	Row() (*Row, error)
	// Move returns the record of an epoch's beginning.
	Move(epoch uint64) (*Move, error)
}

// Change is what one step writes.
type Change struct {
	// Row replaces the daemon's row.
	Row *Row
	// Moves are new, with ascending epochs that end with the row's. A store that
	// bounds the size of a step may leave out the first ones.
	Moves []*Move
}
