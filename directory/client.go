package directory

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ferrymesh/ferry/wire"
)

// Client is a Directory on another node, which answers with Serve.
//
// It believes what it is told about entries and aborts. A COMMIT comes with the
// certificate, and whoever acts on it verifies that against the daemon's passport, as
// one that came from anywhere.
type Client struct {
	call func(context.Context, wire.Message) (wire.Message, error)
	last atomic.Uint64 // number of the last request
}

var _ Directory = (*Client)(nil)

// NewClient returns a client that sends each request by call, which waits for the
// message that AnswerTo says belongs to it. An error of call means that the answer,
// but not necessarily the request, was lost. A client is for one session, in
// which it uses no number twice.
func NewClient(call func(context.Context, wire.Message) (wire.Message, error)) *Client {
	return &Client{call: call}
}

// ask sends a request and returns its answer, or the error that the answer is.
func (c *Client) ask(ctx context.Context, request uint64, m wire.Message) (wire.Message, error) {
	answer, err := c.call(ctx, m)
	if err != nil {
		return nil, err
	}
	if n, ok := AnswerTo(answer); !ok || n != request {
		return nil, fmt.Errorf("%w: directory: the answer to %s is to another request", wire.ErrBadFrame, m.Type())
	}
	return answer, nil
}

// entry makes a request that is answered by an entry of the daemon.
func (c *Client) entry(ctx context.Context, request, origin uint64, m wire.Message) (Entry, error) {
	answer, err := c.ask(ctx, request, m)
	if err != nil {
		return Entry{}, err
	}
	switch a := answer.(type) {
	case *wire.DirectoryFailed:
		return Entry{}, &failed{restore(a.Err())}
	case *wire.DirectoryEntry:
		e := Entry{a.Entity, a.Administrator, a.Genesis, a.Epoch, a.Holder, a.Addrs, a.Key, a.Previous, a.Began}
		if e.Origin() == origin {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("%w: directory: %s is no answer to %s", wire.ErrBadFrame, answer.Type(), m.Type())
}

// outcome makes a request that is answered by the outcome of the attempt.
func (c *Client) outcome(ctx context.Context, request uint64, at wire.Attempt, m wire.Message) (Outcome, error) {
	answer, err := c.ask(ctx, request, m)
	if err != nil {
		return Outcome{}, err
	}
	switch a := answer.(type) {
	case *wire.DirectoryFailed:
		return Outcome{}, &failed{restore(a.Err())}
	case *wire.DirectoryDecided:
		if a.Attempt == at {
			return Outcome{a.Decision, a.Attempt, a.Migration, a.Cert}, nil
		}
	}
	return Outcome{}, fmt.Errorf("%w: directory: %s is no answer to %s", wire.ErrBadFrame, answer.Type(), m.Type())
}

// failed is an error that the directory reported: its answer is not lost.
type failed struct{ error }

// Unwrap returns what was reported.
func (f *failed) Unwrap() error { return f.error }

// unclear marks the failure of a request that changes something, unless the
// directory itself has reported it.
func unclear(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := err.(*failed); ok {
		return f.error
	}
	return fmt.Errorf("%w: %w", ErrUnclear, err)
}

// Lookup implements Directory.
func (c *Client) Lookup(ctx context.Context, origin uint64) (Entry, error) {
	n := c.last.Add(1)
	return c.entry(ctx, n, origin, &wire.DirectoryLookup{Request: n, Origin: origin})
}

// Register implements Directory. The directory lets a node register itself only.
func (c *Client) Register(ctx context.Context, b Birth) (Entry, error) {
	if err := b.check(); err != nil {
		return Entry{}, err
	}
	n := c.last.Add(1)
	e, err := c.entry(ctx, n, b.Genesis.Head().Origin, &wire.DirectoryRegister{Request: n, Genesis: b.Genesis, Holder: b.Holder, Addrs: b.Addrs})
	return e, unclear(err)
}

// Claim implements Directory.
func (c *Client) Claim(ctx context.Context, cl Claim) (Outcome, error) {
	if err := cl.check(); err != nil {
		return Outcome{}, err
	}
	n := c.last.Add(1)
	out, err := c.outcome(ctx, n, cl.Attempt(), &wire.DirectoryClaim{
		Request: n, Migration: cl.Migration, Decision: cl.Decision, Cert: cl.Cert, Hold: cl.Hold, Addrs: cl.Addrs,
	})
	if err == nil && out.Decision == wire.DecisionNone {
		err = fmt.Errorf("%w: directory: a claim was answered undecided", wire.ErrBadFrame)
	}
	if err != nil {
		return Outcome{}, unclear(err)
	}
	return out, nil
}

// Force implements Directory.
func (c *Client) Force(ctx context.Context, f Forced) (Entry, error) {
	if err := f.check(); err != nil {
		return Entry{}, err
	}
	n := c.last.Add(1)
	e, err := c.entry(ctx, n, f.Handover.Link.Origin, &wire.DirectoryForce{Request: n, Handover: f.Handover, Addrs: f.Addrs})
	return e, unclear(err)
}

// Outcome implements Directory.
func (c *Client) Outcome(ctx context.Context, origin uint64, a wire.Attempt) (Outcome, error) {
	n := c.last.Add(1)
	return c.outcome(ctx, n, a, &wire.DirectoryOutcome{Request: n, Origin: origin, Attempt: a})
}

// Watch implements Directory.
func (c *Client) Watch(ctx context.Context, origin, after uint64) (Entry, error) {
	n := c.last.Add(1)
	e, err := c.entry(ctx, n, origin, &wire.DirectoryWatch{Request: n, Origin: origin, After: after})
	if err == nil && e.Epoch <= after {
		return Entry{}, fmt.Errorf("%w: directory: a watch after epoch %d was answered with %d", wire.ErrBadFrame, after, e.Epoch)
	}
	return e, err
}
