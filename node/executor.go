package node

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Executor runs the calls of a core against the registry and the target handler. It is safe for concurrent
// use as far as the calls of one daemon come one after the other; CallRestore, which runs beside them, has
// a method of its own.
type Executor struct {
	Node     crypto.NodeID
	Registry *daemon.Registry
	Handler  *target.Handler
	Host     daemon.HostConfig // of daemons that arrive
	Clock    func() time.Time  // measures how long a replay takes; nothing is decided by it
}

// Snapshot is the result of a source's CallSnapshot: what its machine is told, and the view.
type Snapshot struct {
	source.Snapshotted
	View *daemon.Snapshot
}

// Run carries out one call and returns its result, nil for a call that has none.
func (x *Executor) Run(call Call) any {
	switch op := call.Op.(type) {
	case target.Call:
		return x.target(call.Origin, op)
	case CloseView:
		op.Snapshot.Close()
		return nil
	}
	host, ok := x.Registry.Host(call.Origin)
	if !ok {
		return missing(call.Op)
	}
	switch op := call.Op.(type) {
	case Apply:
		receipts, err := host.SubmitBatch(op.Producer, op.Since, op.Items, nil)
		return Applied{Receipts: receipts, Err: err}
	case OpenProducer:
		return openProducer(host, op)
	case Read:
		data, err := host.Inspect(op.Query)
		return ReadResult{Data: data, Err: err}
	case EndLife:
		return x.endLife(host)
	case source.Call:
		return x.source(host, op)
	}
	panic(fmt.Sprintf("node: internal error: unknown call %T", call.Op))
}

// missing is the result of a call on a daemon that is not registered.
func missing(op any) any {
	switch op.(type) {
	case Apply:
		return Applied{Err: wire.ErrDaemonNotFound}
	case OpenProducer:
		return Opened{Err: wire.ErrDaemonNotFound}
	case Read:
		return ReadResult{Err: wire.ErrDaemonNotFound}
	case EndLife:
		return wire.ErrDaemonNotFound
	case source.CallSnapshot:
		return Snapshot{Snapshotted: source.Snapshotted{Err: wire.ErrDaemonNotFound}}
	case source.CallFreeze:
		return source.Frozen{Err: wire.ErrDaemonNotFound}
	case source.CallHandOver:
		return source.HandedOver{Err: wire.ErrDaemonNotFound}
	}
	return nil
}

func (x *Executor) endLife(host *daemon.Host) any {
	if err := host.End(); err != nil {
		return err
	}
	x.Registry.Remove(host)
	return nil
}

func openProducer(host *daemon.Host, op OpenProducer) Opened {
	since, last, err := host.OpenProducer(op.Producer)
	if err != nil {
		return Opened{Err: err}
	}
	return Opened{Since: since, Last: last, Epoch: host.Epoch(), Key: host.Key()}
}

func (x *Executor) source(host *daemon.Host, op source.Call) any {
	switch op := op.(type) {
	case source.CallSnapshot:
		return takeView(host)
	case source.CallFreeze:
		head, err := host.Freeze()
		return source.Frozen{Head: head, Err: err}
	case source.CallThaw:
		// A thaw can fail only where the freeze did, and that has been reported.
		_ = host.Thaw()
		return nil
	case source.CallHandOver:
		ev, err := host.HandOver(op.From, op.To, op.Next)
		return source.HandedOver{Event: ev, Err: err}
	case source.CallRetire:
		if _, gone := host.HandedOver(); gone && x.Registry.Remove(host) {
			host.Retire()
		}
		return nil
	}
	panic(fmt.Sprintf("node: internal error: unknown call %T", op))
}

func takeView(host *daemon.Host) Snapshot {
	s, err := host.Snapshot()
	if err != nil {
		return Snapshot{Snapshotted: source.Snapshotted{Err: err}}
	}
	size, _ := s.Len()
	return Snapshot{Snapshotted: source.Snapshotted{Through: s.Through(), Size: uint64(max(size, 0))}, View: s}
}

func (x *Executor) target(origin uint64, op target.Call) any {
	switch op := op.(type) {
	case target.CallReplay:
		return x.replay(origin, op.Events)
	case target.CallHold:
		return target.HoldDone{Attempt: op.Attempt, Err: x.Handler.Hold(origin, op.Attempt, op.Final)}
	case target.CallRelease:
		_ = x.Handler.Release(origin, op.Attempt) // a hold that was never given needs no release
		return nil
	case target.CallActivate:
		signed, err := x.activate(origin, op.Handover)
		return target.Activated{Signed: signed, Err: err}
	case target.CallComplete:
		_ = x.Handler.Complete(origin) // fails only for a record that has been completed and forgotten
		return nil
	case target.CallAbort:
		_ = x.Handler.Abort(origin) // refused only for a copy that has become authoritative, which stays
		return nil
	}
	panic(fmt.Sprintf("node: internal error: unknown call %T", op))
}

func (x *Executor) replay(origin uint64, events []crypto.CausalEvent) target.Replayed {
	before, _ := x.Handler.ReplayedThrough(origin)
	began := x.Clock()
	through, err := x.Handler.ReplayEvents(origin, events)
	took := x.Clock().Sub(began)
	r := target.Replayed{Took: took, Err: err}
	if through > before {
		r.Applied = through - before
	}
	if held, _, ok := x.Handler.Buffered(origin); ok {
		r.Buffered = uint64(held)
	}
	// While the restore runs there is no head yet; the machine knows that and does not look.
	r.Head, _ = x.Handler.HostHeadLink(origin)
	return r
}

// activate applies the handover, makes the daemon serve and has it sign its first head.
func (x *Executor) activate(origin uint64, handover crypto.CausalEvent) (crypto.SignedHead, error) {
	// An error here need not mean that the handover was not applied: the gate decides.
	_, replayErr := x.Handler.ReplayEvents(origin, []crypto.CausalEvent{handover})
	if _, err := x.Handler.Activate(origin); err != nil {
		return crypto.SignedHead{}, errors.Join(err, replayErr)
	}
	host, ok := x.Registry.Host(origin)
	if !ok {
		return crypto.SignedHead{}, wire.ErrDaemonNotFound
	}
	return host.SignedHead()
}

// Restore carries out CallRestore: it reads the snapshot from its stream and restores the daemon. claimed
// is called once the handler takes events for the daemon, before its state is read.
func (x *Executor) Restore(op target.CallRestore, r io.Reader, claimed func(crypto.Head)) target.Restored {
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
	if err := x.Handler.RestoreSnapshot(ctx, op.Key, nil, x.Host); err != nil {
		return target.Restored{Err: err}
	}
	return target.Restored{Head: head, EpochKey: passport.Key(), Administrator: passport.Genesis.Administrator}
}
