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

// blackout moves the daemon and returns how long nobody could answer for it, and how long its source held submissions.
func blackout(t *testing.T, opt sim.Options, during func(*fixture)) (dark, held time.Duration) {
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
	dark = f.Now().Sub(frozen)
	f.settle()
	f.ends(f.a, id, wire.OutcomeMoved, nil)
	m, _ := f.a.Core().Migration(id)
	return dark, m.Stats.Blackout
}

// A daemon to which nothing happens goes dark for one trip, that of its handover; one that is fed all the time for
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
			dark, held := blackout(t, sim.Options{Durability: level}, func(f *fixture) {
				if c.feed > 0 {
					f.feed(f.a, "", c.feed, 3*time.Second)
				}
			})
			t.Logf("%v, fed %s: dark for %v, held for %v", level, name, dark, held)
			if want := time.Duration(c.trips) * trip; dark < want || dark > want+slack {
				t.Errorf("%v, fed %s: dark for %v, want %d trips of %v", level, name, dark, c.trips, trip)
			}
			if want := time.Duration(c.trips+1) * trip; held < want || held > want+2*slack {
				t.Errorf("%v, fed %s: held for %v, want %d trips of %v", level, name, held, c.trips+1, trip)
			}
		}
	}
}
