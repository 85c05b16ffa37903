package conformance

import (
	"strings"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/wire"
)

func (s *suite) unknown() {
	d := NewDaemon(s.T, 1)
	_, err := s.Lookup(s.ctx, d.Origin())
	s.fails(err, wire.ErrDaemonNotFound, "lookup")
	_, err = s.Claim(s.ctx, d.Move(1))
	s.fails(err, wire.ErrDaemonNotFound, "claim")
	_, err = s.Outcome(s.ctx, d.Origin(), wire.Attempt{Epoch: 1, Boot: 1, Count: 1})
	s.fails(err, wire.ErrDaemonNotFound, "outcome")
	_, err = s.Force(s.ctx, d.Forced(1, d.Admin))
	s.fails(err, wire.ErrDaemonNotFound, "force")
}

func (s *suite) register() {
	d := s.born(1)
	want := directory.Entry{
		Entity: d.Genesis.Entity, Administrator: d.Admin.Public(), Genesis: d.Genesis.Digest(), Epoch: 1, Holder: Node(0),
		Addrs: Addrs(0), Key: d.Key(1).Public(), Previous: d.Genesis.Digest(), Began: d.Genesis.Head(),
	}
	s.equal(s.at(d, "born"), want, "entry")
	again, err := s.Register(s.ctx, d.Birth())
	s.equal(again, want, "registered again")
	s.fails(err, nil, "register again")

	b := d.Birth()
	b.Holder = Node(3)
	_, err = s.Register(s.ctx, b)
	s.fails(err, directory.ErrTaken, "by another node")
	b = d.Birth()
	b.Genesis, err = crypto.SignGenesis(d.Key(1), "another", d.Admin.Public())
	s.fails(err, nil, "sign")
	_, err = s.Register(s.ctx, b)
	s.fails(err, directory.ErrTaken, "with another genesis")
	b = NewDaemon(s.T, 2).Birth()
	b.Genesis.Signature[9] ^= 1
	_, err = s.Register(s.ctx, b)
	s.fails(err, directory.ErrEvidence, "with a bad signature")
	s.equal(s.at(d, "after refusals"), want, "entry")

	s.moves(d, 1)
	_, err = s.Register(s.ctx, d.Birth())
	s.fails(err, directory.ErrTaken, "by a former holder")
	e, err := s.Register(s.ctx, directory.Birth{Genesis: d.Genesis, Holder: Node(1), Addrs: Addrs(7)})
	s.fails(err, nil, "by the holder")
	s.equal(e.Addrs, Addrs(7), "new addresses")
	s.equal(s.at(d, "with new addresses"), e, "entry")
}

func (s *suite) commit() {
	d := s.born(1)
	var claims []directory.Claim
	var outcomes []directory.Outcome
	for i := range 6 { // back and forth
		c := d.Move((i + 1) % 2)
		undecided, err := s.Outcome(s.ctx, d.Origin(), c.Attempt())
		s.fails(err, nil, "outcome")
		s.equal(undecided, directory.Outcome{Attempt: c.Attempt()}, "before the claim")
		out := s.claims(c, wire.DecisionCommit)
		s.equal(out.Migration, c.Migration, "migration")
		d.Accept(out.Cert)
		s.equal(s.at(d, "moved").Addrs, c.Addrs, "addresses")
		claims, outcomes = append(claims, c), append(outcomes, out)
	}
	for i, c := range claims { // kept for good
		s.equal(s.claims(c, wire.DecisionCommit), outcomes[i], "claimed again")
		s.equal(s.claims(Abort(c), wire.DecisionCommit), outcomes[i], "abort of a commit")
		back, err := s.Outcome(s.ctx, d.Origin(), c.Attempt())
		s.fails(err, nil, "read back")
		s.equal(back, outcomes[i], "read back")
	}
	s.at(d, "in the end")
}

func (s *suite) abort() {
	d := s.born(1)
	before := s.at(d, "born")
	lower, c, higher := d.Move(1), d.Move(1), d.Move(2)
	want := s.claims(Abort(c), wire.DecisionAbort)
	s.equal(s.at(d, "aborted"), before, "entry")
	for _, over := range []directory.Claim{c, Abort(c)} {
		s.equal(s.claims(over, wire.DecisionAbort), want, "claimed again")
	}
	back, err := s.Outcome(s.ctx, d.Origin(), c.Attempt())
	s.fails(err, nil, "read back")
	s.equal(back, want, "read back")
	s.claims(lower, wire.DecisionAbort)
	d.Accept(s.claims(higher, wire.DecisionCommit).Cert)
	s.at(d, "moved by a higher attempt")
}

// abortEnds: once the epoch is over, nobody is told ABORT, which means "serve on".
func (s *suite) abortEnds() {
	d := s.born(1)
	aborted, pending := d.Move(1), d.Move(2)
	s.claims(Abort(aborted), wire.DecisionAbort)
	e, err := s.Force(s.ctx, d.Forced(3, d.Admin))
	s.fails(err, nil, "force")
	s.equal(e.Holder, Node(3), "holder")
	for _, c := range []directory.Claim{aborted, pending} {
		_, err = s.Claim(s.ctx, Abort(c))
		s.fails(err, wire.ErrStaleEpoch, "abort")
		_, err = s.Claim(s.ctx, c)
		s.fails(err, wire.ErrStaleEpoch, "commit")
		_, err = s.Outcome(s.ctx, d.Origin(), c.Attempt())
		s.fails(err, wire.ErrStaleEpoch, "outcome")
	}
}

func (s *suite) stale() {
	d := s.born(1)
	loser := d.Move(2)
	s.moves(d, 1)
	for _, c := range []directory.Claim{loser, Abort(loser)} {
		_, err := s.Claim(s.ctx, c)
		s.fails(err, wire.ErrStaleEpoch, "claim")
	}
	_, err := s.Outcome(s.ctx, d.Origin(), loser.Attempt())
	s.fails(err, wire.ErrStaleEpoch, "outcome")
	_, err = s.Outcome(s.ctx, d.Origin(), wire.Attempt{})
	s.fails(err, wire.ErrStaleEpoch, "outcome of no attempt")

	ahead := *d
	event, _, err := crypto.SignHandover(d.Key(2), d.handover(2)) // two nodes, without the directory
	s.fails(err, nil, "sign")
	ahead.Follow(event)
	_, err = s.Claim(s.ctx, ahead.Move(1))
	s.fails(err, directory.ErrBehind, "a claim for a later epoch")
	_, err = s.Outcome(s.ctx, d.Origin(), wire.Attempt{Epoch: 3, Boot: 1, Count: 1})
	s.fails(err, directory.ErrBehind, "outcome of a later epoch")
	s.at(d, "in the end")
}

// evidence: nothing but the two signatures over the right statement moves a daemon.
func (s *suite) evidence() {
	d, other := s.born(1), s.born(2)
	s.moves(d, 1)
	before := s.at(d, "moved")
	forged := func(change func(*crypto.FreezeCert)) directory.Claim { return d.Commit(2, d.Cert(2, change)) }
	good := d.Move(2)
	stranger := d.Cert(2, nil)
	stranger.Next = other.Key(3).Public()
	stranger, err := crypto.SignFreezeCert(other.Key(2), stranger)
	s.fails(err, nil, "sign")
	unaccepted, swapped, altered, usurped := good, good, good, good
	unaccepted.Hold = crypto.Signature{}
	swapped.Hold = d.Move(2).Hold
	altered.Cert.To = Node(5)
	usurped.Hold = d.Hold(other.Key(3), usurped.Migration, stranger)
	usurped.Cert = stranger
	for what, c := range map[string]directory.Claim{
		"no hold":                      unaccepted,
		"hold of another":              swapped,
		"altered":                      altered,
		"altered abort":                Abort(altered),
		"signed by a stranger":         usurped,
		"abort by a stranger":          Abort(usurped),
		"from a former holder":         forged(func(c *crypto.FreezeCert) { c.From = Node(0) }),
		"another predecessor":          forged(func(c *crypto.FreezeCert) { c.Previous = d.Genesis.Digest() }),
		"head before the epoch":        forged(func(c *crypto.FreezeCert) { c.Head.Sequence = 0 }),
		"head that the epoch followed": forged(func(c *crypto.FreezeCert) { c.Head = before.Began }),
		"head of another's chain":      forged(func(c *crypto.FreezeCert) { c.Head.Sequence = before.Began.Sequence - 1 }),
	} {
		_, err := s.Claim(s.ctx, c)
		s.fails(err, directory.ErrEvidence, what)
	}
	s.equal(s.at(d, "after forgeries"), before, "entry")
	s.claims(good, wire.DecisionCommit)
}

func (s *suite) limits() {
	d := s.born(1)
	for what, addrs := range map[string][]string{
		"too many":   make([]string, wire.MaxAddrs+1),
		"empty":      {""},
		"too long":   {strings.Repeat("a", wire.MaxAddr+1)},
		"unreadable": {"a\x1b[2J"},
	} {
		c, f, b := d.Move(1), d.Forced(1, d.Admin), d.Birth()
		c.Addrs, f.Addrs, b.Addrs = addrs, addrs, addrs
		_, err := s.Claim(s.ctx, c)
		s.fails(err, wire.ErrTooLarge, what+": claim")
		_, err = s.Force(s.ctx, f)
		s.fails(err, wire.ErrTooLarge, what+": force")
		_, err = s.Register(s.ctx, b)
		s.fails(err, wire.ErrTooLarge, what+": register")
	}
	none := d.Move(1)
	none.Decision = wire.DecisionNone
	_, err := s.Claim(s.ctx, none)
	s.fails(err, wire.ErrBadFrame, "claim of nothing")
	s.at(d, "in the end")
}

func (s *suite) force() {
	d, orphan := s.born(1), NewOrphan(s.T, 2)
	_, err := s.Register(s.ctx, orphan.Birth())
	s.fails(err, nil, "register")
	f, pending := d.Forced(1, d.Admin), d.Move(2)
	for what, bad := range map[string]directory.Forced{
		"signed by the epoch's key": d.Forced(1, d.Key(1)),
		"without administrator":     orphan.Forced(1, d.Admin),
		"no forced handover":        {Handover: s.plain(d)},
	} {
		_, err := s.Force(s.ctx, bad)
		s.fails(err, directory.ErrEvidence, what)
	}
	e, err := s.Force(s.ctx, f)
	s.fails(err, nil, "force")
	d.Follow(f.Handover)
	s.equal(s.at(d, "forced"), e, "entry")
	s.equal(e.Addrs, Addrs(1), "addresses")
	again, err := s.Force(s.ctx, f)
	s.fails(err, nil, "force again")
	s.equal(again, e, "forced again")
	_, err = s.Claim(s.ctx, pending)
	s.fails(err, wire.ErrStaleEpoch, "what was pending")
	s.moves(d, 2)
	_, err = s.Force(s.ctx, f)
	s.fails(err, nil, "force again, later")
	s.at(d, "in the end")
}

// plain returns a handover that no directory decided.
func (s *suite) plain(d *Daemon) crypto.CausalEvent {
	event, _, err := crypto.SignHandover(d.Key(d.Epoch()), d.handover(1))
	s.fails(err, nil, "sign")
	return event
}
