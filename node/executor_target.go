package node

import (
	"errors"
	"fmt"
	"io"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

func (x *Executor) target(call Call, op target.Call) (any, journal.Position) {
	origin := call.Origin
	switch op := op.(type) {
	case target.CallPrepare:
		return x.prepare(call, op)
	case target.CallReplay:
		return x.replay(call, op.Events)
	case target.CallHold:
		return x.hold(call, op)
	case target.CallRelease:
		_ = x.Handler.Release(origin, op.Attempt) // a hold that was never given needs no release
		if st, ok := x.stays.arriving(call.move()); ok {
			x.Journal.Append(journal.Release{Copy: st.copy, Attempt: op.Attempt})
		}
		return nil, 0 // one that is lost is found again by asking
	case target.CallActivate:
		return x.activate(call, op.Handover)
	case target.CallComplete:
		_ = x.Handler.Complete(origin) // fails only for a record that has been completed and forgotten
		return nil, 0
	case target.CallAbort:
		_ = x.Handler.Abort(origin) // refused only for a copy that has become authoritative, which stays
		return nil, 0
	case target.CallDiscard:
		x.discard(call.move())
		return nil, 0
	}
	panic(fmt.Sprintf("node: internal error: unknown call %T", op))
}

// prepare makes the key of the next epoch durable, with what it was made for.
func (x *Executor) prepare(call Call, op target.CallPrepare) (any, journal.Position) {
	req := op.Request
	if x.Journal == nil {
		return target.Prepared{Err: fmt.Errorf("node: the daemon asks for durability %v and this node keeps nothing on disk: %w", req.Prepare.Durability, wire.ErrRefused)}, 0
	}
	seed, err := req.Key.Seed()
	if err != nil {
		return target.Prepared{Err: err}, 0
	}
	st := stay{copy: x.Journal.Next(), durability: req.Prepare.Durability}
	x.stays.begin(call.move(), st)
	return target.Prepared{}, x.Journal.Append(journal.Preparing{
		Copy: st.copy, Source: req.Source, Addrs: req.Addrs, Prepare: *req.Prepare, Seed: seed,
	})
}

// replay reports progress. What was applied must be durable first where the daemon's level asks for it: the
// source counts on what it is told.
func (x *Executor) replay(call Call, events []crypto.CausalEvent) (any, journal.Position) {
	origin := call.Origin
	before, _ := x.Handler.ReplayedThrough(origin)
	began := x.Clock()
	through, err := x.Handler.ReplayEvents(origin, events)
	r := target.Replayed{Took: x.Clock().Sub(began), Err: err}
	if through > before {
		r.Applied = through - before
	}
	if held, _, ok := x.Handler.Buffered(origin); ok {
		r.Buffered = uint64(held)
	}
	// While the restore runs there is no head yet; the machine knows that and does not look.
	r.Head, _ = x.Handler.HostHeadLink(origin)
	st, ok := x.stays.arriving(call.move())
	if !ok || st.durability < wire.DurabilityEveryEvent && x.Journal.Pending() < maxUnsynced {
		return r, 0
	}
	return r, x.Journal.Last()
}

func (x *Executor) hold(call Call, op target.CallHold) (any, journal.Position) {
	done := target.HoldDone{Attempt: op.Attempt, Err: x.Handler.Hold(call.Origin, op.Attempt, op.Final)}
	st, ok := x.stays.arriving(call.move())
	if !ok || done.Err != nil {
		return done, 0
	}
	return done, x.Journal.Append(journal.Hold{Copy: st.copy, Attempt: op.Attempt, Final: op.Final})
}

// activate applies the handover, makes the daemon serve and has it sign its first head.
func (x *Executor) activate(call Call, handover crypto.CausalEvent) (any, journal.Position) {
	// An error here need not mean that the handover was not applied: the gate decides.
	_, replayErr := x.Handler.ReplayEvents(call.Origin, []crypto.CausalEvent{handover})
	if _, err := x.Handler.Activate(call.Origin); err != nil {
		return target.Activated{Err: errors.Join(err, replayErr)}, 0
	}
	host, ok := x.Registry.Host(call.Origin)
	if !ok {
		return target.Activated{Err: wire.ErrDaemonNotFound}, 0
	}
	signed, err := host.SignedHead()
	if err != nil {
		return target.Activated{Err: err}, 0
	}
	return target.Activated{Signed: signed}, x.arrived(call, signed)
}

// arrived turns the copy of a migration into the daemon's. To the journal the tombstone of an earlier stay is void with that; it is
// recorded anew, for who asks about its migration.
func (x *Executor) arrived(call Call, signed crypto.SignedHead) journal.Position {
	st, ok := x.stays.arrive(call.move())
	if !ok {
		return 0
	}
	records := []journal.Record{journal.Arrived{Copy: st.copy, Signed: signed}}
	if t, ok := x.Journal.Tombstone(call.Origin); ok {
		records = append(records, t)
	}
	return x.Journal.Append(records...)
}

// Restore carries out CallRestore: it reads the snapshot from its stream, behind what the journal has of it, and restores
// the daemon. claimed
// is called once the handler takes events for the daemon, before its state is read. wait returns once a
// place in the journal is durable; it is not called at durability memory.
func (x *Executor) Restore(op target.CallRestore, r io.Reader, claimed func(crypto.Head), wait func(journal.Position) error) target.Restored {
	st, durable := x.stays.arriving(moveKey{op.Migration, crypto.OriginOf(op.Entity)})
	var spool *journal.Spool
	if durable {
		var have io.Reader
		var err error
		if spool, have, err = x.spoolFrom(st, op.From); err != nil {
			return target.Restored{Err: err}
		}
		defer x.leaveSpool(st, spool)
		r = io.MultiReader(have, io.TeeReader(r, spool))
	}
	s, err := daemon.ReadSnapshot(r)
	if err != nil {
		return target.Restored{Err: err}
	}
	defer s.Close()
	if s.EntityID() != op.Entity {
		return target.Restored{Err: fmt.Errorf("node: a snapshot of %v was announced, this is %v: %w", op.Entity, s.EntityID(), wire.ErrBadSnapshot)}
	}
	head, passport := s.Head(), s.Passport()
	ctx := target.RestoreContext{
		Migration: op.Migration, Origin: head.Origin, Snapshot: s, Source: op.Source, Orchestrator: op.Orchestrator,
		Claimed: func() { claimed(head) },
	}
	if durable {
		ctx.Restored = func() error { return x.commitBase(st, spool, head, wait) }
		ctx.Applied = x.observer(st)
	}
	if err := x.Handler.RestoreSnapshot(ctx, op.Key, nil, x.Host); err != nil {
		return target.Restored{Err: err}
	}
	return target.Restored{Head: head, EpochKey: passport.Key(), Administrator: passport.Genesis.Administrator}
}

// observer writes what a dark copy applies to the log. What a copy that was dropped still applies is not
// missed by anybody.
func (x *Executor) observer(st stay) func(*crypto.CausalEvent, crypto.Digest) {
	return func(ev *crypto.CausalEvent, outputs crypto.Digest) {
		_, _ = x.write(st, journal.Event{Copy: st.copy, Event: *ev, Outputs: outputs})
	}
}

// commitBase makes a snapshot the beginning of a copy's log.
func (x *Executor) commitBase(st stay, spool *journal.Spool, head crypto.Head, wait func(journal.Position) error) error {
	base, err := spool.Commit(head)
	if err != nil {
		return err
	}
	at, err := x.writeBase(st, base)
	if err != nil {
		return err
	}
	return wait(at)
}
