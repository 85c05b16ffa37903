package sim_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/sim"
	"github.com/ferrymesh/ferry/wire"
)

// trip is how long every frame of these tests takes; slack is for the calls in between.
const (
	trip  = 25 * time.Millisecond
	slack = 5 * time.Millisecond
)

// pauseOf moves the daemon and returns how long nobody could answer for it, and what its source reports as the blackout.
func pauseOf(t *testing.T, opt sim.Options, during func(*fixture)) (pause, blackout time.Duration) {
	t.Helper()
	opt.Net = sim.Speeds{Link: trip, Even: true}
	f := newFixture(t, opt)
	during(f)
	f.Run(200 * time.Millisecond)
	id := f.d.Migrate(f.daemon.Origin, f.a, f.b, wire.Options{})
	f.until(f.a, id, wire.PhaseCutover)
	frozen := f.Now()
	f.RunUntil(time.Minute, func() bool {
		host, ok := f.b.Host(f.daemon.Origin)
		return ok && !host.Dark()
	})
	pause = f.Now().Sub(frozen)
	f.settle()
	f.ends(f.a, id, wire.OutcomeMoved, nil)
	m, _ := f.a.Core().Migration(id)
	return pause, m.Stats.Blackout
}

// A daemon to which nothing happens pauses for one trip, that of its handover; one that is fed all the time for
// three: the hold is asked for, reported, and acted upon. The source learns of it another trip later.
func TestBlackoutInTrips(t *testing.T) {
	for _, level := range []wire.Durability{wire.DurabilityMemory, wire.DurabilityEveryEvent} {
		for name, c := range map[string]struct {
			feed  time.Duration
			trips int
		}{
			"at rest":   {0, 1},
			"every 1 s": {time.Second, 1},
			"all along": {5 * time.Millisecond, 3},
		} {
			pause, blackout := pauseOf(t, sim.Options{Durability: level}, func(f *fixture) {
				if c.feed > 0 {
					f.feed(f.a, "", c.feed, 3*time.Second)
				}
			})
			t.Logf("%v, fed %s: pause %v, blackout %v", level, name, pause, blackout)
			if want := time.Duration(c.trips) * trip; pause < want || pause > want+slack {
				t.Errorf("%v, fed %s: pause %v, want %d trips of %v", level, name, pause, c.trips, trip)
			}
			if want := time.Duration(c.trips+1) * trip; blackout < want || blackout > want+2*slack {
				t.Errorf("%v, fed %s: blackout %v, want %d trips of %v", level, name, blackout, c.trips+1, trip)
			}
		}
	}
}
