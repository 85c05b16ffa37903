package directory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/conformance"
	"github.com/ferrymesh/ferry/wire"
)

// TestNodesRegisterThemselves: a birth is told by the node on which it was.
func TestNodesRegisterThemselves(t *testing.T) {
	dir, b := directory.NewMemory(), conformance.NewDaemon(t, 1).Birth()
	m := &wire.DirectoryRegister{Request: 7, Genesis: b.Genesis, Holder: b.Holder, Addrs: b.Addrs}
	answer := directory.Serve(t.Context(), dir, conformance.Node(5), m)
	failed, ok := answer.(*wire.DirectoryFailed)
	if !ok || failed.Request != 7 || !errors.Is(failed.Err(), wire.ErrWrongPeer) {
		t.Errorf("registered by another node: %+v", answer)
	}
	if _, ok := directory.Serve(t.Context(), dir, b.Holder, m).(*wire.DirectoryEntry); !ok {
		t.Error("not registered by its own")
	}
}

// TestOnlyRequestsAreServed: whatever else a peer sends has no answer.
func TestOnlyRequestsAreServed(t *testing.T) {
	dir := directory.NewMemory()
	for _, m := range []wire.Message{&wire.DirectoryEntry{}, &wire.DirectoryDecided{}, &wire.DirectoryFailed{}, &wire.Cancel{}} {
		if answer := directory.Serve(t.Context(), dir, conformance.Node(1), m); answer != nil {
			t.Errorf("%s was answered with %+v", m.Type(), answer)
		}
	}
}

// TestClientTakesNoAnswerForAnother: an answer that does not fit is none, and to a
// claim that means unclear.
func TestClientTakesNoAnswerForAnother(t *testing.T) {
	d, other := conformance.NewDaemon(t, 1), conformance.NewDaemon(t, 2)
	c := d.Move(1)
	entry := func(n uint64) *wire.DirectoryEntry {
		return &wire.DirectoryEntry{Request: n, Entity: other.Genesis.Entity, Epoch: 9}
	}
	decided := func(n uint64, a wire.Attempt, dec wire.Decision) *wire.DirectoryDecided {
		return &wire.DirectoryDecided{Request: n, Attempt: a, Decision: dec}
	}
	higher := c.Attempt()
	higher.Count++
	for name, answer := range map[string]wire.Message{
		"another request": decided(2, c.Attempt(), wire.DecisionAbort),
		"another attempt": decided(1, higher, wire.DecisionAbort),
		"undecided":       decided(1, c.Attempt(), wire.DecisionNone),
		"another daemon":  entry(1),
		"no answer":       &wire.Cancel{},
	} {
		client := func() *directory.Client {
			return directory.NewClient(func(context.Context, wire.Message) (wire.Message, error) { return answer, nil })
		}
		if out, err := client().Claim(t.Context(), c); !errors.Is(err, directory.ErrUnclear) || !errors.Is(err, wire.ErrBadFrame) {
			t.Errorf("%s: claim: %+v, %v", name, out, err)
		}
		if e, err := client().Lookup(t.Context(), d.Origin()); !errors.Is(err, wire.ErrBadFrame) {
			t.Errorf("%s: lookup: %+v, %v", name, e, err)
		}
	}
}

// TestLostSessionIsUnclear: what reads can just be asked again, what changes
// something is read back.
func TestLostSessionIsUnclear(t *testing.T) {
	d := conformance.NewDaemon(t, 1)
	client := directory.NewClient(func(context.Context, wire.Message) (wire.Message, error) { return nil, wire.ErrTimeout })
	_, claim := client.Claim(t.Context(), d.Move(1))
	_, register := client.Register(t.Context(), d.Birth())
	_, force := client.Force(t.Context(), d.Forced(1, d.Admin))
	for _, err := range []error{claim, register, force} {
		if !errors.Is(err, directory.ErrUnclear) || !errors.Is(err, wire.ErrTimeout) {
			t.Errorf("change: %v", err)
		}
	}
	if _, err := client.Lookup(t.Context(), d.Origin()); errors.Is(err, directory.ErrUnclear) || !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("lookup: %v", err)
	}
}
