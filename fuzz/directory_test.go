package fuzz

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/conformance"
	"github.com/ferrymesh/ferry/wire"
)

// FuzzRow reads arbitrary bytes as a directory's stored rows and records of moves, once as they are and once with
// their checksum set right. What decodes encodes to the same bytes; what does not is called damaged.
func FuzzRow(f *testing.F) {
	d := conformance.NewDaemon(f, 1)
	table := directory.NewMemory()
	e, err := table.Register(context.Background(), d.Birth())
	if err != nil {
		f.Fatal(err)
	}
	claim := d.Move(1)
	out, err := table.Claim(context.Background(), claim)
	if err != nil {
		f.Fatal(err)
	}
	moved, err := table.Lookup(context.Background(), d.Origin())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(directory.AppendRow(nil, &directory.Row{Entry: e, Aborted: wire.Attempt{Epoch: 1, Boot: 1, Count: 7}, Generation: 2}))
	f.Add(directory.AppendRow(nil, &directory.Row{Entry: moved}))
	f.Add(directory.AppendMove(nil, &directory.Move{Entry: e}))
	f.Add(directory.AppendMove(nil, &directory.Move{Entry: moved, Migration: out.Migration, Attempt: out.Attempt, Cert: out.Cert}))
	f.Fuzz(func(t *testing.T, b []byte) {
		rowLaw(t, b, d.Origin())
		rowLaw(t, codec.AppendUint64(bytes.Clone(b), xxhash.Sum64(b)), d.Origin())
	})
}

func rowLaw(t *testing.T, b []byte, origin uint64) {
	row, err := directory.DecodeRow(b, origin)
	switch {
	case err != nil && !errors.Is(err, directory.ErrDamaged):
		t.Fatalf("unknown error: %v", err)
	case err == nil && (!bytes.Equal(directory.AppendRow(nil, row), b) || row.Origin() != origin):
		t.Fatalf("%x does not re-encode to itself", b)
	}
	for epoch := range uint64(4) {
		move, err := directory.DecodeMove(b, origin, epoch)
		switch {
		case err != nil && !errors.Is(err, directory.ErrDamaged):
			t.Fatalf("unknown error: %v", err)
		case err == nil && (!bytes.Equal(directory.AppendMove(nil, move), b) || move.Epoch != epoch):
			t.Fatalf("%x does not re-encode to itself", b)
		}
	}
}

// directoryRun is a directory behind its server, and what it has been seen to decide.
type directoryRun struct {
	t        *testing.T
	in       tape
	table    *directory.Table
	daemon   *conformance.Daemon
	claims   []directory.Claim
	epoch    uint64
	outcomes map[wire.Attempt]wire.Decision
}

// FuzzDirectory serves arbitrary requests: genuine evidence in any order and under any name, and frames cut out of
// the input. Laws: an answer belongs to its request and can be sent; an epoch never goes back, and goes on by one at
// a time; what was decided about an attempt stays decided.
func FuzzDirectory(f *testing.F) {
	f.Add([]byte{0, 0, 2, 1, 3, 0, 0, 5, 0})
	f.Add([]byte{0, 0, 2, 1, 2, 2, 4, 0, 0, 3, 0, 0, 3, 1, 1, 1, 6, 0, 7})
	for _, frame := range goldenFrames(f) {
		f.Add(append([]byte{0, 0, 8, 0}, frame...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &directoryRun{t: t, in: tape{data}, table: directory.NewMemory(), daemon: conformance.NewDaemon(t, 1), outcomes: make(map[wire.Attempt]wire.Decision)}
		for request := uint64(1); len(r.in.rest) > 0 && request < 48; request++ {
			if m := r.request(request); m != nil {
				r.serve(request, m)
			}
		}
	})
}

// request draws one; nil if what was drawn is none.
func (r *directoryRun) request(n uint64) wire.Message {
	d := r.daemon
	switch r.in.next() % 9 {
	case 0:
		b := d.Birth()
		return &wire.DirectoryRegister{Request: n, Genesis: b.Genesis, Holder: conformance.Node(int(r.in.next() & 1)), Addrs: b.Addrs}
	case 1:
		return &wire.DirectoryLookup{Request: n, Origin: d.Origin() + uint64(r.in.next()&1)}
	case 2:
		r.claims = append(r.claims, d.Move(int(r.in.next()&3)))
		return nil
	case 3, 4:
		return r.claim(n)
	case 5:
		if c := r.pick(); c != nil {
			return &wire.DirectoryOutcome{Request: n, Origin: d.Origin(), Attempt: c.Attempt()}
		}
	case 6:
		forced := d.Forced(int(r.in.next()&3), d.Admin)
		return &wire.DirectoryForce{Request: n, Handover: forced.Handover, Addrs: forced.Addrs}
	case 7:
		return &wire.DirectoryWatch{Request: n, Origin: d.Origin(), After: uint64(r.in.next() & 7)}
	case 8:
		return r.frame()
	}
	return nil
}

func (r *directoryRun) pick() *directory.Claim {
	if len(r.claims) == 0 {
		return nil
	}
	return &r.claims[int(r.in.next())%len(r.claims)]
}

// claim is a genuine one, its abort, or one whose evidence was tampered with.
func (r *directoryRun) claim(n uint64) wire.Message {
	c := r.pick()
	if c == nil {
		return nil
	}
	m := &wire.DirectoryClaim{Request: n, Migration: c.Migration, Decision: c.Decision, Cert: c.Cert, Hold: c.Hold, Addrs: c.Addrs}
	switch r.in.next() & 7 {
	case 0, 1:
		abort := conformance.Abort(*c)
		m.Decision, m.Hold, m.Addrs = abort.Decision, abort.Hold, nil
	case 2:
		m.Hold[r.in.next()&63] ^= 1
	case 3:
		m.Cert.To = conformance.Node(9)
	}
	return m
}

// frame cuts a message out of the input.
func (r *directoryRun) frame() wire.Message {
	h, body, rest, err := wire.SplitFrame(r.in.rest)
	if err != nil {
		return nil
	}
	r.in.rest = rest
	m, err := wire.Decode(h, body)
	if err != nil {
		return nil
	}
	return m
}

func (r *directoryRun) serve(n uint64, m wire.Message) {
	ctx := context.Background()
	if _, ok := m.(*wire.DirectoryWatch); ok {
		over, cancel := context.WithCancel(ctx) // it would wait
		cancel()
		ctx = over
	}
	answer := directory.Serve(ctx, r.table, conformance.Node(0), m)
	request, ok := directory.RequestOf(m)
	if !ok {
		if answer != nil {
			r.t.Fatalf("%T is no request and was answered", m)
		}
		return
	}
	if got, ok := directory.AnswerTo(answer); !ok || got != request {
		r.t.Fatalf("request %d was answered with %+v", request, answer)
	}
	h, body, _, err := wire.SplitFrame(wire.AppendFrame(nil, answer))
	if err == nil {
		_, err = wire.Decode(h, body)
	}
	if err != nil {
		r.t.Fatalf("an answer that nobody can read: %v", err)
	}
	r.settled(answer)
}

// settled compares what an answer says with what was said before, and follows the daemon.
func (r *directoryRun) settled(answer wire.Message) {
	if out, ok := answer.(*wire.DirectoryDecided); ok {
		if before := r.outcomes[out.Attempt]; before != wire.DecisionNone && before != out.Decision {
			r.t.Fatalf("attempt %v was decided %v, and now %v", out.Attempt, before, out.Decision)
		}
		r.outcomes[out.Attempt] = out.Decision
	}
	e, err := r.table.Lookup(context.Background(), r.daemon.Origin())
	if err != nil {
		if r.epoch > 0 {
			r.t.Fatalf("a daemon that was registered is gone: %v", err)
		}
		return
	}
	if e.Epoch < r.epoch || e.Epoch > r.epoch+1 {
		r.t.Fatalf("epoch %d after %d", e.Epoch, r.epoch)
	}
	if e.Epoch > r.epoch && r.epoch > 0 {
		r.follow(answer)
	}
	r.epoch = e.Epoch
}

// follow keeps the passport up with the directory, so that later evidence is of the epoch in force.
func (r *directoryRun) follow(answer wire.Message) {
	if out, ok := answer.(*wire.DirectoryDecided); ok && out.Decision == wire.DecisionCommit {
		r.daemon.Accept(out.Cert)
		r.claims = nil
	}
}
