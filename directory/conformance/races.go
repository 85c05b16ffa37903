package conformance

import (
	"context"
	"errors"
	"sync"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/wire"
)

// How hard the races are run.
const (
	rounds = 8
	racers = 6
)

// together runs f(0) to f(n-1) at once and waits.
func together(n int, f func(int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// raceOfAttempts: of several attempts of one epoch, which an honest source never
// makes, one wins and everybody learns which.
func (s *suite) raceOfAttempts() {
	d := s.born(1)
	for range rounds {
		claims := make([]directory.Claim, racers)
		for i := range claims {
			claims[i] = d.Move(i)
		}
		outs, errs := make([]directory.Outcome, racers), make([]error, racers)
		together(racers, func(i int) { outs[i], errs[i] = s.Claim(s.ctx, claims[i]) })
		winner := -1
		for i := range claims {
			switch {
			case errs[i] == nil && outs[i].Decision == wire.DecisionCommit && winner < 0:
				winner = i
			case !errors.Is(errs[i], wire.ErrStaleEpoch):
				s.Errorf("claim %d: %+v, %v beside the winner %d", i, outs[i], errs[i], winner)
			}
		}
		if winner < 0 {
			s.Fatal("nobody won")
		}
		d.Accept(outs[winner].Cert)
		s.equal(s.at(d, "after the race").Addrs, Addrs(winner), "addresses")
	}
}

// raceOfDecisions: COMMIT and ABORT of one attempt, asked for by many at once, are
// decided once, and everybody is told the same.
func (s *suite) raceOfDecisions() {
	d := s.born(1)
	for range rounds {
		c := d.Move(int(d.Epoch()) % 2)
		outs := make([]directory.Outcome, racers)
		together(racers, func(i int) {
			mine := c
			if i%2 == 1 {
				mine = Abort(c)
			}
			var err error
			if outs[i], err = s.Claim(s.ctx, mine); err != nil {
				s.Errorf("claim %d: %v", i, err)
			}
		})
		for _, out := range outs {
			s.equal(out, outs[0], "the others' outcome")
		}
		back, err := s.Outcome(s.ctx, d.Origin(), c.Attempt())
		s.fails(err, nil, "outcome")
		s.equal(back, outs[0], "read back")
		if back.Decision == wire.DecisionCommit {
			d.Accept(back.Cert)
		}
		s.at(d, "after the race")
	}
}

func (s *suite) raceOfBirths() {
	for n := range uint64(rounds) {
		d := NewDaemon(s.T, 100+n)
		errs := make([]error, racers)
		together(racers, func(i int) {
			_, errs[i] = s.Register(s.ctx, directory.Birth{Genesis: d.Genesis, Holder: Node(i), Addrs: Addrs(i)})
		})
		e, err := s.Lookup(s.ctx, d.Origin())
		s.fails(err, nil, "lookup")
		for i, err := range errs {
			if e.Holder == Node(i) {
				s.fails(err, nil, "the winner")
			} else {
				s.fails(err, directory.ErrTaken, "another")
			}
		}
	}
}

// watch: whoever watches sees every epoch once and in order, whether it began
// before the birth or after the last move.
func (s *suite) watch() {
	const epochs = 6
	d := NewDaemon(s.T, 1)
	seen := make([][]directory.Entry, 3)
	follow := func(i int) {
		for after := uint64(0); after < epochs; {
			e, err := s.Watch(s.ctx, d.Origin(), after)
			if err != nil {
				s.Errorf("watcher %d after %d: %v", i, after, err)
				return
			}
			seen[i], after = append(seen[i], e), e.Epoch
		}
	}
	var early sync.WaitGroup
	for i := range seen[1:] {
		early.Go(func() { follow(i) })
	}
	want := []directory.Entry{}
	e, err := s.Register(s.ctx, d.Birth())
	s.fails(err, nil, "register")
	want = append(want, e)
	for d.Epoch() < epochs {
		s.moves(d, int(d.Epoch())%3)
		want = append(want, s.at(d, "moved"))
	}
	early.Wait()
	follow(len(seen) - 1)
	for i := range seen {
		s.equal(seen[i], want, "what a watcher saw")
	}
}

// watchEnds: a watch ends with its context, and leaves the directory usable.
func (s *suite) watchEnds() {
	d := s.born(1)
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan error)
	go func() {
		_, err := s.Watch(ctx, d.Origin(), 1)
		ended <- err
	}()
	cancel()
	s.fails(<-ended, context.Canceled, "watch")
	s.moves(d, 1)
	s.at(d, "moved")
}
