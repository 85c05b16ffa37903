package fuzz

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// targetRole drives a target.
type targetRole struct {
	*role
	m         *target.Machine
	calls     []target.Call
	consults  []target.Consult
	directory bool
	decided   bool // the directory has said COMMIT
	held      bool // a hold has been told
}

// FuzzTargetMachine checks also that a copy whose hold was told is neither dropped nor activated by the
// clock.
func FuzzTargetMachine(f *testing.F) {
	seedRoles(f,
		[]byte{4, 1, 2, 3, 0, 0, 3, 0, 0, 0, 14, 3, 0, 3, 0, 0, 0, 17, 3, 0, 3, 0, 5, 255},
		[]byte{4, 1, 2, 3, 0, 0, 3, 0, 0, 0, 14, 3, 0, 3, 0, 0, 0, 16, 3, 5, 255, 0, 0, 14, 5, 0, 6, 0, 5, 255, 5, 255, 5, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &targetRole{role: newRole(t, data)}
		for range 4 {
			r.grow()
		}
		b := r.in.next()
		r.directory = b&8 == 8
		m, out := target.NewMachine(r.now, target.MachineConfig{Node: roleNodes[1], Boot: 5}, target.Request{
			Source: roleNodes[0], Prepare: &wire.Prepare{Ref: r.ref(), Orchestrator: roleNodes[b%4], Directory: r.directory}, Key: roleKeys[1]})
		r.m = m
		r.obey(out, false)
		for len(r.in.rest) > 0 {
			r.step()
		}
	})
}

func (r *targetRole) step() {
	var in target.MachineInput = target.Tick{}
	word := false
	switch r.in.next() % 12 {
	case 10, 11:
		if in = r.consulted(); in == nil {
			return
		}
		word = true
	case 9:
		in = target.Claimed{Head: r.heads[0]}
	case 0, 1:
		from := r.in.node()
		in, word = target.Received{From: from, Message: r.message()}, true
	case 2:
		in = target.StreamOpened{Stream: 1}
	case 3, 4:
		if in = r.result(); in == nil {
			return
		}
	case 5:
		r.pass()
	case 6:
		in = target.LinkDown{Peer: r.in.node()}
	case 7:
		in = target.LinkUp{Peer: r.in.node()}
	case 8:
		in = target.Cancel{}
	}
	before := r.m.Status().State
	out := r.m.Step(r.now, in)
	if before == "holding" && !word {
		r.kept(out)
	}
	r.obey(out, word)
}

// kept: only words release a hold.
func (r *targetRole) kept(out target.MachineOutput) {
	for _, c := range out.Calls {
		switch c.(type) {
		case target.CallAbort, target.CallRelease, target.CallActivate:
			r.t.Fatalf("%T without a word from anybody", c)
		}
	}
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

func (r *targetRole) obey(out target.MachineOutput, word bool) {
	r.noted(out.Wake, out.Ended != nil)
	r.calls, r.consults = append(r.calls, out.Calls...), append(r.consults, out.Consults...)
	for _, e := range out.Sends {
		_, told := e.Message.(*wire.ReplayComplete)
		r.held = r.held || told
	}
	for _, c := range out.Calls {
		switch c.(type) {
		case target.CallActivate:
			if r.directory && !r.decided {
				r.t.Fatal("activated before the directory has decided")
			}
			r.held = false
		case target.CallRelease:
			r.held = false
		case target.CallAbort:
			if r.held {
				r.t.Fatal("a copy that was promised is dropped")
			}
		}
	}
}
