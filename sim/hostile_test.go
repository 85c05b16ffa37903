package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// A producer that asks a node which keeps its session and never answers finds the daemon elsewhere, whether the
// node falls silent after its greeting or has never said one.
func TestS6_MuteNode(t *testing.T) {
	for _, greeted := range []bool{true, false} {
		f := newFixture(t, sim.Options{})
		if greeted {
			f.meet(f.b)
		}
		f.b.Mute()
		f.meet(f.b)
		r := f.c.SubmitVia(f.daemon.Origin, "", f.Payload(8), f.b.ID)
		if !f.RunUntil(time.Minute, func() bool { return r.Answered }) {
			t.Fatalf("greeted %v: never answered", greeted)
		}
		f.answered(r, 1)
	}
}

// Whoever announces daemons without end takes its own share of places and nobody else's.
func TestP6_Announcements(t *testing.T) {
	f := newFixture(t, sim.Options{})
	f.meet(f.d)
	f.d.Mute()
	for i := range byte(200) {
		key, err := crypto.KeypairFromSeed([32]byte{1, i})
		if err != nil {
			t.Fatal(err)
		}
		entity := crypto.EntityID(key.Public())
		ref := wire.Ref{Migration: wire.MigrationID{1, i}, Origin: crypto.OriginOf(entity), Epoch: 1}
		f.b.Say(f.d, &wire.Prepare{Ref: ref, Entity: entity, Kind: sim.KindTape, Orchestrator: f.d.ID})
	}
	running := 0
	for _, m := range f.b.Core().Migrations() {
		if m.Outcome == 0 {
			running++
		}
	}
	if running == 0 || running > 64 {
		t.Errorf("%d arrivals of one peer are under way", running)
	}
	f.move(f.a, f.a, f.b)
}
