package target_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/script"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// TestMachineScripts plays testdata/machine_*.txt.
func TestMachineScripts(t *testing.T) {
	script.Play(t, "testdata/machine_*.txt", func(t *testing.T) script.Player { return newMachineRig(t).play })
}

// sender is who a command names, the source if nobody.
func sender(c script.Command) crypto.NodeID {
	for id, name := range nodeNames {
		if c.Has(name) {
			return id
		}
	}
	return nodeS
}

// failure is the error that a command names.
func failure(c script.Command, otherwise error) error {
	switch {
	case c.Has("gap"):
		return crypto.ErrGap
	case c.Has("stale"):
		return wire.ErrStaleEpoch
	case c.Has("mismatch"):
		return crypto.ErrHeadMismatch
	case c.Has("fail"):
		return otherwise
	}
	return nil
}

// play runs one command and describes what the machine did.
func (r *machineRig) play(line string) string {
	c := script.Parse(r.t, line)
	switch c.Name() {
	case "new":
		r.start(c.Has("directory"))
	case "run":
		return r.until(c)
	case "tick":
		r.step(target.Tick{})
	case "up":
		r.step(target.PeerUp{Peer: sender(c)})
	case "down":
		r.step(target.PeerDown{Peer: sender(c)})
	case "cancel":
		r.step(target.Cancel{})
	default:
		if !r.result(c) && !r.message(c) {
			c.Unknown()
		}
	}
	return r.describe("")
}

// result plays what the handler reports.
func (r *machineRig) result(c script.Command) bool {
	switch c.Name() {
	case "stream":
		r.step(target.StreamOpened{Stream: 1})
	case "claimed":
		r.step(target.Claimed{Head: r.heads[c.FirstNumber()]})
	case "restored":
		r.step(target.Restored{Head: r.heads[c.Number("at", 0)], EpochKey: testKey.Public(), Administrator: testAdmin.Public(), Err: failure(c, errTest)})
	case "replayed":
		n := c.Number("applied", 0)
		head := r.heads[c.FirstNumber()]
		if c.Has("other") {
			head.Outputs[0]++
		}
		r.step(target.Replayed{Head: head, Applied: n, Buffered: c.Number("held", 0), Took: time.Duration(n) * time.Millisecond, Err: failure(c, wire.ErrStateFailed)})
	case "held":
		r.step(target.HoldDone{Attempt: attempt(c.Number("attempt", r.hold.Count)), Err: failure(c, errTest)})
	case "decided":
		in := target.Decided{Attempt: attempt(c.Number("attempt", r.hold.Count)), Cert: r.cert, Err: failure(c, errTest)}
		switch c.First() {
		case "commit":
			in.Decision = wire.DecisionCommit
			r.over = r.accepted()
		case "abort":
			in.Decision = wire.DecisionAbort
		}
		r.step(in)
	case "activated":
		in := r.activated()
		if err := failure(c, errTest); err != nil {
			in = target.Activated{Err: err}
		}
		r.step(in)
	default:
		return false
	}
	return true
}

// message plays what a peer sends.
func (r *machineRig) message(c script.Command) bool {
	var msg wire.Message
	switch c.Name() {
	case "Prepare":
		msg = &wire.Prepare{Ref: r.ref}
	case "BufferedEvents":
		from, to := c.FirstNumber(), c.Number("to", c.FirstNumber())
		msg = &wire.BufferedEvents{Ref: r.ref, Events: r.log[from-1 : to]}
	case "Final":
		head := r.heads[c.Number("at", 0)]
		if c.Has("other") {
			head.Digest[0]++
		}
		msg = &wire.Final{Ref: r.ref, Attempt: attempt(c.FirstNumber()), Head: head}
	case "Aborted":
		msg = &wire.Aborted{Ref: r.ref, Attempt: attempt(c.FirstNumber())}
	case "Promised":
		r.certify(c)
		msg = &wire.Promised{Ref: r.ref, Cert: r.cert}
	case "MigrationFailed":
		msg = &wire.MigrationFailed{Ref: r.ref, Reason: wire.ReasonCancelled, Detail: "the source was told to stop"}
	case "ActivateTarget":
		ev := r.handover(c.Number("at", 0), c.Has)
		if !r.spoiled(c) {
			r.over = ev
		}
		msg = &wire.ActivateTarget{Ref: r.ref, Handover: ev}
	case "Ask":
		msg = &wire.Ask{Ref: r.ref, Attempt: attempt(c.Number("attempt", 0))}
	case "Answer":
		msg = r.answer(c)
	default:
		return false
	}
	r.get(sender(c), msg)
	return true
}

func (r *machineRig) spoiled(c script.Command) bool {
	return slices.ContainsFunc([]string{"elsewhere", "epoch", "wrongkey", "forged", "usurped", "otherhead"}, c.Has)
}

func (r *machineRig) answer(c script.Command) *wire.Answer {
	ans := &wire.Answer{Ref: r.ref, Boot: c.Number("boot", 3), Attempt: attempt(c.Number("attempt", 0))}
	switch {
	case c.Has("serving"):
		ans.State = wire.StateServing
	case c.Has("released"):
		r.over = r.handover(c.Number("at", 0), c.Has)
		ans.State, ans.HasHandover, ans.Handover = wire.StateReleased, true, r.over
	case c.Has("frozen"):
		ans.State = wire.StateFrozen
	default:
		ans.State = wire.StateUnknown
	}
	return ans
}

// until ticks at every wake until a time has passed, and tells what happened when.
func (r *machineRig) until(c script.Command) string {
	began, end := r.now, r.now.Add(c.FirstSpan())
	var b strings.Builder
	for !r.wake.IsZero() && !r.wake.After(end) {
		r.now = r.wake
		if r.step(target.Tick{}); len(r.out.Calls)+len(r.out.Consults)+len(r.out.Sends) > 0 {
			b.WriteString(r.describe(fmt.Sprintf("+%v ", r.now.Sub(began))))
		}
	}
	r.now = end
	if r.out = (target.MachineOutput{}); b.Len() == 0 {
		return r.describe("")
	}
	return b.String()
}
