package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/wire"
)

// reopen: whatever was answered is still so afterwards.
func (s *suite) reopen() {
	if s.Reopen == nil {
		return
	}
	d := s.born(1)
	won := d.Move(1)
	out := s.claims(won, wire.DecisionCommit)
	d.Accept(out.Cert)
	lost, next := d.Move(2), d.Move(2)
	s.claims(Abort(lost), wire.DecisionAbort)
	before := s.at(d, "before")

	s.Directory = s.Reopen()
	s.equal(s.at(d, "after"), before, "entry")
	s.equal(s.claims(won, wire.DecisionCommit), out, "outcome")
	s.claims(lost, wire.DecisionAbort)
	d.Accept(s.claims(next, wire.DecisionCommit).Cert)
	s.Directory = s.Reopen()
	s.at(d, "after the second time")
	for epoch := uint64(1); epoch <= d.Epoch(); epoch++ {
		e, err := s.Watch(s.ctx, d.Origin(), epoch-1)
		if err != nil || e.Epoch != epoch {
			s.Errorf("history: %d, %v, want %d", e.Epoch, err, epoch)
		}
	}
}

// lossy is a directory whose answers to what changes something are lost.
type lossy struct{ directory.Directory }

func (l lossy) Register(ctx context.Context, b directory.Birth) (directory.Entry, error) {
	_, err := l.Directory.Register(ctx, b)
	return directory.Entry{}, errors.Join(directory.ErrUnclear, err)
}

func (l lossy) Claim(ctx context.Context, c directory.Claim) (directory.Outcome, error) {
	_, err := l.Directory.Claim(ctx, c)
	return directory.Outcome{}, errors.Join(directory.ErrUnclear, err)
}

func (l lossy) Force(ctx context.Context, f directory.Forced) (directory.Entry, error) {
	_, err := l.Directory.Force(ctx, f)
	return directory.Entry{}, errors.Join(directory.ErrUnclear, err)
}

// lostAnswers: after an unclear answer, reading back and repeating tell what
// happened, to whoever asks.
func (s *suite) lostAnswers() {
	lost, d := lossy{s.Directory}, NewDaemon(s.T, 1)
	_, err := lost.Register(s.ctx, d.Birth())
	s.fails(err, directory.ErrUnclear, "register")
	_, err = s.Register(s.ctx, d.Birth())
	s.fails(err, nil, "register again")

	aborted, moved := d.Move(1), d.Move(2)
	_, err = lost.Claim(s.ctx, Abort(aborted))
	s.fails(err, directory.ErrUnclear, "abort")
	out, err := s.Outcome(s.ctx, d.Origin(), aborted.Attempt())
	s.fails(err, nil, "read back")
	s.equal(out.Decision, wire.DecisionAbort, "read back")

	_, err = lost.Claim(s.ctx, moved)
	s.fails(err, directory.ErrUnclear, "commit")
	out, err = s.Outcome(s.ctx, d.Origin(), moved.Attempt())
	s.fails(err, nil, "read back")
	s.equal(out, s.claims(Abort(moved), wire.DecisionCommit), "abort after a lost commit")
	d.Accept(out.Cert)
	s.at(d, "moved")

	f := d.Forced(3, d.Admin)
	_, err = lost.Force(s.ctx, f)
	s.fails(err, directory.ErrUnclear, "force")
	d.Follow(f.Handover)
	e, err := s.Force(s.ctx, f)
	s.fails(err, nil, "force again")
	s.equal(s.at(d, "forced"), e, "entry")
}

// cancelled: a call whose context has ended fails, and decides all or nothing.
func (s *suite) cancelled() {
	d := s.born(1)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	c := d.Move(1)
	if out, err := s.Claim(ctx, c); err == nil {
		s.Errorf("claim without time: %+v", out)
	}
	final, err := s.Claim(s.ctx, Abort(c))
	s.fails(err, nil, "abort")
	s.equal(s.claims(c, final.Decision), final, "claim after the decision")
	if final.Decision == wire.DecisionCommit {
		d.Accept(final.Cert)
	}
	s.at(d, "in the end")
}

// sameAsMemory makes random requests and compares each answer with that of a
// directory in memory.
func (s *suite) sameAsMemory() {
	seed := uint64(time.Now().UnixNano())
	r, model := rand.New(rand.NewPCG(seed, 1)), directory.NewMemory()
	type pool struct {
		d      *Daemon
		claims []directory.Claim
	}
	pools := make([]*pool, 3)
	for i := range pools {
		pools[i] = &pool{d: NewDaemon(s.T, uint64(i))}
	}
	for step := range 150 {
		p := pools[r.IntN(len(pools))]
		var got, want string
		switch k := r.IntN(10); {
		case k == 0:
			b := p.d.Birth()
			b.Holder, b.Addrs = Node(r.IntN(2)), Addrs(r.IntN(3))
			got, want = both(s, model, func(d directory.Directory) (any, error) { return d.Register(s.ctx, b) })
		case k < 4 || len(p.claims) == 0: // a new attempt
			p.claims = append(p.claims, p.d.Move(r.IntN(3)))
			continue
		case k < 8:
			c := p.claims[r.IntN(len(p.claims))]
			if r.IntN(3) == 0 {
				c = Abort(c)
			}
			got, want = both(s, model, func(d directory.Directory) (any, error) { return d.Claim(s.ctx, c) })
			if out, err := model.Outcome(s.ctx, p.d.Origin(), c.Attempt()); err == nil && c.Cert.Epoch == p.d.Epoch()+1 && out.Decision == wire.DecisionCommit {
				p.d.Accept(out.Cert)
			}
		case k == 8:
			f := p.d.Forced(r.IntN(3), p.d.Admin)
			got, want = both(s, model, func(d directory.Directory) (any, error) { return d.Force(s.ctx, f) })
			if e, err := model.Lookup(s.ctx, p.d.Origin()); err == nil && e.Epoch == p.d.Epoch()+1 {
				p.d.Follow(f.Handover)
			}
		default:
			c := p.claims[r.IntN(len(p.claims))]
			got, want = both(s, model, func(d directory.Directory) (any, error) { return d.Outcome(s.ctx, p.d.Origin(), c.Attempt()) })
		}
		if got != want {
			s.Fatalf("seed %d, step %d:\n got %s\nwant %s", seed, step, got, want)
		}
	}
}

// both makes one request of the backend and of the model, and returns the answers
// as text: errors by their reason.
func both(s *suite, model directory.Directory, f func(directory.Directory) (any, error)) (got, want string) {
	text := func(v any, err error) string {
		if err != nil {
			return wire.ReasonOf(err).String()
		}
		return fmt.Sprintf("%+v", v)
	}
	return text(f(s.Directory)), text(f(model))
}
