package directory

import (
	"context"
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Serve answers one request of a peer out of d: it is the half of a remote
// directory on the node that keeps it. It blocks while d does, for a watch until
// ctx ends; it starts nothing and keeps nothing. Whether the peer may ask at all
// is the caller's to decide, and so is how many requests run at a time.
//
// The answer has the number of the request. It is nil for a message that is no
// request.
func Serve(ctx context.Context, d Directory, from crypto.NodeID, msg wire.Message) wire.Message {
	request, ok := RequestOf(msg)
	if !ok {
		return nil
	}
	answer, err := serve(ctx, d, from, msg)
	if err != nil {
		return &wire.DirectoryFailed{Request: request, Reason: wire.ReasonOf(err), Detail: err.Error()}
	}
	return answer
}

func serve(ctx context.Context, d Directory, from crypto.NodeID, msg wire.Message) (wire.Message, error) {
	switch m := msg.(type) {
	case *wire.DirectoryLookup:
		e, err := d.Lookup(ctx, m.Origin)
		return entryMessage(m.Request, &e), err
	case *wire.DirectoryRegister:
		if m.Holder != from {
			return nil, fmt.Errorf("%w: directory: %s registers a daemon of %s", wire.ErrWrongPeer, from, m.Holder)
		}
		e, err := d.Register(ctx, Birth{m.Genesis, m.Holder, m.Addrs})
		return entryMessage(m.Request, &e), err
	case *wire.DirectoryClaim:
		out, err := d.Claim(ctx, Claim{m.Migration, m.Decision, m.Cert, m.Hold, m.Addrs})
		return outcomeMessage(m.Request, &out), err
	case *wire.DirectoryForce:
		e, err := d.Force(ctx, Forced{m.Handover, m.Addrs})
		return entryMessage(m.Request, &e), err
	case *wire.DirectoryOutcome:
		out, err := d.Outcome(ctx, m.Origin, m.Attempt)
		return outcomeMessage(m.Request, &out), err
	case *wire.DirectoryWatch:
		e, err := d.Watch(ctx, m.Origin, m.After)
		return entryMessage(m.Request, &e), err
	}
	return nil, fmt.Errorf("%w: directory: %s is an answer", wire.ErrWrongPhase, msg.Type())
}

// RequestOf returns the number of a request to a directory; ok is false for every
// other message.
func RequestOf(msg wire.Message) (request uint64, ok bool) {
	switch m := msg.(type) {
	case *wire.DirectoryLookup:
		return m.Request, true
	case *wire.DirectoryRegister:
		return m.Request, true
	case *wire.DirectoryClaim:
		return m.Request, true
	case *wire.DirectoryForce:
		return m.Request, true
	case *wire.DirectoryOutcome:
		return m.Request, true
	case *wire.DirectoryWatch:
		return m.Request, true
	}
	return 0, false
}

// AnswerTo returns the number of the request that a directory's message answers;
// ok is false for every other message.
func AnswerTo(msg wire.Message) (request uint64, ok bool) {
	switch m := msg.(type) {
	case *wire.DirectoryEntry:
		return m.Request, true
	case *wire.DirectoryDecided:
		return m.Request, true
	case *wire.DirectoryFailed:
		return m.Request, true
	}
	return 0, false
}

func entryMessage(request uint64, e *Entry) *wire.DirectoryEntry {
	return &wire.DirectoryEntry{
		Request: request, Entity: e.Entity, Administrator: e.Administrator, Genesis: e.Genesis, Epoch: e.Epoch,
		Holder: e.Holder, Addrs: e.Addrs, Key: e.Key, Previous: e.Previous, Began: e.Began,
	}
}

func outcomeMessage(request uint64, out *Outcome) *wire.DirectoryDecided {
	return &wire.DirectoryDecided{
		Request: request, Attempt: out.Attempt, Decision: out.Decision, Migration: out.Migration, Cert: out.Cert,
	}
}
