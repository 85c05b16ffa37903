package fuzz

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// targetRules are the rules of a hold, held against what a target has said and heard (protocol §4.6 and §4.8). Who may send what
// is not looked at: a machine is given only what has passed the table of senders (protocol §5).
type targetRules struct {
	told     wire.Attempt        // the newest that a hold has been told for, zero if nothing is promised
	restored bool                // the handler has a dark copy
	copy     crypto.Head         // of that copy, as the handler has said last
	entry    *crypto.CausalEvent // the handover that it is activated with
}

// learn notes what the handler says of the copy.
func (r *targetRole) learn(in target.MachineInput) {
	switch in := in.(type) {
	case target.Restored:
		if in.Err == nil {
			r.restored, r.copy = true, in.Head
		}
	case target.Replayed:
		if in.Err == nil && r.restored {
			r.copy = in.Head
		}
	}
}

// tells checks a promise: it is for the head that the copy has (protocol §4.6.4).
func (r *targetRole) tells(msg *wire.ReplayComplete) {
	if msg.Head != r.copy || msg.Attempt.Less(r.told) {
		r.t.Fatalf("attempt %v is told to be held at %d, after %v, with the copy at %d", msg.Attempt, msg.Head.Sequence, r.told, r.copy.Sequence)
	}
	r.told = msg.Attempt
}

// isWord reports whether an input is a word of another node or of the directory.
func isWord(in target.MachineInput) bool {
	switch in.(type) {
	case target.Received, target.Decided:
		return true
	}
	return false
}

// kept: only words release a hold, told or not.
func (r *targetRole) kept(out target.MachineOutput) {
	for _, c := range out.Calls {
		switch c.(type) {
		case target.CallAbort, target.CallRelease, target.CallActivate:
			r.t.Fatalf("%T without a word from anybody", c)
		}
	}
}

// releases checks that what was promised is given up for one of the reasons that there are (protocol §4.6.5).
func (r *targetRole) releases(a wire.Attempt, in target.MachineInput) {
	if r.told.IsZero() || a.Less(r.told) {
		return
	}
	if !r.isOver(in) {
		r.t.Fatalf("the hold of %v is given up because of %+v", r.told, in)
	}
	r.told = wire.Attempt{}
}

// isOver reports whether an input says that the attempt is over, or that the daemon is elsewhere.
func (r *targetRole) isOver(in target.MachineInput) bool {
	switch in := in.(type) {
	case target.Decided:
		aborted := in.Decision == wire.DecisionAbort && !in.Attempt.Less(r.told)
		given := in.Decision == wire.DecisionCommit && (in.Cert.To != roleNodes[1] || in.Cert.Next != roleKeys[1].Public())
		return in.Err == nil && (aborted || given)
	case target.Received:
		switch msg := in.Message.(type) {
		case *wire.Aborted:
			return !msg.Attempt.Less(r.told)
		case *wire.MigrationFailed:
			return true
		case *wire.Answer:
			served := msg.State == wire.StateServing && in.From == roleNodes[0] && !msg.Attempt.Less(r.told)
			return served || msg.State == wire.StateReleased && isElsewhere(msg.Handover)
		case *wire.ActivateTarget:
			return isElsewhere(msg.Handover)
		}
	}
	return false
}

// isElsewhere reports whether a handover of the epoch names another node.
func isElsewhere(ev crypto.CausalEvent) bool {
	h, err := crypto.ParseHandover(ev, roleKeys[0].Public())
	return err == nil && h.Epoch == 2 && h.To != roleNodes[1]
}

// activates checks that the entry is the one that has just come, or the directory's, and names this node, its key, and the very
// head that the copy has (protocol §4.8.1). One that could not be made durable is tried again.
func (r *targetRole) activates(ev crypto.CausalEvent, in target.MachineInput) {
	if r.entry != nil {
		if ev.Digest() != r.entry.Digest() {
			r.t.Fatal("activated with a second handover")
		}
		return
	}
	var h crypto.Handover
	var err error
	came := false
	switch in := in.(type) {
	case target.Decided:
		came = r.directory && in.Err == nil && in.Decision == wire.DecisionCommit
		h, err = crypto.ParseDecided(ev, in.Cert)
	case target.Received:
		brought, ok := handoverIn(in.Message)
		came = !r.directory && ok && brought.Digest() == ev.Digest()
		h, err = crypto.ParseHandover(ev, roleKeys[0].Public())
	}
	if !came || err != nil || h.Epoch != 2 || h.To != roleNodes[1] || h.Next != roleKeys[1].Public() || h.Head != r.copy {
		r.t.Fatalf("activated at %d because of %+v: %v", r.copy.Sequence, in, err)
	}
	r.entry, r.told = &ev, wire.Attempt{}
}

// handoverIn is the handover that a message brings.
func handoverIn(msg wire.Message) (crypto.CausalEvent, bool) {
	switch msg := msg.(type) {
	case *wire.ActivateTarget:
		return msg.Handover, true
	case *wire.Answer:
		return msg.Handover, msg.HasHandover && msg.State == wire.StateReleased
	}
	return crypto.CausalEvent{}, false
}
