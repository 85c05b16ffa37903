package orchestrator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/script"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/wire"
)

var (
	nodeS, nodeT, nodeO = crypto.NodeID{'S'}, crypto.NodeID{'T'}, crypto.NodeID{'O'}
	nodeNames           = map[crypto.NodeID]string{nodeS: "source", nodeT: "target", nodeO: "self"}
	testStart           = time.Unix(1_700_000_000, 0)
	testRef             = wire.Ref{Migration: wire.MigrationID{1}, Origin: 42}
	errTest             = errors.New("broken")

	// The handover that the migration is for: the keys of both epochs, the head it follows, and the entry.
	testKey, testNext = testKeypair(1), testKeypair(2)
	testHead          = crypto.Head{Origin: testRef.Origin, Sequence: 7, Digest: crypto.Digest{7}}
	testHandover      = handoverTo(nodeT)
)

func testKeypair(seed byte) *crypto.EntityKeypair {
	k, err := crypto.KeypairFromSeed([32]byte{seed})
	if err != nil {
		panic(err)
	}
	return k
}

func handoverTo(to crypto.NodeID) crypto.CausalEvent {
	ev, _, err := crypto.SignHandover(testKey, crypto.Handover{Epoch: 5, Head: testHead, From: nodeS, To: to, Next: testNext.Public()})
	if err != nil {
		panic(err)
	}
	return ev
}

// rig is a machine and a clock.
type rig struct {
	t     *testing.T
	m     *orchestrator.Machine
	req   orchestrator.Request
	now   time.Time
	out   orchestrator.Output
	wake  time.Time
	ended []*orchestrator.Ended
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, now: testStart, req: orchestrator.Request{Ref: testRef, Source: nodeS, Target: nodeT}}
}

func (r *rig) start() {
	r.ended = nil
	r.m, r.out = orchestrator.New(r.now, orchestrator.Config{Node: nodeO, Boot: 2}, r.req)
	r.noted()
}

func (r *rig) step(in orchestrator.Input) orchestrator.Output {
	r.out = r.m.Step(r.now, in)
	r.noted()
	return r.out
}

func (r *rig) get(from crypto.NodeID, msg wire.Message) orchestrator.Output {
	return r.step(orchestrator.Received{From: from, Message: msg})
}

func (r *rig) noted() {
	r.wake = r.out.Wake
	if !r.wake.IsZero() && !r.wake.After(r.now) {
		r.t.Errorf("wants to be woken %v ago", r.now.Sub(r.wake))
	}
	if r.out.Ended != nil {
		r.ended = append(r.ended, r.out.Ended)
	}
}

func (r *rig) describe(prefix string) string {
	var b strings.Builder
	for _, e := range r.out.Sends {
		fmt.Fprintf(&b, "  %s→ %s: %s\n", prefix, nodeNames[e.To], describeMessage(e.Message))
	}
	if e := r.out.Ended; e != nil {
		fmt.Fprintf(&b, "  %slearns: %v, %v: %s (asked %d times)\n", prefix, e.Outcome, e.Reason, e.Detail, e.Tries)
	}
	fmt.Fprintf(&b, "  %s%s\n", prefix, r.state())
	return b.String()
}

func (r *rig) state() string {
	s := r.m.Status()
	text := s.Phase.String()
	if s.InDoubt {
		text += ", in doubt"
	}
	if s.Ended != nil {
		text += ", ended"
	}
	return text
}

func describeMessage(msg wire.Message) string {
	if a, ok := msg.(*wire.Answer); ok {
		return fmt.Sprintf("Answer %v, handover %v", a.State, a.HasHandover)
	}
	return msg.Type().String()
}

// play runs one command and describes what the machine did.
func (r *rig) play(line string) string {
	c := script.Parse(r.t, line)
	switch c.Name() {
	case "new":
		r.start()
	case "run":
		return r.until(c.FirstSpan())
	case "cancel":
		r.step(orchestrator.Cancel{})
	case "down":
		r.step(orchestrator.PeerDown{Peer: peer(c), Lost: c.Has("lost"), Err: errTest})
	default:
		r.get(peer(c), r.message(c))
	}
	return r.describe("")
}

func peer(c script.Command) crypto.NodeID {
	if c.Has("target") {
		return nodeT
	}
	return nodeS
}

var phases = map[string]wire.Phase{
	"snapshot": wire.PhaseSnapshot, "transfer": wire.PhaseTransfer, "restore": wire.PhaseRestore,
	"replay": wire.PhaseReplay, "cutover": wire.PhaseCutover, "complete": wire.PhaseComplete,
}

var states = map[string]wire.State{
	"serving": wire.StateServing, "frozen": wire.StateFrozen, "released": wire.StateReleased, "unknown": wire.StateUnknown,
}

var reasons = map[string]wire.Reason{
	"notready": wire.ReasonNotReady, "diverged": wire.ReasonDiverged, "already": wire.ReasonAlreadyMigrating,
	"cancelled": wire.ReasonCancelled, "notfound": wire.ReasonDaemonNotFound, "moved": wire.ReasonMoved,
}

// message is what a peer says, in words.
func (r *rig) message(c script.Command) wire.Message {
	ref := testRef
	ref.Epoch = 4
	switch c.Name() {
	case "Status":
		return &wire.Status{Ref: ref, Phase: phases[c.First()], InDoubt: c.Has("doubt"), Stats: wire.Stats{Epoch: 4}}
	case "CleanupComplete":
		return &wire.CleanupComplete{Ref: ref, Outcome: wire.OutcomeMoved, Stats: wire.Stats{Epoch: 5}}
	case "MigrationFailed":
		return &wire.MigrationFailed{Ref: ref, Reason: reasons[c.First()], Detail: "says who knows"}
	case "ActivateTarget":
		return &wire.ActivateTarget{Ref: ref, Handover: testHandover}
	case "ActivateAck":
		return &wire.ActivateAck{Ref: ref, Signed: r.activation(c)}
	case "Ask":
		return &wire.Ask{Ref: ref}
	case "Answer":
		s := states[c.First()]
		proven := s == wire.StateReleased || s == wire.StateServing && c.Has("target") && !c.Has("bare")
		return &wire.Answer{Ref: ref, State: s, HasHandover: proven, Handover: testHandover}
	}
	c.Unknown()
	return nil
}

// activation is the head of the daemon that the target has activated, spoiled as the words of a command say.
func (r *rig) activation(c script.Command) crypto.SignedHead {
	key, epoch, head := testNext, uint64(5), testHead.Append(testHandover, nil)
	switch {
	case c.Has("forged"):
		key = testKey
	case c.Has("epoch"):
		epoch = 6
	case c.Has("otherhead"):
		head.Digest[0]++
	case c.Has("outputs"):
		head.Outputs[0]++
	case c.Has("later"):
		head.Sequence++
	}
	signed, err := crypto.SignHead(key, head, epoch)
	if err != nil {
		r.t.Fatal(err)
	}
	return signed
}

// until ticks at every wake until a time has passed, and tells what happened when.
func (r *rig) until(d time.Duration) string {
	began, end := r.now, r.now.Add(d)
	var b strings.Builder
	for !r.wake.IsZero() && !r.wake.After(end) {
		r.now = r.wake
		if r.step(orchestrator.Tick{}); len(r.out.Sends) > 0 || r.out.Ended != nil {
			b.WriteString(r.describe(fmt.Sprintf("+%v ", r.now.Sub(began))))
		}
	}
	r.now = end
	if r.out = (orchestrator.Output{}); b.Len() == 0 {
		return r.describe("")
	}
	return b.String()
}
