package directory

import (
	"context"

	"github.com/ferrymesh/ferry/wire"
)

// None is the absence of a directory. Every call fails with ErrNone.
type None struct{}

var _ Directory = None{}

// Lookup fails.
func (None) Lookup(context.Context, uint64) (Entry, error) { return Entry{}, ErrNone }

// Register fails.
func (None) Register(context.Context, Birth) (Entry, error) { return Entry{}, ErrNone }

// Claim fails.
func (None) Claim(context.Context, Claim) (Outcome, error) { return Outcome{}, ErrNone }

// Force fails.
func (None) Force(context.Context, Forced) (Entry, error) { return Entry{}, ErrNone }

// Outcome fails.
func (None) Outcome(context.Context, uint64, wire.Attempt) (Outcome, error) {
	return Outcome{}, ErrNone
}

// Watch fails.
func (None) Watch(context.Context, uint64, uint64) (Entry, error) { return Entry{}, ErrNone }
