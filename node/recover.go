package node

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Found returns what the journal has, as inputs for the core before any other: the tombstones, the daemons
// that were handed over and not confirmed, and those that have to be brought back. Nothing is built yet.
func (x *Executor) Found() []Input {
	if x.Journal == nil {
		return nil
	}
	var found []Input
	state := x.Journal.State()
	for _, origin := range sortedKeys(state.Tombstones) {
		found = append(found, FoundTombstone{*state.Tombstones[origin]})
	}
	for _, id := range sortedKeys(state.Copies) {
		in := x.found(state.Copies[id])
		found = append(found, in)
		if d, ok := in.(FoundCopy); ok && d.Err == nil {
			x.stays.asleep++
		}
	}
	if x.stays.asleep == 0 {
		x.Journal.Recovered()
	}
	return found
}

// awake counts a copy that has been brought back, or cannot be. After the last one nothing reads the log as it
// was opened any more, and files that nobody needs are deleted.
func (x *Executor) awake() {
	x.stays.mu.Lock()
	defer x.stays.mu.Unlock()
	if x.stays.asleep--; x.stays.asleep == 0 {
		x.Journal.Recovered()
	}
}

// found says what one copy needs. One that was being copied here when the process died has no base: the
// source goes on with it, or gives up.
func (x *Executor) found(c *journal.Copy) Input {
	if c.Base == nil {
		msg := &c.Preparing.Prepare
		return FoundCopy{Copy: c.ID, Origin: c.Origin, Entity: c.Entity, Kind: msg.Kind, Name: msg.Name, Durability: c.Durability, Migration: msg.Migration}
	}
	kind, name, err := x.describe(c)
	d := FoundCopy{Copy: c.ID, Origin: c.Origin, Entity: c.Entity, Kind: kind, Name: name, Durability: c.Durability, Migration: ongoing(c), Err: err}
	if c.Handover == nil {
		return d
	}
	x.stays.hold(c.Origin, stay{copy: c.ID, durability: c.Durability})
	r, err := undelivered(c, d)
	if err == nil {
		r.Opened, err = x.openedEntry(c)
	}
	if err != nil {
		d.Err = err
		return d
	}
	x.stays.depart(moveKey{c.Commit.Ref.Migration, c.Origin}, stay{copy: c.ID, durability: c.Durability})
	return r
}

// ongoing is the migration that goes on when a copy is back: the one that it is promised in, or the one that has not brought it here
// for good yet.
func ongoing(c *journal.Copy) wire.MigrationID {
	switch {
	case c.Promise != nil:
		return c.Promise.Ref.Migration
	case c.Preparing != nil && c.Arrived == nil:
		return c.Preparing.Prepare.Migration
	}
	return wire.MigrationID{}
}

// describe reads the head of a copy's base.
func (x *Executor) describe(c *journal.Copy) (kind, name string, err error) {
	r, err := x.Journal.OpenBase(c.ID)
	if err != nil {
		return "", "", err
	}
	defer r.Close()
	s, err := daemon.ReadSnapshot(r)
	if err != nil {
		return "", "", err
	}
	defer s.Close()
	return s.Kind(), s.Name(), nil
}

// undelivered prepares the delivery of a handover that was committed and never confirmed.
func undelivered(c *journal.Copy, d FoundCopy) (FoundHandover, error) {
	key, err := crypto.KeypairFromSeed(c.Seed)
	if err != nil {
		return FoundHandover{}, err
	}
	defer key.Wipe()
	h, err := crypto.ParseHandover(*c.Handover, key.Public())
	if err != nil {
		return FoundHandover{}, err
	}
	return FoundHandover{
		Daemon: Daemon{Entity: c.Entity, Origin: c.Origin, Kind: d.Kind, Name: d.Name, Epoch: c.Commit.Ref.Epoch, Durability: c.Durability},
		Commit: *c.Commit, Next: h.Next, Head: h.Head, Handover: *c.Handover, Arrival: arrivalAck(c),
	}, nil
}

// openedEntry looks for the entry that a directory decided and that brought a copy here. A base that has replaced it has
// it in its passport.
func (x *Executor) openedEntry(c *journal.Copy) (opened *crypto.CausalEvent, err error) {
	if c.Preparing == nil || !c.Preparing.Prepare.Directory {
		return nil, nil
	}
	r, err := x.Journal.OpenBase(c.ID)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s, err := daemon.ReadSnapshot(r)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if p := s.Passport(); p.Epoch() == c.Commit.Ref.Epoch {
		return decidedEntry(p), nil
	}
	err = x.Journal.Events(c.ID, func(e journal.Event) error {
		if e.Event.Kind != crypto.EventInput && opened == nil {
			ev := e.Event
			ev.Payload = bytes.Clone(ev.Payload)
			opened = &ev
		}
		return nil
	})
	return opened, err
}

// arrivalAck is the proof that a copy was activated here, nil if it was born here.
func arrivalAck(c *journal.Copy) *wire.ActivateAck {
	if c.Arrived == nil {
		return nil
	}
	return &wire.ActivateAck{Ref: c.Preparing.Prepare.Ref, Signed: *c.Arrived}
}

// Calls of a recovery.
type (
	// Revive builds the daemon of a copy from its base and its log.
	Revive struct{ Copy journal.CopyID }
	// Revived is its result: a daemon that serves, or a dark copy whose migration goes on.
	Revived struct {
		Daemon    Daemon
		Arrival   *wire.ActivateAck   // how it came here; nil if it was born here
		Opened    *crypto.CausalEvent // the handover of that, if a directory decided it
		Recovered *target.Recovered   // nil for a daemon that serves
		Kind      string              // of a dark copy
		Promised  *journal.Promise    // of a frozen holder: a directory is to decide about its next entry
		Err       error
	}
)

// revive brings a copy back. After an error nothing of it is registered, and it is still on the disk.
func (x *Executor) revive(op Revive) (any, journal.Position) {
	defer x.awake()
	c := x.Journal.State().Copies[op.Copy]
	key, err := crypto.KeypairFromSeed(c.Seed)
	if err != nil {
		return Revived{Err: err}, 0
	}
	if c.Base == nil {
		return x.reviveArrival(c, key)
	}
	base, err := x.Journal.OpenBase(c.ID)
	if err != nil {
		return Revived{Err: err}, 0
	}
	defer base.Close()
	s, err := daemon.ReadSnapshot(base)
	if err != nil {
		return Revived{Err: err}, 0
	}
	defer s.Close()
	if c.HoldsEpoch() {
		return x.reviveHolder(c, s, key), 0
	}
	return x.reviveDark(c, s, key)
}

// reviveHolder restores a daemon that this node holds, applies its log again, and registers it.
func (x *Executor) reviveHolder(c *journal.Copy, s *daemon.Snapshot, key *crypto.EntityKeypair) Revived {
	plan, err := x.Handler.Factories().Lookup(c.Origin, s.Kind())
	if err != nil {
		return Revived{Err: err}
	}
	d, err := plan.Build()
	if err != nil {
		return Revived{Err: err}
	}
	cfg := x.Host
	cfg.Node = x.Node
	host, err := daemon.Restore(s, d, key, cfg)
	if err != nil {
		return Revived{Err: err}
	}
	if err := x.resume(c, host, key); err != nil {
		_ = host.End() // which closes the daemon; a frozen one, whose origin is taken, stays as it is
		return Revived{Err: err}
	}
	x.stays.hold(c.Origin, stay{copy: c.ID, durability: c.Durability})
	return Revived{Daemon: DaemonOf(host, host.StopAndCopy(), c.Durability), Arrival: arrivalAck(c), Opened: decidedEntry(host.Passport()), Promised: c.Promise}
}

// resume makes a restored host what it was when the process died, and registers it.
func (x *Executor) resume(c *journal.Copy, host *daemon.Host, key *crypto.EntityKeypair) error {
	if err := x.reapply(c, host, key); err != nil {
		return err
	}
	if c.Promise != nil {
		if _, err := host.Freeze(); err != nil {
			return err
		}
	}
	return x.Registry.Register(host)
}

// reapply runs the log of a holder: dark up to the handover that brought it here, if its base is older than
// that, and as the holder from there on.
func (x *Executor) reapply(c *journal.Copy, host *daemon.Host, key *crypto.EntityKeypair) error {
	passport := host.Passport()
	if passport.Key() == key.Public() {
		if err := host.Resume(x.Node); err != nil {
			return err
		}
	}
	err := x.Journal.Events(c.ID, func(e journal.Event) error {
		switch {
		case !host.Dark():
			return host.Reapply(e.Event, e.Outputs)
		case e.Event.Kind == crypto.EventInput:
			return host.Replay(e.Event)
		}
		return errors.Join(host.Replay(e.Event), host.Activate(x.Node))
	})
	if err == nil && host.Dark() {
		err = fmt.Errorf("node: the log of copy %d ends before the handover that it has the proof of: %w", c.ID, wire.ErrNoHandover)
	}
	return err
}

// reviveDark restores a copy whose migration was under way, with its hold. If the handover is in its log the
// daemon is this node's, and what the dead process had begun is finished.
func (x *Executor) reviveDark(c *journal.Copy, s *daemon.Snapshot, key *crypto.EntityKeypair) (any, journal.Position) {
	st, msg := stay{copy: c.ID, durability: c.Durability}, &c.Preparing.Prepare
	passport := s.Passport()
	write, live := x.observer(st), false
	ctx := target.RestoreContext{
		Migration: msg.Migration, Origin: c.Origin, Snapshot: s, Source: c.Preparing.Source, Orchestrator: msg.Orchestrator,
		Applied: func(ev *crypto.CausalEvent, outputs crypto.Digest) {
			if live { // what comes from the log is in the log
				write(ev, outputs)
			}
		},
	}
	if err := x.Handler.RestoreSnapshot(ctx, key, nil, x.Host); err != nil {
		return Revived{Err: err}, 0
	}
	err := x.Journal.Events(c.ID, func(e journal.Event) error {
		if err := undecided(msg, e.Event); err != nil {
			return err
		}
		_, err := x.Handler.ReplayEvents(c.Origin, []crypto.CausalEvent{e.Event})
		return err
	})
	if err != nil {
		_ = x.Handler.Abort(c.Origin) // refused only for a copy that holds the handover, which stays dark
		return Revived{Err: err}, 0
	}
	live = true
	x.stays.begin(moveKey{msg.Migration, c.Origin}, st)
	if x.Handler.Committed(c.Origin) {
		return x.finishArrival(c)
	}
	r := &target.Recovered{
		Request:  target.Request{Source: c.Preparing.Source, Addrs: c.Preparing.Addrs, Prepare: msg, Key: key},
		EpochKey: passport.Key(), Administrator: passport.Genesis.Administrator, Released: c.Released,
	}
	r.Head, _ = x.Handler.HostHeadLink(c.Origin)
	x.holdAgain(c, r)
	return Revived{Recovered: r, Kind: s.Kind()}, 0
}

// undecided refuses a handover in the log of a copy that a directory was to decide about, if the directory has not: only the entry
// it has decided, and a forced one, make the daemon this node's (protocol §4.14.6).
func undecided(msg *wire.Prepare, ev crypto.CausalEvent) error {
	if !msg.Directory || ev.Kind != crypto.EventHandover {
		return nil
	}
	h, err := crypto.UnverifiedHandover(ev)
	if err == nil && !h.Decided {
		err = fmt.Errorf("node: the log ends in a handover that no directory has decided; the copy stays on the disk and dark: %w", wire.ErrNoHandover)
	}
	return err
}

// holdAgain renews a promise. A copy that has gone past the promised head has been told more by a source that
// had therefore given the attempt up.
func (x *Executor) holdAgain(c *journal.Copy, r *target.Recovered) {
	if c.Held == nil {
		return
	}
	if err := x.Handler.Hold(c.Origin, c.Held.Attempt, c.Held.Final); err != nil {
		r.Released = c.Held.Attempt
		return
	}
	r.Held, r.Final = c.Held.Attempt, c.Held.Final
}

func (x *Executor) finishArrival(c *journal.Copy) (any, journal.Position) {
	ref := c.Preparing.Prepare.Ref
	call := Call{Origin: c.Origin, Migration: ref.Migration}
	if _, err := x.Handler.Activate(c.Origin); err != nil {
		return Revived{Err: err}, 0
	}
	host, ok := x.Registry.Host(c.Origin)
	if !ok {
		return Revived{Err: wire.ErrDaemonNotFound}, 0
	}
	signed, err := host.SignedHead()
	if err != nil {
		return Revived{Err: err}, 0
	}
	if err := x.Handler.Complete(c.Origin); err != nil {
		return Revived{Err: err}, 0
	}
	return Revived{
		Daemon: DaemonOf(host, host.StopAndCopy(), c.Durability), Arrival: &wire.ActivateAck{Ref: ref, Signed: signed}, Opened: decidedEntry(host.Passport()),
	}, x.arrived(call, signed)
}

// stamp turns a time into a record's number and back.
func stamp(t time.Time) uint64   { return uint64(t.UnixNano()) }
func unstamp(n uint64) time.Time { return time.Unix(0, int64(n)).UTC() }
