package node

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Executor runs the calls of a core against the registry, the target handler and the journal. It is safe for
// concurrent use as far as the calls of one daemon come one after the other; CallRestore, which runs beside
// them, has a method of its own.
type Executor struct {
	Node     crypto.NodeID
	Registry *daemon.Registry
	Handler  *target.Handler
	Host     daemon.HostConfig // of daemons that arrive
	Clock    func() time.Time  // measures how long a replay takes; nothing is decided by it
	// Journal is where daemons are kept whose durability is above memory. Nil is a node without a disk.
	Journal *journal.Journal

	stays stays // which copy of the journal a daemon is
}

// Snapshot is the result of a source's CallSnapshot: what its machine is told, and the view.
type Snapshot struct {
	source.Snapshotted
	View *daemon.Snapshot
}

// Run carries out one call. It returns the result, nil for a call that has none, and the place in the journal
// that must be durable before the result is reported: zero for one that need not wait.
func (x *Executor) Run(call Call) (result any, durable journal.Position) {
	switch op := call.Op.(type) {
	case target.Call:
		return x.target(call, op)
	case CloseView:
		op.Snapshot.Close()
		return nil, 0
	case Bury:
		return nil, x.bury(call, op)
	case Forget:
		return nil, x.forget(call)
	case Revive:
		return x.revive(op)
	case Prove:
		return x.proof(op), 0
	}
	host, ok := x.Registry.Host(call.Origin)
	if !ok {
		return missing(call.Op), 0
	}
	switch op := call.Op.(type) {
	case Apply:
		return x.apply(host, op)
	case OpenProducer:
		return openProducer(host, op), 0
	case Read:
		data, err := host.Inspect(op.Query)
		return ReadResult{Data: data, Err: err}, 0
	case EndLife:
		return x.endLife(host)
	case Checkpoint:
		return x.takeCheckpoint(host), 0
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
	case source.CallHandOver, source.CallFollow:
		return source.HandedOver{Err: wire.ErrDaemonNotFound}
	case source.CallPromise:
		return source.PromiseMade{Err: wire.ErrDaemonNotFound}
	case Checkpoint:
		return Checkpointed{Err: wire.ErrDaemonNotFound}
	}
	return nil
}

// apply submits a batch and writes what was sequenced to the log.
func (x *Executor) apply(host *daemon.Host, op Apply) (any, journal.Position) {
	receipts, err := host.SubmitBatch(op.Producer, op.Since, op.Items, op.Room)
	result := Applied{Receipts: receipts, Err: err}
	st, ok := x.stays.of(host.Origin())
	if !ok {
		return result, 0
	}
	var at journal.Position
	for i := range receipts {
		if r := &receipts[i]; !r.Duplicate {
			at = x.Journal.Append(journal.Event{Copy: st.copy, Event: r.Event, Outputs: r.Head.Outputs})
		}
	}
	if st.durability < wire.DurabilityEveryEvent && x.Journal.Pending() < maxUnsynced {
		return result, 0
	}
	return result, at
}

// maxUnsynced bounds what daemons of durability handover have written and nobody has waited for.
const maxUnsynced = 4 << 20

func openProducer(host *daemon.Host, op OpenProducer) Opened {
	since, last, err := host.OpenProducer(op.Producer)
	if err != nil {
		return Opened{Err: err}
	}
	return Opened{Since: since, Last: last, Epoch: host.Epoch(), Key: host.Key()}
}

func (x *Executor) endLife(host *daemon.Host) (any, journal.Position) {
	if err := host.End(); err != nil {
		return err, 0
	}
	x.Registry.Remove(host)
	st, ok := x.stays.of(host.Origin())
	if !ok {
		return nil, 0
	}
	return nil, x.leave(host.Origin(), st)
}

func (x *Executor) source(host *daemon.Host, op source.Call) (any, journal.Position) {
	switch op := op.(type) {
	case source.CallSnapshot:
		return takeView(host), 0
	case source.CallFreeze:
		head, err := host.Freeze()
		return source.Frozen{Head: head, Err: err}, 0
	case source.CallThaw:
		// A thaw can fail only where the freeze did, and that has been reported.
		_ = host.Thaw()
		return nil, 0
	case source.CallPromise:
		return x.promise(host, op)
	case source.CallRelease:
		if st, ok := x.stays.of(host.Origin()); ok {
			x.Journal.Append(journal.Release{Copy: st.copy, Attempt: op.Attempt})
		}
		return nil, 0
	case source.CallFollow:
		err := host.Follow(op.Entry, op.Cert)
		return x.committed(host, op.CallHandOver, op.Entry, err)
	case source.CallHandOver:
		ev, err := host.HandOver(op.From, op.To, op.Next)
		return x.committed(host, op, ev, err)
	case source.CallRetire:
		if _, gone := host.HandedOver(); gone && x.Registry.Remove(host) {
			host.Retire()
		}
		return nil, 0
	}
	panic(fmt.Sprintf("node: internal error: unknown call %T", op))
}

// promise leaves the decision to the directory. The certificate leaves the node when the record of it is durable.
func (x *Executor) promise(host *daemon.Host, op source.CallPromise) (any, journal.Position) {
	cert, err := host.Promise(op.From, op.To, op.Next, op.Attempt)
	st, ok := x.stays.of(host.Origin())
	if err != nil || !ok {
		return source.PromiseMade{Cert: cert, Err: err}, 0
	}
	return source.PromiseMade{Cert: cert}, x.Journal.Append(journal.Promise{
		Copy: st.copy, Ref: op.Ref, Orchestrator: op.Orchestrator, Target: op.To, Addrs: op.Addrs, Cert: cert,
	})
}

// committed records the entry that gives the daemon away, which is the commit where no directory decides. What it
// takes to deliver the entry is durable in the same instant.
func (x *Executor) committed(host *daemon.Host, op source.CallHandOver, ev crypto.CausalEvent, err error) (any, journal.Position) {
	if err != nil {
		return source.HandedOver{Err: err}, 0
	}
	st, ok := x.stays.of(host.Origin())
	if !ok {
		return source.HandedOver{Event: ev}, 0
	}
	x.stays.depart(moveKey{op.Ref.Migration, op.Ref.Origin}, st)
	return source.HandedOver{Event: ev}, x.Journal.Append(
		journal.Commit{
			Copy: st.copy, Ref: op.Ref, Attempt: op.Attempt,
			Orchestrator: op.Orchestrator, Target: op.To, Addrs: op.Addrs,
		},
		journal.Event{Copy: st.copy, Event: ev, Outputs: host.Head().Outputs},
	)
}

func takeView(host *daemon.Host) Snapshot {
	s, err := host.Snapshot()
	if err != nil {
		return Snapshot{Snapshotted: source.Snapshotted{Err: err}}
	}
	size, _ := s.Len()
	return Snapshot{Snapshotted: source.Snapshotted{Head: s.Head(), Size: uint64(max(size, 0))}, View: s}
}
