package source

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/script"
	"github.com/ferrymesh/ferry/wire"
)

// The parties of the scripts, and the keys of the first two epochs.
var (
	nodeS, nodeT, nodeO = crypto.NodeID{'S'}, crypto.NodeID{'T'}, crypto.NodeID{'O'}
	nodeNames           = map[crypto.NodeID]string{nodeS: "source", nodeT: "target", nodeO: "orchestrator"}
	testKey, testNext   = testKeypair(1), testKeypair(2)
	testStart           = time.Unix(1_700_000_000, 0)
	errTest             = errors.New("broken")
)

func testKeypair(seed byte) *crypto.EntityKeypair {
	k, err := crypto.KeypairFromSeed([32]byte{seed})
	if err != nil {
		panic(err)
	}
	return k
}

// rig is a machine, the log of its daemon, and a clock.
type rig struct {
	t     *testing.T
	m     *Machine
	req   Request
	now   time.Time
	out   Output // of the last step
	wake  time.Time
	count uint64
	log   []Entry
	genes crypto.Head
	final *wire.Final
	over  crypto.CausalEvent
	cert  crypto.FreezeCert
}

func newRig(t *testing.T) *rig {
	g, err := crypto.SignGenesis(testKey, "test", crypto.PublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, now: testStart, genes: g.Head()}
	r.req = Request{
		Migration: wire.MigrationID{1}, Entity: g.Entity, Origin: r.genes.Origin, Epoch: 1, Kind: "test", Name: "name",
		Orchestrator: nodeO, Target: nodeT,
	}
	return r
}

func (r *rig) ref() wire.Ref {
	return wire.Ref{Migration: r.req.Migration, Origin: r.req.Origin, Epoch: r.req.Epoch}
}

// start begins the migration.
func (r *rig) start() {
	r.m, r.out = New(r.now, Config{Node: nodeS, Boot: 3, NextAttempt: func() uint64 { r.count++; return r.count }}, r.req)
	r.noted()
}

// step gives the machine one input.
func (r *rig) step(in Input) Output {
	r.out = r.m.Step(r.now, in)
	r.noted()
	return r.out
}

// noted keeps what later commands refer to.
func (r *rig) noted() {
	r.wake = r.out.Wake
	if !r.wake.IsZero() && !r.wake.After(r.now) {
		r.t.Errorf("%v: wants to be woken %v ago", r.m.state, r.now.Sub(r.wake))
	}
	for _, e := range r.out.Sends {
		if f, ok := e.Message.(*wire.Final); ok {
			r.final = f
		}
	}
}

// get is a message from the target.
func (r *rig) get(msg wire.Message) Output { return r.step(Received{From: nodeT, Message: msg}) }

// head is the daemon's head at a sequence.
func (r *rig) head(seq uint64) crypto.Head {
	if seq == 0 {
		return r.genes
	}
	return r.log[seq-1].Head
}

func (r *rig) newest() crypto.Head { return r.head(uint64(len(r.log))) }

// sequence appends events to the daemon's log without telling the machine.
func (r *rig) sequence(n, size int) []Entry {
	from := len(r.log)
	for range n {
		h := r.newest()
		ev := crypto.CausalEvent{
			Link: crypto.CausalLink{Origin: h.Origin, Sequence: h.Sequence + 1, Parent: h.Digest},
			Kind: crypto.EventInput, ProducerSeq: h.Sequence + 1, Payload: make([]byte, size),
		}
		r.log = append(r.log, Entry{Event: ev, Head: h.Append(ev, nil)})
	}
	return r.log[from:]
}

// hold is the target's ReplayComplete for the newest Final.
func (r *rig) hold() *wire.ReplayComplete {
	return r.holdOf(r.final.Attempt, r.final.Head, testNext)
}

func (r *rig) holdOf(a wire.Attempt, h crypto.Head, key *crypto.EntityKeypair) *wire.ReplayComplete {
	msg := &wire.ReplayComplete{Ref: r.ref(), Attempt: a, Head: h}
	if err := msg.Sign(key); err != nil {
		r.t.Fatal(err)
	}
	return msg
}

// handOver writes the entry.
func (r *rig) handOver() HandedOver {
	ev, _, err := crypto.SignHandover(testKey, crypto.Handover{
		From: nodeS, To: nodeT, Epoch: 2, Head: r.newest(), Next: testNext.Public(),
	})
	r.over = ev
	return HandedOver{Event: ev, Err: err}
}

// certify signs the certificate for the newest Final.
func (r *rig) certify() PromiseMade {
	var err error
	r.cert, err = crypto.SignFreezeCert(testKey, crypto.FreezeCert{
		From: nodeS, To: nodeT, Epoch: 2, Attempt: r.final.Attempt, Head: r.newest(), Next: testNext.Public(),
	})
	return PromiseMade{Cert: r.cert, Err: err}
}

// accepted is the entry that the target makes of the certificate, with the key of the next epoch.
func (r *rig) accepted() crypto.CausalEvent {
	ev, _, err := crypto.Accept(testNext, r.cert)
	if err != nil {
		r.t.Fatal(err)
	}
	r.over = ev
	return ev
}

// ack is the target's proof that it serves.
func (r *rig) ack(key *crypto.EntityKeypair) *wire.ActivateAck {
	signed, err := crypto.SignHead(key, r.newest().Append(r.over, nil), 2)
	if err != nil {
		r.t.Fatal(err)
	}
	return &wire.ActivateAck{Ref: r.ref(), Signed: signed}
}

// submission is a batch of a producer: n items from the given number.
func submission(ticket uint64, producer byte, first uint64, n int) Submission {
	s := Submission{Ticket: ticket, Producer: crypto.ProducerID{producer}}
	for i := range n {
		s.Items = append(s.Items, wire.Submission{Seq: first + uint64(i), Payload: []byte{producer}})
	}
	return s
}

// play runs one command and describes what the machine did.
func (r *rig) play(line string) string {
	c := script.Parse(r.t, line)
	switch c.Name() {
	case "new":
		r.req.StopAndCopy, r.req.Directory = c.Has("stop"), c.Has("directory")
		if c.Has("self") {
			r.req.Orchestrator = nodeS
		}
		r.req.Options = wire.Options{Stall: c.Span("stall"), Timeout: c.Span("timeout"), MaxBlackout: c.Span("blackout")}
		r.start()
	case "history": // events from before the migration
		r.sequence(int(c.FirstNumber()), 1)
		return ""
	case "events":
		r.step(Applied{Entries: r.sequence(int(c.FirstNumber()), int(c.Number("size", 1)))})
	case "run":
		return r.until(c)
	case "later": // time passes, and the machine is not woken
		r.now = r.now.Add(c.FirstSpan())
		return ""
	case "submit":
		r.step(Submitted{submission(c.FirstNumber(), c.Value("p", "a")[0], c.Number("from", 1), int(c.Number("n", 1)))})
	case "up":
		r.step(PeerUp{Peer: peerOf(c)})
	case "down":
		r.step(PeerDown{Peer: peerOf(c), Err: errTest})
	case "cancel":
		r.step(Cancel{Detail: "not wanted"})
	case "tick":
		r.step(Tick{})
	default:
		if !r.result(c) && !r.message(c) {
			c.Unknown()
		}
	}
	return r.describe("")
}

func peerOf(c script.Command) crypto.NodeID {
	if c.Has("orchestrator") {
		return nodeO
	}
	return nodeT
}

// result plays the end of a call.
func (r *rig) result(c script.Command) bool {
	var err error
	if c.Has("fail") {
		err = errTest
	}
	switch c.Name() {
	case "view":
		r.step(Snapshotted{Head: r.newest(), Size: 1000, Err: err})
	case "copied":
		r.step(Copied{Serial: c.Number("serial", r.m.copy.serial), Bytes: c.Number("bytes", 1000), Done: c.Has("done"), Err: err})
	case "frozen":
		r.step(Frozen{Head: r.newest(), Err: err})
	case "promised":
		in := PromiseMade{Err: err}
		if err == nil {
			in = r.certify()
		}
		r.step(in)
	case "listed":
		r.step(HolderFound{Epoch: c.Number("epoch", 1), Holder: nodeS, Err: err})
	case "decided":
		decisions := map[string]wire.Decision{"commit": wire.DecisionCommit, "abort": wire.DecisionAbort, "none": wire.DecisionNone, "fail": wire.DecisionNone}
		r.step(Decided{Attempt: wire.Attempt(r.cert.Attempt), Decision: decisions[c.First()], Err: err})
	case "followed":
		r.step(HandedOver{Event: r.over, Err: err})
	case "handed":
		in := HandedOver{Err: err}
		if err == nil {
			in = r.handOver()
		}
		r.step(in)
	default:
		return false
	}
	return true
}

// message plays what a peer sends.
func (r *rig) message(c script.Command) bool {
	switch c.Name() {
	case "PrepareOK":
		r.get(r.prepareOK(c))
	case "ResumeAt":
		r.get(&wire.ResumeAt{Ref: r.ref(), Serial: c.Number("serial", r.m.copy.serial), Head: r.told(c), Offset: c.Number("offset", 0)})
	case "RestoreComplete":
		r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.told(c)})
	case "Progress":
		r.get(&wire.Progress{Ref: r.ref(), Head: r.told(c), Buffered: c.Number("held", 0), Rate: c.Number("rate", 0)})
	case "ReplayComplete":
		r.get(r.told3(c))
	case "ActivateAck":
		key := testNext
		if c.Has("forged") {
			key = testKey
		}
		r.get(r.ack(key))
	case "Forwarded":
		r.get(r.forwarded(c))
	case "MigrationFailed":
		r.get(&wire.MigrationFailed{Ref: r.ref(), Reason: wire.Reason(c.Number("reason", uint64(wire.ReasonStateFailed))), Detail: "the daemon refused"})
	case "Answer":
		msg := &wire.Answer{Ref: r.ref(), State: wire.StateUnknown, Boot: 9, Attempt: r.attempt(c)}
		if c.Has("entry") {
			msg.State, msg.HasHandover, msg.Handover = wire.StateServing, true, r.accepted()
		}
		if c.Has("plain") {
			r.handOver()
			msg.State, msg.HasHandover, msg.Handover = wire.StateServing, true, r.over
		}
		r.get(msg)
	default:
		return r.asked(c)
	}
	return true
}

// asked plays what the orchestrator, or whoever asks, sends.
func (r *rig) asked(c script.Command) bool {
	from := nodeO
	if c.Has("target") {
		from = nodeT
	}
	var msg wire.Message
	switch c.Name() {
	case "Ask":
		msg = &wire.Ask{Ref: r.ref(), Attempt: r.attempt(c)}
	case "Cancel":
		msg = &wire.Cancel{Ref: r.ref()}
	case "CutoverNotify":
		msg = &wire.CutoverNotify{Ref: r.ref()}
	case "TakeSnapshot":
		msg = &wire.TakeSnapshot{Ref: r.ref(), Target: nodeT}
	default:
		return false
	}
	r.step(Received{From: from, Message: msg})
	return true
}

func (r *rig) prepareOK(c script.Command) *wire.PrepareOK {
	msg := &wire.PrepareOK{Ref: r.ref(), Next: testNext.Public(), CreditEvents: c.Number("events", 1000), CreditBytes: c.Number("bytes", 1<<20)}
	if c.Has("weak") {
		msg.Next = crypto.PublicKey{1}
	}
	return msg
}

// told is the head that a message names.
func (r *rig) told(c script.Command) crypto.Head {
	h := crypto.Head{Origin: r.genes.Origin, Sequence: c.FirstNumber()}
	if h.Sequence <= uint64(len(r.log)) {
		h = r.head(h.Sequence)
	}
	if c.Has("other") {
		h.Digest[0]++
	}
	return h
}

func (r *rig) attempt(c script.Command) wire.Attempt {
	if n := c.Number("attempt", 0); n != 0 {
		return wire.Attempt{Epoch: 1, Boot: 3, Count: n}
	}
	return wire.Attempt{}
}

func (r *rig) told3(c script.Command) *wire.ReplayComplete {
	key, attempt, head := testNext, r.final.Attempt, r.final.Head
	if c.Has("forged") {
		key = testKey
	}
	if n := c.Number("attempt", 0); n != 0 {
		attempt.Count = n
	}
	if c.Has("other") {
		head.Digest[0]++
	}
	return r.holdOf(attempt, head, key)
}

func (r *rig) forwarded(c script.Command) *wire.Forwarded {
	msg := &wire.Forwarded{Ref: r.ref(), Producer: crypto.ProducerID{c.Value("p", "a")[0]}, First: c.Number("from", 1)}
	for i := range c.Number("n", 1) {
		msg.Items = append(msg.Items, wire.ReceiptItem{Seq: msg.First + i, Sequence: 100 + i})
	}
	if reason := c.Number("reason", 0); reason != 0 {
		msg.Reason, msg.FailedSeq = wire.Reason(reason), msg.First+uint64(len(msg.Items))
	}
	return msg
}

// until ticks at every wake until a time has passed, and tells what happened when.
func (r *rig) until(c script.Command) string {
	d := c.FirstSpan()
	end := r.now.Add(d)
	var b strings.Builder
	for !r.wake.IsZero() && !r.wake.After(end) {
		r.now = r.wake
		r.step(Tick{})
		if !quiet(r.out) {
			b.WriteString(r.describe(fmt.Sprintf("+%v ", r.now.Sub(end.Add(-d)))))
		}
	}
	r.now = end
	if r.out = (Output{}); b.Len() == 0 || !strings.HasSuffix(b.String(), " "+r.state()+"\n") {
		b.WriteString(r.describe(""))
	}
	return b.String()
}

// quiet reports whether a step did no more than tell the orchestrator where things stand.
func quiet(o Output) bool {
	for _, e := range o.Sends {
		if _, ok := e.Message.(*wire.Status); !ok {
			return false
		}
	}
	return len(o.Calls) == 0 && len(o.Consults) == 0 && len(o.Apply) == 0 && len(o.Replies) == 0 && o.Copy == nil && !o.StopCopy && o.Ended == nil
}
