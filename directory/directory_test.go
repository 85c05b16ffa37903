package directory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/conformance"
	"github.com/ferrymesh/ferry/wire"
)

func TestMemoryConforms(t *testing.T) {
	conformance.Run(t, func(*testing.T) conformance.Backend {
		return conformance.Backend{Directory: directory.NewMemory()}
	})
}

// remote is a directory in memory behind frames, asked by whoever the request
// speaks for.
func remote(t *testing.T, d directory.Directory) *directory.Client {
	return directory.NewClient(func(ctx context.Context, m wire.Message) (wire.Message, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		from := conformance.Node(9)
		if b, ok := m.(*wire.DirectoryRegister); ok {
			from = b.Holder
		}
		answer := directory.Serve(ctx, d, from, travel(t, m))
		if failed, ok := answer.(*wire.DirectoryFailed); ok && failed.Reason == wire.ReasonInternal && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return travel(t, answer), nil
	})
}

// travel encodes a message and decodes it again.
func travel(t *testing.T, m wire.Message) wire.Message {
	h, body, rest, err := wire.SplitFrame(wire.AppendFrame(nil, m))
	if err != nil || len(rest) > 0 {
		t.Errorf("%s: %v, %d bytes left", m.Type(), err, len(rest))
	}
	back, err := wire.Decode(h, body)
	if err != nil {
		t.Errorf("%s: %v", m.Type(), err)
	}
	return back
}

func TestRemoteConforms(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Backend {
		return conformance.Backend{Directory: remote(t, directory.NewMemory())}
	})
}

func TestNoneAnswersNothing(t *testing.T) {
	ctx, d := t.Context(), conformance.NewDaemon(t, 1)
	for _, dir := range []directory.Directory{directory.None{}, remote(t, directory.None{})} {
		_, lookup := dir.Lookup(ctx, d.Origin())
		_, register := dir.Register(ctx, d.Birth())
		_, claim := dir.Claim(ctx, d.Move(1))
		_, force := dir.Force(ctx, d.Forced(1, d.Admin))
		_, outcome := dir.Outcome(ctx, d.Origin(), wire.Attempt{Epoch: 1})
		_, watch := dir.Watch(ctx, d.Origin(), 0)
		for i, err := range []error{lookup, register, claim, force, outcome, watch} {
			if !errors.Is(err, directory.ErrNone) || !errors.Is(err, wire.ErrVersion) {
				t.Errorf("%T, call %d: %v", dir, i, err)
			}
		}
	}
}
