package bolt_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/bolt"
	"github.com/ferrymesh/ferry/wire"
)

// TestAfterAFailedWriteNothingIsAnswered: only the reopened file knows whether the
// change was made.
func TestAfterAFailedWriteNothingIsAnswered(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "directory.db")
	d := filled(t, path, 1)[0]
	db := open(t, path, bolt.Options{})
	if err := db.BreakDisk(); err != nil {
		t.Fatal(err)
	}
	c := d.Move(3)
	_, err := db.Claim(ctx, c)
	if !errors.Is(err, directory.ErrUnclear) || !errors.Is(err, bolt.ErrFailed) {
		t.Errorf("claim: %v", err)
	}
	_, lookup := db.Lookup(ctx, d.Origin())
	_, claim := db.Claim(ctx, c)
	_, watch := db.Watch(ctx, d.Origin(), 0)
	for i, err := range []error{lookup, claim, watch, db.Recovered()} {
		if !errors.Is(err, bolt.ErrFailed) {
			t.Errorf("after the failure, call %d: %v", i, err)
		}
	}
	if err := db.Close(); err == nil {
		t.Error("closing a file that is gone succeeded")
	}
	db = open(t, path, bolt.Options{})
	defer closeDB(t, db)
	out, err := db.Outcome(ctx, d.Origin(), c.Attempt())
	if err != nil || out.Decision != wire.DecisionNone {
		t.Errorf("reopened: %+v, %v", out, err)
	}
	moves(t, db, d, 4)
}

// TestRoomAgain: after a write that found no room the file is read anew by whoever asks next, and decides again. One that
// was closed stays closed.
func TestRoomAgain(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "directory.db")
	d := filled(t, path, 1)[0]
	db := open(t, path, bolt.Options{})
	db.FillDisk()
	if e, err := db.Lookup(ctx, d.Origin()); err != nil || e.Epoch != d.Epoch() {
		t.Errorf("lookup: %+v, %v", e, err)
	}
	db.FillDisk()
	moves(t, db, d, 4)
	db.FillDisk()
	closeDB(t, db)
	if _, err := db.Lookup(ctx, d.Origin()); err == nil {
		t.Error("a closed directory answers")
	}
}

// TestNothingIsAnsweredFromWhatIsNotSynced: bbolt shows a transaction between its write and its sync, and a
// decision that was told must not be undone by a power failure.
func TestNothingIsAnsweredFromWhatIsNotSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	d := filled(t, path, 1)[0]
	db := open(t, path, bolt.Options{})
	defer closeDB(t, db)
	if wait, err := db.ViewsWait(t.Context(), d.Origin()); err != nil || !wait {
		t.Errorf("a view does not wait for a change under way (%v)", err)
	}
	if _, err := db.Lookup(t.Context(), d.Origin()); err != nil {
		t.Errorf("after the change: %v", err)
	}
}
