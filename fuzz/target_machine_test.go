package fuzz

import (
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// targetRole drives a target.
type targetRole struct {
	*role
	targetRules
	m         *target.Machine
	calls     []target.Call
	consults  []target.Consult
	directory bool
}

// What targets are told. The log has four events.
var (
	targetLog  = []byte{4, 1, 2, 3}
	targetHeld = []byte{
		2, 3, 0, 0, // a snapshot stream, which is restored to the genesis
		3, 4, 0, 4, 1, 0, // all four events are applied
		0, 0, 14, 3, 4, // Final
		3, 0, // the hold is durable
	}
	targetActivated = []byte{3, 4, 0} // the handover is durable

	targetHalf             = slices.Concat(targetLog, []byte{0}, targetHeld)
	targetMoves            = slices.Concat(targetHalf, []byte{0, 0, 17, 3, 4}, targetActivated)
	targetMovesByDirectory = slices.Concat(targetLog, []byte{8}, targetHeld, []byte{
		0, 0, 20, 3, 4, // Promised
		10, 1, 0, // the directory says COMMIT
	}, targetActivated)
	targetLetsGo = slices.Concat(targetHalf, []byte{
		0, 0, 16, 3, // Aborted
		3, 3, 4, 0, 0, 0, 0, // the release, and what the replay behind it comes to
		5, 255, 5, 255, 5, 255, // half a minute passes, and more
	})
	targetWaits = slices.Concat(targetHalf, []byte{
		8,                    // told to stop
		0, 0, 11, 1, 0, 1, 4, // Answer: the source serves, of a lower attempt
		0, 0, 16, 1, // and has aborted that
		0, 3, 17, 3, 2, // a handover of another head
		5, 255, 5, 255, 5, 255, // half a minute passes, and more
	})
	targetYields = slices.Concat(targetHalf, []byte{0, 3, 17, 0x83, 4}) // the daemon has been handed over to another node
)

func runTarget(t *testing.T, data []byte) *targetRole {
	r := &targetRole{role: newRole(t, data)}
	for range 4 {
		r.grow()
	}
	b := r.in.next()
	r.directory = b&8 == 8
	m, out := target.NewMachine(r.now, target.MachineConfig{Node: roleNodes[1], Boot: 5}, target.Request{
		Source: roleNodes[0], Prepare: &wire.Prepare{Ref: r.ref(), Orchestrator: roleNodes[b%4], Directory: r.directory}, Key: roleKeys[1]})
	r.m = m
	r.obey(out, nil)
	for len(r.in.rest) > 0 {
		r.step()
	}
	return r
}

// FuzzTargetMachine checks also that a copy whose hold was told is given up or activated only for a word that allows it, and
// activated only at the head that it has.
func FuzzTargetMachine(f *testing.F) {
	seedRoles(f, targetHalf, 0, targetMoves, targetMovesByDirectory, targetLetsGo, targetWaits, targetYields)
	f.Fuzz(func(t *testing.T, data []byte) { runTarget(t, data) })
}

// TestTargetSeeds: the runs that fuzzing begins with mean what they say, however bytes are read by now.
func TestTargetSeeds(t *testing.T) {
	for _, seed := range []struct {
		run    []byte
		state  string
		reason wire.Reason
	}{
		{targetMoves, "active", 0},
		{targetMovesByDirectory, "active", 0},
		{targetHalf, "holding", 0},
		{targetWaits, "holding", 0},
		{targetLetsGo, "dropped", wire.ReasonUnreachable},
		{targetYields, "dropped", wire.ReasonMoved},
	} {
		got := runTarget(t, seed.run).m.Status()
		if got.State != seed.state || got.Ended != nil && got.Ended.Reason != seed.reason {
			t.Errorf("%v: %s, %+v, want %s", seed.run, got.State, got.Ended, seed.state)
		}
	}
	for _, run := range goldenRuns(t, targetHalf, 0) {
		runTarget(t, run).mustCut()
	}
}

func (r *targetRole) step() {
	var in target.MachineInput = target.Tick{}
	switch r.in.next() % 12 {
	case 10, 11:
		if in = r.consulted(); in == nil {
			return
		}
	case 9:
		in = target.Claimed{Head: r.heads[0]}
	case 0, 1:
		from := r.in.node()
		in = target.Received{From: from, Message: r.message()}
	case 2:
		in = target.StreamOpened{Stream: 1}
	case 3, 4:
		if in = r.result(); in == nil {
			return
		}
	case 5:
		r.pass()
	case 6:
		in = target.PeerDown{Peer: r.in.node()}
	case 7:
		in = target.PeerUp{Peer: r.in.node()}
	case 8:
		in = target.Cancel{}
	}
	held := r.m.Status().State == "holding"
	r.learn(in)
	out := r.m.Step(r.now, in)
	if held && !isWord(in) {
		r.kept(out)
	}
	r.obey(out, in)
}

// result answers the oldest call.
func (r *targetRole) result() target.MachineInput {
	if len(r.calls) == 0 {
		return nil
	}
	c := r.calls[0]
	r.calls = r.calls[1:]
	switch c := c.(type) {
	case target.CallRestore:
		return target.Restored{Head: r.heads[int(r.in.next())%len(r.heads)], EpochKey: roleKeys[0].Public(), Err: r.failing()}
	case target.CallCutOff:
		return target.CutOff{Offset: uint64(r.in.next()), Err: r.failing()}
	case target.CallReplay:
		return target.Replayed{Head: r.head(), Buffered: uint64(r.in.next()), Applied: uint64(r.in.next()), Took: time.Duration(r.in.next()), Err: r.failing()}
	case target.CallHold:
		return target.HoldDone{Attempt: c.Attempt, Err: r.failing()}
	case target.CallActivate:
		signed, err := crypto.SignHead(roleKeys[1], r.head(), 2)
		if err == nil {
			err = r.failing()
		}
		return target.Activated{Signed: signed, Err: err}
	}
	return nil
}

// obey takes an output, and the input that has led to it.
func (r *targetRole) obey(out target.MachineOutput, in target.MachineInput) {
	r.noted(out.Wake, out.Ended != nil)
	r.calls, r.consults = append(r.calls, out.Calls...), append(r.consults, out.Consults...)
	for _, c := range out.Calls {
		switch c := c.(type) {
		case target.CallActivate:
			r.activates(c.Handover, in)
		case target.CallRelease:
			r.releases(c.Attempt, in)
		case target.CallAbort:
			if !r.told.IsZero() {
				r.t.Fatal("a copy that was promised is dropped")
			}
		}
	}
	for _, e := range out.Sends {
		if msg, ok := e.Message.(*wire.ReplayComplete); ok {
			r.tells(msg)
		}
	}
}
