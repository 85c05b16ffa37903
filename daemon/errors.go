package daemon

import (
	"errors"
	"fmt"
)

// Errors of this package. Those that other nodes must understand are in wire:
// a frozen host answers wire.ErrFrozen, a dark one wire.ErrNotReady, one that
// was handed over wire.ErrMoved.
var (
	// ErrConfig: what a constructor was given cannot be used, such as a nil
	// daemon or a kind longer than wire.MaxKind. The text says what.
	ErrConfig = errors.New("daemon: invalid configuration")
	// ErrLogFull: the log has used all sequence numbers but the last, which is
	// kept for a handover.
	ErrLogFull = errors.New("daemon: log has no sequence numbers left")
	// ErrNotInspectable: the daemon does not implement Inspector.
	ErrNotInspectable = errors.New("daemon: not inspectable")
	// ErrOriginTaken: the registry already has a host for that origin.
	ErrOriginTaken = errors.New("daemon: origin is taken")
	// ErrOriginCollision: the origin is taken by a daemon of another identity.
	// It matches ErrOriginTaken too.
	ErrOriginCollision = fmt.Errorf("daemon: origin belongs to another entity: %w", ErrOriginTaken)
	// ErrKindTaken: the kind has a factory already.
	ErrKindTaken = errors.New("daemon: kind is taken")
	// ErrExpected: the origin has an expectation already.
	ErrExpected = errors.New("daemon: origin is expected already")
	// ErrClosed: the snapshot was closed.
	ErrClosed = errors.New("daemon: snapshot is closed")
	// ErrConsumed: the snapshot came from a stream, which was read before.
	ErrConsumed = errors.New("daemon: snapshot was read before")
)

// recovered turns a panic of the daemon's own code into *err. It must be
// deferred directly. Nothing else in this package calls foreign code, so
// a panic caught here is always the daemon's, never ours.
func recovered(method string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("daemon: panic in %s: %v", method, p)
	}
}
