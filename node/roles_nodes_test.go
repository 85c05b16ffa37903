package node_test

import (
	"errors"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

var errDisk = errors.New("model: the disk refused")

// takeSnapshot is where the source's part begins, or is asked about again.
func (w *world) takeSnapshot(from int, msg *wire.TakeSnapshot) {
	if w.src != nil {
		switch {
		case w.srcEnd == nil:
			w.stepSource(source.Received{From: ids[from], Message: msg})
			return
		case !w.src.Again():
			w.transmit(atSource, from, w.src.Outcome())
			return
		}
	}
	w.srcEnd = nil
	cfg := source.Config{Node: ids[atSource], Boot: 3, NextAttempt: w.nextAttempt, FreezeBudget: w.budget, DoubtAfter: 2 * time.Second}
	m, out := source.New(w.now, cfg, source.Request{
		Migration: ref.Migration, Entity: genesis.Entity, Origin: ref.Origin, Epoch: ref.Epoch, Kind: "model",
		StopAndCopy: w.seed%5 == 0, Orchestrator: ids[from], Target: ids[atTarget], Options: msg.Options,
	})
	w.src = m
	w.obeySource(out)
	if w.linkOf(atSource, atTarget).up[w.linkOf(atSource, atTarget).side(atSource)] {
		w.stepSource(source.PeerUp{Peer: ids[atTarget]})
	}
}

func (w *world) nextAttempt() uint64 {
	w.attempts++
	return w.attempts
}

func (w *world) stepSource(in source.Input) {
	if w.src != nil {
		w.obeySource(w.src.Step(w.now, in))
	}
}

func (w *world) obeySource(out source.Output) {
	for _, c := range out.Calls {
		w.sourceCall(c)
	}
	if out.StopCopy && w.copying != nil {
		w.copying.broken = true
	}
	if out.Copy != nil {
		w.startCopy(*out.Copy)
	}
	for _, s := range out.Apply {
		w.enqueueApply(s)
	}
	w.sendAll(atSource, out.Sends)
	for _, r := range out.Replies {
		w.answer(r)
	}
	if out.Ended != nil {
		w.log("source ended: %+v", *out.Ended)
		w.srcEnd = out.Ended
	}
	w.wake(0, out.Wake, func() { w.stepSource(source.Tick{}) })
}

func (w *world) sourceCall(c source.Call) {
	w.enqueue(atSource, func() func() {
		w.log("source %T", c)
		in := w.runSource(c)
		if in == nil {
			return nil
		}
		return func() { w.stepSource(in) }
	})
}

// runSource has the effect of a call on the source's host.
func (w *world) runSource(c source.Call) source.Input {
	switch c := c.(type) {
	case source.CallSnapshot:
		w.view = w.home.clone()
		return source.Snapshotted{Head: w.view.head(), Size: 1 << 20}
	case source.CallFreeze:
		w.home.frozen = true
		return source.Frozen{Head: w.home.head()}
	case source.CallThaw:
		w.home.frozen = false
	case source.CallHandOver:
		if w.chance(w.pOver) {
			return source.HandedOver{Err: errDisk}
		}
		w.checkCommit()
		return source.HandedOver{Event: w.home.handOver(c, w.view.head().Sequence)}
	case source.CallRetire:
		if w.dark == nil || !w.dark.active {
			w.fail("the source retires a daemon that is not active at the target")
		}
	}
	return nil
}

// startCopy opens the snapshot stream: the target reads it at its own pace.
func (w *world) startCopy(c source.Copy) {
	s := &stream{through: w.view, serial: c.Serial}
	w.copying = s
	w.after(w.between(time.Millisecond, 20*time.Millisecond), func() { w.openStream(s) })
	w.after(w.between(5*time.Millisecond, 60*time.Millisecond), func() { w.copied(s) })
	w.after(w.between(5*time.Millisecond, 100*time.Millisecond), func() { s.read = !s.broken })
}

func (w *world) copied(s *stream) {
	if s.told || s != w.copying {
		return
	}
	s.told = true
	if s.broken {
		w.stepSource(source.Copied{Serial: s.serial, Err: errors.New("broken")})
		return
	}
	w.stepSource(source.Copied{Serial: s.serial, Bytes: 1 << 20, Done: true})
}

func (w *world) breakCopies(l *link) {
	s := w.copying
	if s == nil || s.read || l != w.linkOf(atSource, atTarget) {
		return
	}
	s.broken = true
	w.after(w.between(0, 100*time.Millisecond), func() { w.copied(s) })
}

func (w *world) openStream(s *stream) {
	if s.broken || w.tgt == nil || w.tgtEnd != nil {
		s.broken = true
		return
	}
	w.opening = s
	out := w.tgt.Step(w.now, target.StreamOpened{Stream: 1})
	s.broken = s.broken || out.RefuseStream
	w.obeyTarget(out)
	w.opening = nil
}

// prepare is where the target's part begins.
func (w *world) prepare(msg *wire.Prepare) {
	if w.notReady > 0 {
		w.notReady--
		w.transmit(atTarget, atSource, &wire.MigrationFailed{Ref: msg.Ref, Reason: wire.ReasonNotReady})
		return
	}
	w.tgtEnd = nil
	cfg := target.MachineConfig{Node: ids[atTarget], Boot: 5, CreditEvents: 8, CreditBytes: 1 << 10, DoubtAfter: 2 * time.Second, Orphan: 5 * time.Second}
	m, out := target.NewMachine(w.now, cfg, target.Request{Source: ids[atSource], Prepare: msg, Key: nextKey})
	w.tgt = m
	w.obeyTarget(out)
}

func (w *world) stepTarget(in target.MachineInput) {
	if w.tgt != nil {
		w.obeyTarget(w.tgt.Step(w.now, in))
	}
}

func (w *world) obeyTarget(out target.MachineOutput) {
	for _, c := range out.Calls {
		switch c.(type) {
		case target.CallRestore:
			w.restore(w.opening)
		case target.CallFeed:
			w.incoming = w.opening
		case target.CallCutOff:
			w.incoming = nil
			w.after(w.between(0, 2*time.Millisecond), func() { w.stepTarget(target.CutOff{Offset: w.rng.Uint64N(100)}) })
		case target.CallAbort:
			w.unwanted = true
			w.targetCall(c)
		default:
			w.targetCall(c)
		}
	}
	if out.Ended != nil {
		w.log("target ended: %+v", *out.Ended)
		w.tgtEnd = out.Ended
	}
	w.sendAll(atTarget, out.Sends)
	w.wake(1, out.Wake, func() { w.stepTarget(target.Tick{}) })
}

// restore claims the origin, reads the stream and registers the copy.
func (w *world) restore(s *stream) {
	w.incoming, w.unwanted = s, false
	w.after(w.between(0, 20*time.Millisecond), func() {
		if w.dark != nil {
			w.stepTarget(target.Restored{Err: wire.ErrAlreadyMigrating})
			return
		}
		d := &dark{through: s.through.head().Sequence, pending: map[uint64]crypto.CausalEvent{}}
		w.dark = d
		w.stepTarget(target.Claimed{Head: s.through.head()})
		w.read(d)
	})
}

// read waits until all of the view is here, over whichever stream.
func (w *world) read(d *dark) {
	w.after(w.between(time.Millisecond, 20*time.Millisecond), func() {
		s := w.incoming
		switch {
		case w.dark != d:
			w.stepTarget(target.Restored{Err: wire.ErrCancelled})
		case w.unwanted || s != nil && s.read && w.chance(w.pHold):
			w.dark = nil
			w.stepTarget(target.Restored{Err: wire.ErrBadSnapshot})
		case s != nil && s.read:
			d.copyOf = s.through.clone()
			w.stepTarget(target.Restored{Head: d.copyOf.head(), EpochKey: entityKey.Public()})
		default:
			w.read(d)
		}
	})
}

func (w *world) targetCall(c target.Call) {
	w.enqueue(atTarget, func() func() {
		in := w.runTarget(c)
		w.log("target %T: %+v", c, in)
		if in == nil {
			return nil
		}
		return func() { w.stepTarget(in) }
	})
}

// runTarget has the effect of a call on the target's handler.
func (w *world) runTarget(c target.Call) target.MachineInput {
	d := w.dark
	if d == nil {
		return w.withoutRecord(c)
	}
	switch c := c.(type) {
	case target.CallReplay:
		applied, err := d.replay(c.Events)
		r := target.Replayed{Applied: applied, Buffered: uint64(len(d.pending)), Took: time.Duration(applied) * 100 * time.Microsecond, Err: err}
		if d.copyOf != nil {
			r.Head = d.copyOf.head()
		}
		return r
	case target.CallHold:
		if w.chance(w.pHold) {
			return target.HoldDone{Attempt: c.Attempt, Err: errDisk}
		}
		return target.HoldDone{Attempt: c.Attempt, Err: d.hold(c.Attempt, c.Final)}
	case target.CallRelease:
		_ = d.release(c.Attempt)
	case target.CallActivate:
		if w.chance(w.pHold) {
			return target.Activated{Err: errDisk}
		}
		signed, err := d.activate(c.Handover)
		return target.Activated{Signed: signed, Err: err}
	case target.CallComplete:
		d.complete = true
	case target.CallAbort:
		if d.armed || d.committed() {
			w.fail("the target aborts a copy that is held or committed")
			return nil
		}
		w.dark = nil
	}
	return nil
}

func (w *world) withoutRecord(c target.Call) target.MachineInput {
	switch c := c.(type) {
	case target.CallReplay:
		return target.Replayed{Err: wire.ErrDaemonNotFound}
	case target.CallHold:
		return target.HoldDone{Attempt: c.Attempt, Err: wire.ErrDaemonNotFound}
	case target.CallActivate:
		return target.Activated{Err: wire.ErrDaemonNotFound}
	}
	return nil
}

// ask starts an orchestrator, or another one after a crash.
func (w *world) ask() {
	m, out := orchestrator.New(w.now, orchestrator.Config{Node: ids[w.o], Boot: 9}, w.asked)
	w.orch, w.orchEnd = m, nil
	w.obeyOrch(out)
}

func (w *world) stepOrch(in orchestrator.Input) {
	if w.orch != nil {
		w.obeyOrch(w.orch.Step(w.now, in))
	}
}

func (w *world) obeyOrch(out orchestrator.Output) {
	w.sendAll(w.o, out.Sends)
	if out.Ended != nil {
		w.log("orchestrator ended: %+v", *out.Ended)
		w.orchestrated(out.Ended)
	}
	w.wake(2, out.Wake, func() { w.stepOrch(orchestrator.Tick{}) })
}

func (w *world) orchestrated(e *orchestrator.Ended) {
	if w.orchEnd != nil {
		w.fail("the orchestrator learns a second outcome %v after %v", e.Outcome, w.orchEnd.Outcome)
	}
	if e.Outcome != wire.OutcomeInDoubt {
		w.orchEnd = e
	}
}
