package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// TestRefusalsAreFindings: a worker may be told that nobody knows the daemon, or lose its patience, and nothing else.
func TestRefusalsAreFindings(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for err, want := range map[error]bool{
		nil:                       false,
		context.DeadlineExceeded:  false,
		wire.ErrDaemonNotFound:    false,
		wire.ErrFrozen:            true,
		wire.ErrNotReady:          true,
		wire.ErrProducerWindow:    true,
		wire.ErrProducerEvicted:   true,
		wire.ErrInternal:          true,
		peer.ErrClosed:            true,
		errors.New("of any kind"): true,
	} {
		if err != nil {
			err = fmt.Errorf("wrapped: %w", err)
		}
		if got := refusal(t.Context(), err); (got != nil) != want {
			t.Errorf("%v: %v", err, got)
		}
		if got := refusal(over, err); got != nil {
			t.Errorf("after the end, %v: %v", err, got)
		}
	}
}
