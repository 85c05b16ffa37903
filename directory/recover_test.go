package directory_test

import (
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/conformance"
	"github.com/ferrymesh/ferry/wire"
)

// moved returns a daemon that has been to n nodes, and the directory that moved it.
func moved(t *testing.T, n int) (*conformance.Daemon, *directory.Table) {
	t.Helper()
	dir, d := directory.NewMemory(), conformance.NewDaemon(t, 1)
	if _, err := dir.Register(t.Context(), d.Birth()); err != nil {
		t.Fatal(err)
	}
	for to := range n {
		commit(t, dir, d, to+1)
	}
	return d, dir
}

func commit(t *testing.T, dir directory.Directory, d *conformance.Daemon, to int) directory.Outcome {
	t.Helper()
	out, err := dir.Claim(t.Context(), d.Move(to))
	if err != nil || out.Decision != wire.DecisionCommit {
		t.Fatalf("move: %+v, %v", out, err)
	}
	d.Accept(out.Cert)
	return out
}

// TestRecoverRaisesNeverLowers: the highest epoch that a passport proves counts, in
// whatever order the passports come, and every epoch below it is known again.
func TestRecoverRaisesNeverLowers(t *testing.T) {
	ctx := t.Context()
	d, before := moved(t, 4)
	after, old := directory.NewMemory(), d.Passport
	old.Handovers = old.Handovers[:2]
	for i, p := range []crypto.Passport{old, d.Passport, old} {
		e, err := after.Recover(ctx, directory.Report{Node: conformance.Node(8), Passport: p})
		if want := []uint64{3, 5, 5}[i]; err != nil || e.Epoch != want {
			t.Fatalf("report %d: epoch %d, %v, want %d", i, e.Epoch, err, want)
		}
	}
	for epoch := range d.Epoch() {
		got, err := after.Watch(ctx, d.Origin(), epoch)
		want, wantErr := before.Watch(ctx, d.Origin(), epoch)
		got.Addrs, want.Addrs = nil, nil // no passport has them
		if err != nil || wantErr != nil || got.Previous != want.Previous || got.Holder != want.Holder || got.Key != want.Key || got.Began != want.Began {
			t.Errorf("epoch %d: %+v, %v, want %+v, %v", epoch+1, got, err, want, wantErr)
		}
	}
	a := wire.Attempt(d.Passport.Handovers[3].Attempt)
	if out, err := after.Outcome(ctx, d.Origin(), a); err != nil || out.Decision != wire.DecisionCommit {
		t.Errorf("outcome of a recovered attempt: %+v, %v", out, err)
	}
	commit(t, after, d, 7)
}

// TestRecoverKnowsWhoHoldsTheNewborn: no passport names the first holder, and not
// everybody who has a copy is it.
func TestRecoverKnowsWhoHoldsTheNewborn(t *testing.T) {
	dir, d := directory.NewMemory(), conformance.NewDaemon(t, 1)
	rep := directory.Report{Node: conformance.Node(3), Passport: d.Passport}
	if _, err := dir.Recover(t.Context(), rep); !errors.Is(err, wire.ErrDaemonNotFound) {
		t.Errorf("a node with a copy: %v", err)
	}
	rep.Holds = true
	if e, err := dir.Recover(t.Context(), rep); err != nil || e.Holder != rep.Node {
		t.Errorf("the holder: %+v, %v", e, err)
	}
}

// TestRecoverRefusesForks: a passport that contradicts what is known changes
// nothing.
func TestRecoverRefusesForks(t *testing.T) {
	ctx := t.Context()
	one, other := conformance.NewDaemon(t, 1), conformance.NewDaemon(t, 1)
	dir, elsewhere := directory.NewMemory(), directory.NewMemory()
	for table, d := range map[*directory.Table]*conformance.Daemon{dir: one, elsewhere: other} {
		if _, err := table.Register(ctx, d.Birth()); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, dir, one, 1)
	commit(t, dir, one, 2)
	commit(t, elsewhere, other, 3)
	for range 2 { // below the epoch in force, and above
		if _, err := dir.Recover(ctx, directory.Report{Node: conformance.Node(3), Passport: other.Passport}); !errors.Is(err, directory.ErrFork) {
			t.Errorf("epoch %d: %v", other.Epoch(), err)
		}
		commit(t, elsewhere, other, 4)
		commit(t, elsewhere, other, 5)
	}
	bad := one.Passport.Clone()
	bad.Handovers[1].To = conformance.Node(9)
	if _, err := dir.Recover(ctx, directory.Report{Passport: bad}); !errors.Is(err, crypto.ErrBadPassport) {
		t.Errorf("a forged passport: %v", err)
	}
	if e, err := dir.Lookup(ctx, one.Origin()); err != nil || e.Holder != conformance.Node(2) {
		t.Errorf("afterwards: %+v, %v", e, err)
	}
}

// TestRecoverCatchesUp: a directory that missed a handover between two nodes says so
// until it is told.
func TestRecoverCatchesUp(t *testing.T) {
	ctx := t.Context()
	d, dir := moved(t, 1)
	elsewhere := directory.NewMemory()
	if _, err := elsewhere.Recover(ctx, directory.Report{Passport: d.Passport}); err != nil {
		t.Fatal(err)
	}
	commit(t, elsewhere, d, 2)
	c := d.Move(3)
	if _, err := dir.Claim(ctx, c); !errors.Is(err, directory.ErrBehind) {
		t.Errorf("before: %v", err)
	}
	if _, err := dir.Recover(ctx, directory.Report{Passport: d.Passport}); err != nil {
		t.Fatal(err)
	}
	if out, err := dir.Claim(ctx, c); err != nil || out.Decision != wire.DecisionCommit {
		t.Errorf("after: %+v, %v", out, err)
	}
}
