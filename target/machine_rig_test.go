package target_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/script"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// The parties of the machine's scripts, the keys of two epochs, and the administrator's.
var (
	nodeS, nodeT, nodeO, nodeX = crypto.NodeID{'S'}, crypto.NodeID{'T'}, crypto.NodeID{'O'}, crypto.NodeID{'X'}
	nodeNames                  = map[crypto.NodeID]string{nodeS: "source", nodeT: "target", nodeO: "orchestrator", nodeX: "stranger"}
	testKey, testNext          = testKeypair(1), testKeypair(2)
	testAdmin                  = testKeypair(3)
	testStart                  = time.Unix(1_700_000_000, 0)
	errTest                    = errors.New("broken")
)

func testKeypair(seed byte) *crypto.EntityKeypair {
	k, err := crypto.KeypairFromSeed([32]byte{seed})
	if err != nil {
		panic(err)
	}
	return k
}

// machineRig is a machine, the source's log, and a clock.
type machineRig struct {
	t     *testing.T
	m     *target.Machine
	now   time.Time
	out   target.MachineOutput
	wake  time.Time
	ref   wire.Ref
	genes crypto.Genesis
	heads []crypto.Head // heads[i] is the source's head at i
	log   []crypto.CausalEvent
	over  crypto.CausalEvent // the newest handover
	hold  wire.Attempt       // of the newest CallHold
	cert  crypto.FreezeCert  // the newest
}

func newMachineRig(t *testing.T) *machineRig {
	g, err := crypto.SignGenesis(testKey, "test", testAdmin.Public())
	if err != nil {
		t.Fatal(err)
	}
	r := &machineRig{t: t, now: testStart, genes: g, heads: []crypto.Head{g.Head()}}
	r.ref = wire.Ref{Migration: wire.MigrationID{1}, Origin: g.Head().Origin, Epoch: 1}
	for range 20 {
		h := r.heads[len(r.heads)-1]
		ev := crypto.CausalEvent{Kind: crypto.EventInput, Link: crypto.CausalLink{Origin: h.Origin, Sequence: h.Sequence + 1, Parent: h.Digest}}
		r.log, r.heads = append(r.log, ev), append(r.heads, h.Append(ev, nil))
	}
	return r
}

func (r *machineRig) start(directory bool) {
	r.m, r.out = target.NewMachine(r.now, target.MachineConfig{Node: nodeT, Boot: 5, CreditEvents: 100, CreditBytes: 1000}, target.Request{
		Source: nodeS, Prepare: &wire.Prepare{Ref: r.ref, Entity: r.genes.Entity, Kind: "test", Orchestrator: nodeO, Directory: directory}, Key: testNext})
	r.noted()
}

func (r *machineRig) step(in target.MachineInput) target.MachineOutput {
	r.out = r.m.Step(r.now, in)
	r.noted()
	return r.out
}

func (r *machineRig) get(from crypto.NodeID, msg wire.Message) target.MachineOutput {
	return r.step(target.Received{From: from, Message: msg})
}

func (r *machineRig) noted() {
	r.wake = r.out.Wake
	if !r.wake.IsZero() && !r.wake.After(r.now) {
		r.t.Errorf("%v: wants to be woken %v ago", r.m.Status().State, r.now.Sub(r.wake))
	}
	for _, c := range r.out.Calls {
		if h, ok := c.(target.CallHold); ok {
			r.hold = h.Attempt
		}
	}
}

// attempt is the n-th of the source's.
func attempt(n uint64) wire.Attempt {
	if n == 0 {
		return wire.Attempt{}
	}
	return wire.Attempt{Epoch: 1, Boot: 3, Count: n}
}

// handover is the entry that follows the source's log at seq, spoiled as the words of a command say.
func (r *machineRig) handover(seq uint64, spoiled func(string) bool) crypto.CausalEvent {
	h := crypto.Handover{From: nodeS, To: nodeT, Epoch: 2, Head: r.heads[seq], Next: testNext.Public()}
	key := testKey
	switch {
	case spoiled("elsewhere"):
		h.To = nodeX
	case spoiled("epoch"):
		h.Epoch = 3
	case spoiled("wrongkey"):
		h.Next = testAdmin.Public()
	case spoiled("forged"):
		key = testNext
	case spoiled("forced"):
		h.Forced, key = true, testAdmin
	case spoiled("usurped"):
		h.Forced = true
	case spoiled("otherhead"):
		h.Head.Digest[0]++
	}
	ev, _, err := crypto.SignHandover(key, h)
	if err != nil {
		r.t.Fatal(err)
	}
	return ev
}

// certify makes the source's certificate, spoiled as the words of a command say.
func (r *machineRig) certify(c script.Command) {
	cert := crypto.FreezeCert{
		From: nodeS, To: nodeT, Epoch: 2, Attempt: attempt(c.FirstNumber()), Head: r.heads[c.Number("at", 0)], Next: testNext.Public(),
	}
	key := testKey
	switch {
	case c.Has("elsewhere"):
		cert.To = nodeX
	case c.Has("wrongkey"):
		cert.Next = testAdmin.Public()
	case c.Has("forged"):
		key = testNext
	case c.Has("otherhead"):
		cert.Head.Digest[0]++
	}
	if c.Has("forged") {
		cert.Next = testAdmin.Public() // a key cannot certify itself
	}
	var err error
	if r.cert, err = crypto.SignFreezeCert(key, cert); err != nil {
		r.t.Fatal(err)
	}
}

// accepted is the entry that the certificate becomes.
func (r *machineRig) accepted() crypto.CausalEvent {
	ev, _, err := crypto.Accept(testNext, r.cert)
	if err != nil {
		r.t.Fatal(err)
	}
	return ev
}

// activated is the result of a CallActivate that has worked.
func (r *machineRig) activated() target.Activated {
	signed, err := crypto.SignHead(testNext, r.heads[r.over.Link.Sequence-1].Append(r.over, nil), 2)
	return target.Activated{Signed: signed, Err: err}
}

func (r *machineRig) state() string {
	st := r.m.Status()
	s := fmt.Sprintf("%s at %d", st.State, st.Through)
	if st.InDoubt {
		s += ", in doubt"
	}
	if st.SourceLost {
		s += ", the source has lost it"
	}
	return s
}

// describe writes the last output, one effect a line, in the order in which it is obeyed.
func (r *machineRig) describe(prefix string) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString("  " + prefix + fmt.Sprintf(format, args...) + "\n")
	}
	if r.out.RefuseStream {
		line("refuse the stream")
	}
	for _, c := range r.out.Calls {
		line("%s", machineCall(c))
	}
	for _, c := range r.out.Consults {
		line("directory: %s", strings.TrimPrefix(fmt.Sprintf("%T", c), "target."))
	}
	for _, e := range r.out.Sends {
		line("→ %s: %s", nodeNames[e.To], machineMessage(e.Message))
	}
	if e := r.out.Ended; e != nil {
		line("ended: %v, %v: %s", e.Outcome, e.Reason, e.Detail)
	}
	line("%s", r.state())
	return b.String()
}

func machineCall(c target.Call) string {
	switch c := c.(type) {
	case target.CallReplay:
		return fmt.Sprintf("CallReplay %d", len(c.Events))
	case target.CallHold:
		return fmt.Sprintf("CallHold %v at %d", c.Attempt, c.Final.Sequence)
	case target.CallRelease:
		return fmt.Sprintf("CallRelease %v", c.Attempt)
	case target.CallActivate:
		return fmt.Sprintf("CallActivate with the entry %d", c.Handover.Link.Sequence)
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", c), "target.")
}

func machineMessage(msg wire.Message) string {
	name := msg.Type().String()
	switch m := msg.(type) {
	case *wire.Progress:
		return fmt.Sprintf("%s %d, held %d, rate %d", name, m.Head.Sequence, m.Buffered, m.Rate)
	case *wire.RestoreComplete:
		return fmt.Sprintf("%s %d", name, m.Head.Sequence)
	case *wire.ReplayComplete:
		return fmt.Sprintf("%s %v at %d", name, m.Attempt, m.Head.Sequence)
	case *wire.MigrationFailed:
		return fmt.Sprintf("%s, %v: %s", name, m.Reason, m.Detail)
	case *wire.SessionError:
		return fmt.Sprintf("%s, %v", name, m.Reason)
	case *wire.Ask:
		return fmt.Sprintf("%s %v", name, m.Attempt)
	case *wire.Answer:
		return fmt.Sprintf("%s %v, attempt %v, handover %v", name, m.State, m.Attempt, m.HasHandover)
	}
	return name
}
