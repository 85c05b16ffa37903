package peer

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/internal/relay"
	"github.com/ferrymesh/ferry/wire"
)

// A move over a link of 25 ms each way: from the freeze to the proof of the activation it takes two round trips if the
// daemon is fed all along, and one if it rests, because the hold is there before the freeze.
func TestBlackout_OneRoundTrip(t *testing.T) {
	const trip = 25 * time.Millisecond
	s := newStrait(t, 1<<16, func(int, *Config) {})
	s.must(s.relays.Set("a", "b", relay.Rules{Delay: trip}))
	s.must(s.relays.Set("b", "a", relay.Rules{Delay: trip}))
	busy := s.blackout(s.feed)
	if busy < 4*trip {
		t.Errorf("fed all along: %v, which is less than two round trips", busy)
	}
	best := time.Hour
	for range 5 { // a machine that has other things to do can make any of them slow
		best = min(best, s.blackout(func(uint64) func() { return func() {} }))
	}
	t.Logf("fed %v, at rest %v", busy, best)
	if best < 2*trip || best >= 4*trip {
		t.Errorf("at rest: %v, want a round trip of %v and a little", best, 2*trip)
	}
}

// blackout is that of a new daemon's move, as its source measures it.
func (s *strait) blackout(during func(origin uint64) (stop func())) time.Duration {
	s.t.Helper()
	d, err := s.peers[0].Spawn(s.ctx, "block", SpawnOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	stop := during(d.Origin)
	defer stop()
	m, err := s.peers[0].Migrate(s.ctx, MigrateRequest{Origin: d.Origin, Target: s.peers[1].ID()})
	if err != nil {
		s.t.Fatal(err)
	}
	st, err := m.Wait(s.ctx)
	if err != nil || st.Outcome != wire.OutcomeMoved {
		s.t.Fatalf("outcome %v, %s, %v; want moved", st.Outcome, st.Detail, err)
	}
	return st.Stats.Blackout
}

// feed submits an event every few milliseconds until it is stopped.
func (s *strait) feed(origin uint64) (stop func()) {
	producer := s.peers[0].Producer(origin, ProducerOptions{})
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if _, err := producer.Submit(s.ctx, []byte("fed")); err != nil {
				s.t.Errorf("submit: %v", err)
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}
