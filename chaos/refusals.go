package main

import (
	"context"
	"errors"

	"github.com/ferrymesh/ferry/wire"
)

// legitimate are the errors with which a submission may come back while nodes are broken. The node that submits retries
// everything else that passes (protocol §3.5.4), so what it hands on tells of a mistake, here or there.
var legitimate = []error{
	context.DeadlineExceeded, // the patience of the worker that has asked: the outcome is open
	context.Canceled,         // the same, at the end of the run
	wire.ErrDaemonNotFound,   // nothing of the producer is under way, and nobody who can be reached knows the daemon: its holder is down
}

// refusal returns an error that a worker of the run must not have been given, nil for any other. Once ctx has ended anything may
// come: the submitting node closes.
func refusal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	for _, may := range legitimate {
		if errors.Is(err, may) {
			return nil
		}
	}
	return err
}
