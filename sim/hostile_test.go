package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
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
