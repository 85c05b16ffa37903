package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/bolt"
	"github.com/ferrymesh/ferry/directory/conformance"
	"github.com/ferrymesh/ferry/wire"
)

func open(t *testing.T, path string, o bolt.Options) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closeDB(t *testing.T, db *bolt.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestBoltConforms(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Backend {
		path := filepath.Join(t.TempDir(), "directory.db")
		db := open(t, path, bolt.Options{})
		t.Cleanup(func() { closeDB(t, db) })
		return conformance.Backend{Directory: db, Reopen: func() directory.Directory {
			closeDB(t, db)
			db = open(t, path, bolt.Options{})
			return db
		}}
	})
}

func TestFileIsOpenedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	db := open(t, path, bolt.Options{})
	if _, err := bolt.Open(path, bolt.Options{}); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	closeDB(t, db)
	if _, err := db.Lookup(t.Context(), 1); !errors.Is(err, bolt.ErrClosed) {
		t.Errorf("lookup after close: %v", err)
	}
	if _, err := db.Register(t.Context(), conformance.NewDaemon(t, 1).Birth()); !errors.Is(err, bolt.ErrClosed) {
		t.Errorf("register after close: %v", err)
	}
	closeDB(t, open(t, path, bolt.Options{}))
}

// filled makes a file with a few daemons that have moved.
func filled(t *testing.T, path string, n int) []*conformance.Daemon {
	t.Helper()
	db := open(t, path, bolt.Options{})
	defer closeDB(t, db)
	var daemons []*conformance.Daemon
	for i := range n {
		d := conformance.NewDaemon(t, uint64(i))
		if _, err := db.Register(t.Context(), d.Birth()); err != nil {
			t.Fatal(err)
		}
		for to := range 1 + i%3 {
			moves(t, db, d, to+1)
		}
		daemons = append(daemons, d)
	}
	return daemons
}

func moves(t *testing.T, db directory.Directory, d *conformance.Daemon, to int) directory.Claim {
	t.Helper()
	c := d.Move(to)
	out, err := db.Claim(t.Context(), c)
	if err != nil || out.Decision != wire.DecisionCommit {
		t.Fatalf("move: %+v, %v", out, err)
	}
	d.Accept(out.Cert)
	return c
}

// answers returns what the directory says of each daemon, or the first error.
func answers(t *testing.T, db *bolt.DB, daemons []*conformance.Daemon) ([]directory.Entry, error) {
	var list []directory.Entry
	for _, d := range daemons {
		e, err := db.Lookup(t.Context(), d.Origin())
		if err == nil && e.Epoch != d.Epoch() { // a watch would wait for the rest
			err = fmt.Errorf("epoch %d, want %d", e.Epoch, d.Epoch())
		}
		list = append(list, e)
		for epoch := uint64(0); err == nil && epoch < d.Epoch(); epoch++ {
			e, err = db.Watch(t.Context(), d.Origin(), epoch)
			list = append(list, e)
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// closedFile is a file with a few daemons that have moved, and what a directory answers from it.
func closedFile(t *testing.T, n int) (daemons []*conformance.Daemon, file []byte, want []directory.Entry) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "directory.db")
	daemons = filled(t, path, n)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, path, bolt.Options{})
	defer closeDB(t, db)
	if want, err = answers(t, db, daemons); err != nil {
		t.Fatal(err)
	}
	return daemons, file, want
}

// TestDamageIsNeverServed flips bits all over a file. Either the file is refused, or
// the flip was in a place without meaning and every answer is right.
func TestDamageIsNeverServed(t *testing.T) {
	daemons, good, want := closedFile(t, 12)
	seed := uint64(time.Now().UnixNano())
	r, refused := rand.New(rand.NewPCG(seed, 1)), 0
	for range 400 {
		bad := bytes.Clone(good)
		at, bit := r.IntN(len(bad)), r.IntN(8)
		bad[at] ^= 1 << bit
		if !servesOrRefuses(t, filepath.Join(t.TempDir(), "bad.db"), bad, daemons, want) {
			refused++
		}
		if t.Failed() {
			t.Fatalf("seed %d: bit %d of byte %d", seed, bit, at)
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed")
	}
	t.Logf("%d of 400 damaged files refused", refused)
}

// TestDamagedPagesEndNothing flips a bit of each byte in which a page says what it is and
// where its elements are. bbolt alone follows some of these files for ever.
func TestDamagedPagesEndNothing(t *testing.T) {
	daemons, good, want := closedFile(t, 12)
	seed := uint64(time.Now().UnixNano())
	r, bad := rand.New(rand.NewPCG(seed, 1)), filepath.Join(t.TempDir(), "bad.db")
	for page := 0; page < len(good); page += os.Getpagesize() {
		for at := page; at < page+48; at++ {
			file, bit := bytes.Clone(good), r.IntN(8)
			file[at] ^= 1 << bit
			if servesOrRefuses(t, bad, file, daemons, want); t.Failed() {
				t.Fatalf("seed %d: bit %d of byte %d", seed, bit, at)
			}
		}
	}
}

// TestDamagedMetaPageIsRefused flips every bit of the two meta pages of a file whose
// process died right after a decision: the state before it must not be served.
func TestDamagedMetaPageIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	daemons := filled(t, path, 2)
	db := open(t, path, bolt.Options{})
	defer closeDB(t, db)
	moves(t, db, daemons[0], 5)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := answers(t, db, daemons)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.db")
	if !servesOrRefuses(t, bad, good, daemons, want) {
		t.Fatal("the file is refused as it is")
	}
	for page := range 2 {
		for bit := range 80 * 8 {
			file := bytes.Clone(good)
			file[page*os.Getpagesize()+bit/8] ^= 1 << (bit % 8)
			if servesOrRefuses(t, bad, file, daemons, want); t.Failed() {
				t.Fatalf("bit %d of meta page %d", bit, page)
			}
		}
	}
	file := bytes.Clone(good)
	file[16+60] ^= 1
	if err := os.WriteFile(bad, file, 0o600); err != nil {
		t.Fatal(err)
	}
	closeDB(t, open(t, bad, bolt.Options{Recovering: true}))
}

// servesOrRefuses reports whether the file was opened; if it was, it must answer
// right.
func servesOrRefuses(t *testing.T, path string, file []byte, daemons []*conformance.Daemon, want []directory.Entry) bool {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return false
	}
	defer closeDB(t, db)
	got, err := answers(t, db, daemons)
	if err != nil {
		t.Errorf("opened, and then: %v", err)
		return true
	}
	for i := range want {
		if len(got) != len(want) || got[i].Previous != want[i].Previous || got[i].Holder != want[i].Holder {
			t.Errorf("answer %d is %+v", i, got[i])
		}
	}
	return true
}

// TestTruncatedFileIsRefused cuts the file everywhere a page ends.
func TestTruncatedFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	daemons := filled(t, path, 6)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, path, bolt.Options{})
	want, err := answers(t, db, daemons)
	closeDB(t, db)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(good); n += os.Getpagesize() / 2 {
		servesOrRefuses(t, filepath.Join(t.TempDir(), "cut.db"), good[:n], daemons, want)
		if t.Failed() {
			t.Fatalf("cut to %d of %d bytes", n, len(good))
		}
	}
}

// TestRecovery: after a restore nothing is answered before the nodes have
// reported, and then nothing that the backup forgot is undone.
func TestRecovery(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "directory.db")
	d := filled(t, path, 3)[2]
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, path, bolt.Options{})
	moves(t, db, d, 7)
	aborted := d.Move(5)
	if _, err := db.Claim(ctx, conformance.Abort(aborted)); err != nil {
		t.Fatal(err)
	}
	closeDB(t, db)

	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	db = open(t, path, bolt.Options{Recovering: true})
	notYet(t, db, d, aborted)
	closeDB(t, db)
	db = open(t, path, bolt.Options{}) // it remembers
	defer func() { closeDB(t, db) }()
	notYet(t, db, d, aborted)

	old := directory.Report{Node: conformance.Node(7), Holds: true, Passport: d.Passport, Ended: aborted.Attempt()}
	if e, err := db.Recover(ctx, old); err != nil || e.Epoch != d.Epoch() || e.Holder != conformance.Node(7) {
		t.Fatalf("recover: %+v, %v", e, err)
	}
	notYet(t, db, d, aborted)
	if err := db.Recovered(); err != nil || db.Recovering() {
		t.Fatal(err)
	}
	if out, err := db.Claim(ctx, aborted); err != nil || out.Decision != wire.DecisionAbort {
		t.Errorf("an aborted attempt is claimed again: %+v, %v", out, err)
	}
	moves(t, db, d, 8)
	silent := conformance.NewDaemon(t, 0) // its holder has not reported
	if _, err := db.Lookup(ctx, silent.Origin()); !errors.Is(err, directory.ErrRecovering) {
		t.Errorf("a daemon without a report: %v", err)
	}
	closeDB(t, db)
	db = open(t, path, bolt.Options{})
	if e, err := db.Lookup(ctx, d.Origin()); err != nil || e.Epoch != d.Epoch() {
		t.Errorf("reopened: %+v, %v", e, err)
	}
	if _, err := db.Lookup(ctx, silent.Origin()); !errors.Is(err, directory.ErrRecovering) {
		t.Errorf("a daemon without a report, reopened: %v", err)
	}
}

// notYet demands that nothing is answered.
func notYet(t *testing.T, db *bolt.DB, d *conformance.Daemon, c directory.Claim) {
	t.Helper()
	ctx := t.Context()
	_, lookup := db.Lookup(ctx, d.Origin())
	_, register := db.Register(ctx, d.Birth())
	_, claim := db.Claim(ctx, c)
	_, outcome := db.Outcome(ctx, d.Origin(), c.Attempt())
	_, force := db.Force(ctx, d.Forced(1, d.Admin))
	_, watch := db.Watch(ctx, d.Origin(), 0)
	_, unborn := db.Register(ctx, conformance.NewDaemon(t, 99).Birth())
	for i, err := range []error{lookup, register, claim, outcome, force, watch, unborn} {
		if !errors.Is(err, directory.ErrRecovering) || !errors.Is(err, wire.ErrNotReady) {
			t.Errorf("recovering, call %d: %v", i, err)
		}
	}
	if !db.Recovering() {
		t.Error("the recovery is forgotten")
	}
}

// TestForeignFileIsRefused: what is no directory is left alone.
func TestForeignFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database. "), 2048), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(path, bolt.Options{}); !errors.Is(err, directory.ErrDamaged) {
		t.Errorf("opened something else: %v", err)
	}
	if _, err := bolt.Open(path, bolt.Options{}); errors.Is(err, bolt.ErrLocked) {
		t.Error("the refused file is still locked")
	}
	var none crypto.NodeID
	if _, err := bolt.Open(filepath.Join(t.TempDir(), none.Hex(), "directory.db"), bolt.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opened a file in no folder: %v", err)
	}
}
