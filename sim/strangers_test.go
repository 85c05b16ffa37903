package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// meet makes sessions between a stranger and the parties.
func (f *fixture) meet(n *sim.Node) {
	for _, other := range f.Nodes() {
		f.Connect(n, other)
	}
	f.Run(100 * time.Millisecond)
}

// forgeries are a message of every type that belongs to a migration.
func forgeries(ref wire.Ref) []wire.Message {
	head := crypto.Head{Origin: ref.Origin, Sequence: 1}
	a := wire.Attempt{Epoch: 1, Boot: 9, Count: 9}
	key, err := crypto.KeypairFromSeed([32]byte{1})
	if err != nil {
		panic(err)
	}
	return []wire.Message{
		&wire.TakeSnapshot{Ref: ref, Target: crypto.NodeID{1}},
		&wire.Prepare{Ref: ref, Entity: crypto.EntityID(key.Public()), Kind: sim.KindTape},
		&wire.BufferedEvents{Ref: ref, Events: []crypto.CausalEvent{{Link: crypto.CausalLink{Origin: ref.Origin, Sequence: 1}, Kind: crypto.EventInput}}},
		&wire.RestoreComplete{Ref: ref, Head: head}, &wire.Progress{Ref: ref, Head: head}, &wire.CutoverNotify{Ref: ref},
		&wire.Final{Ref: ref, Attempt: a, Head: head}, &wire.Aborted{Ref: ref, Attempt: a},
		&wire.ReplayComplete{Ref: ref, Attempt: a, Head: head},
		&wire.CleanupComplete{Ref: ref, Outcome: wire.OutcomeMoved}, &wire.Status{Ref: ref, Phase: wire.PhaseComplete},
		&wire.Cancel{Ref: ref}, &wire.Ask{Ref: ref}, &wire.Answer{Ref: ref, State: wire.StateServing, Attempt: a},
		&wire.MigrationFailed{Ref: ref, Reason: wire.ReasonRefused},
	}
}

// What a stranger says in the middle of a migration is refused, counted and without effect, in every phase
// and for every type.
func TestD1_StrangersAreRefused(t *testing.T) {
	for _, p := range phases {
		t.Run(p.String(), func(t *testing.T) {
			f := newFixture(t, sim.Options{Net: sim.Speeds{Piece: 5 * time.Millisecond, Chunk: 100}})
			f.meet(f.d)
			id := f.c.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
			f.until(f.a, id, p)
			ref := wire.Ref{Migration: id, Origin: f.daemon.Origin, Epoch: 1}
			for _, n := range []*sim.Node{f.a, f.b, f.c} {
				before := n.Core().Counters().FramesRefused
				for _, msg := range forgeries(ref) {
					if !n.Say(f.d, msg) {
						t.Fatal("no session with the stranger")
					}
				}
				if got := n.Core().Counters().FramesRefused - before; got < 5 && !(n == f.b && p == wire.PhaseSnapshot) { // which has not heard of it then
					t.Errorf("%s refused %d of the forged frames", n.Name, got)
				}
			}
			f.settle()
			f.ends(f.c, id, wire.OutcomeMoved, nil)
			f.serves(f.b, 1)
		})
	}
}

// Frames that cannot be read are counted and skipped, and the session goes on.
func TestD2_Garbage(t *testing.T) {
	f := newFixture(t, sim.Options{})
	f.meet(f.d)
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, id, wire.PhaseTransfer)
	rng := f.Rand("garbage")
	n := uint64(0)
	for s := range uint8(4) {
		for number := range uint8(0x20) {
			body := make([]byte, rng.IntN(40))
			for i := range body {
				body[i] = byte(rng.Uint32())
			}
			typ := wire.MakeType(wire.Subprotocol(s), number)
			f.a.SayRaw(f.d, wire.Header{Type: typ, Length: len(body)}, body)
			n++
		}
	}
	if got := f.a.Core().Counters().FramesMalformed; got < n/4 {
		t.Errorf("%d of %d frames were malformed", got, n)
	}
	if got := f.a.Core().Counters().FramesUnknown; got != n/4 {
		t.Errorf("%d of %d frames were of an unknown subprotocol", got, n/4)
	}
	f.settle()
	f.ends(f.d, id, wire.OutcomeMoved, nil)
}

// Whoever has no right is told so, and so is everybody who waits.
func TestD6_RefusedRights(t *testing.T) {
	f := newFixture(t, sim.Options{})
	f.a.Rights = func(crypto.NodeID) wire.Rights { return wire.RightMigrateIn }
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	r := f.d.SubmitVia(f.daemon.Origin, "", f.Payload(8), f.a.ID)
	f.settle()
	f.ends(f.d, id, wire.OutcomeStayed, wire.ErrRefused)
	if !r.Answered || wire.ReasonOf(r.Err) != wire.ReasonRefused {
		t.Fatalf("the submission: %v %v", r.Answered, r.Err)
	}
	f.b.Rights = func(crypto.NodeID) wire.Rights { return wire.RightSubmit }
	id = f.a.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.settle()
	f.ends(f.a, id, wire.OutcomeStayed, wire.ErrRefused)
}

// Failures reach the orchestrator and the target, with their reasons.
func TestD6_ReasonsArrive(t *testing.T) {
	f := newFixture(t, sim.Options{})
	nowhere := f.d.Migrate(f.daemon.Origin, f.b, f.c, wire.Options{})
	self := f.d.Migrate(f.daemon.Origin, f.a, f.a, wire.Options{})
	f.settle()
	f.ends(f.d, nowhere, wire.OutcomeStayed, wire.ErrDaemonNotFound)
	f.ends(f.d, self, wire.OutcomeStayed, wire.ErrRefused)
	f.move(f.d, f.a, f.b)
	gone := f.d.Migrate(f.daemon.Origin, f.a, f.c, wire.Options{})
	f.settle()
	f.ends(f.d, gone, wire.OutcomeStayed, wire.ErrMoved)
}

// A peer that speaks another version of one subprotocol can use the others.
func TestD7_OneVersionDiffers(t *testing.T) {
	f := newFixture(t, sim.Options{})
	f.a.Inject(node.SessionUp{Session: 1 << 40, Peer: crypto.NodeID{1}, Rights: wire.AllRights})
	say := func(msg wire.Message) {
		frame := wire.AppendFrame(nil, msg)
		h, err := wire.ParseHeader(frame)
		if err != nil {
			t.Fatal(err)
		}
		f.a.Inject(node.Frame{Session: 1 << 40, Header: h, Body: frame[len(frame)-h.Length:]})
	}
	say(&wire.Hello{Versions: []wire.VersionRange{{Subprotocol: 1, Min: 1, Max: 1}, {Subprotocol: 2, Min: 2, Max: 3}, {Subprotocol: 3, Min: 1, Max: 2}}, Boot: 1})
	before := f.a.Core().Counters().FramesRefused
	say(&wire.Open{Origin: f.daemon.Origin})
	if got := f.a.Core().Counters().FramesRefused; got != before {
		t.Error("a submission was refused")
	}
	say(&wire.Cancel{Ref: wire.Ref{Origin: f.daemon.Origin}})
	if got := f.a.Core().Counters().FramesRefused; got != before+1 {
		t.Error("a message of the migration was not refused")
	}
}
