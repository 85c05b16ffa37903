package target

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// progressEvery bounds how often progress is reported while events trickle in one by one; a full batch is
// always reported at once.
const progressEvery = 2 * time.Millisecond

// askMax is the longest wait between two Asks.
const askMax = 5 * time.Second

// Machine is the control plane of one migration on the target: it turns messages into calls on the
// [Handler] and the handler's results into answers. Like the source's machine it is pure: no clock, no
// I/O, no goroutine; it is owned by whoever calls Step.
//
//	accepting ── Prepared ──▶ preparing ── stream opens ──▶ restoring ── Restored ──▶ replaying ◀── Aborted ── holding ── handover ──▶ activating ──▶ active
//	    any of them up to holding ── MigrationFailed, source gone ──▶ dropped            ▲  Final reached
//	                                                                                     └── replaying
//
// A machine that holds never drops its copy and never activates by the clock: it asks (protocol §4.8.3). Once
// a valid handover is here nothing leads back; an activation that fails is tried again.
type Machine struct {
	cfg    MachineConfig
	ref    wire.Ref
	source crypto.NodeID
	orch   crypto.NodeID
	entity crypto.EntityID
	key    *crypto.EntityKeypair

	state     machineState
	recorded  bool // there is a durable record of the migration
	arrival   arrival
	copying   bool // the handler may have a record of the daemon
	started   time.Time
	nudged    time.Time // the value of alive for which the source has been asked if it lives
	alive     time.Time // the last word from the source, or the end of its last session
	connected bool      // the source has a session with us
	epochKey  crypto.PublicKey
	admin     crypto.PublicKey // may sign a forced entry; zero is nobody
	head      crypto.Head      // after the last replayed event, as this node computed it
	buffered  uint64
	rate      rate
	reported  uint64 // what had arrived here at the last report
	reportAt  time.Time
	reportDue bool

	// The cutover: wanted is the newest attempt the source has opened, asked the one whose CallHold is
	// under way, held the one that is held; each is zero if there is none. tried is the newest whose CallHold has been made
	// since the last release: the handler may hold that one or one before it, whether or not this machine has been told.
	// Attempts up to void are over, and a Final of one that comes late is not obeyed (protocol §6.5).
	wanted, asked, tried, held, void wire.Attempt
	final, askedHead, heldHead       crypto.Head // of wanted, asked and held
	since                            time.Time   // when the hold began, or the activation without one
	askAt                            time.Time   // when to ask next, or to try to activate again
	askWait                          time.Duration
	doubt                            bool
	lost                             bool // the source has come back without the daemon

	directory  bool               // it decides, and not the source
	cert       *crypto.FreezeCert // for the held attempt; nil before it has come
	consulting bool

	handover crypto.CausalEvent
	again    bool // an activation has failed and waits for askAt
	acked    crypto.SignedHead
	ackTo    []crypto.NodeID // who carried the handover here

	ended *Ended
	now   time.Time
	out   MachineOutput
}

// Request is a migration that a source asks for by Prepare and that the owner has admitted.
type Request struct {
	Source  crypto.NodeID
	Addrs   []string // where the source can be dialed, for a restart
	Prepare *wire.Prepare
	// Key is the one this node will sign with once it is the holder; the machine never gives it away.
	Key *crypto.EntityKeypair
}

// NewMachine starts a migration.
func NewMachine(now time.Time, cfg MachineConfig, req Request) (*Machine, MachineOutput) {
	msg := req.Prepare
	m := &Machine{
		cfg: cfg.withDefaults(), ref: msg.Ref, source: req.Source, orch: msg.Orchestrator, entity: msg.Entity, key: req.Key,
		started: now, alive: now, now: now, connected: true, state: preparing, directory: msg.Directory,
	}
	if msg.Durability == wire.DurabilityMemory {
		m.prepareOK()
		return m, m.take()
	}
	m.state, m.recorded = accepting, true
	m.call(CallPrepare{Request: req})
	return m, m.take()
}

// prepared: the key and what it is for are durable. Only now may the source be given the public half, for a
// handover could certify it from then on.
func (m *Machine) prepared(in Prepared) {
	if m.state != accepting {
		return
	}
	if in.Err != nil {
		m.recorded = false
		m.fail(wire.ReasonOf(in.Err), "the migration could not be recorded: "+in.Err.Error())
		return
	}
	m.enter(preparing)
	m.prepareOK()
}

func (m *Machine) prepareOK() {
	m.send(m.source, &wire.PrepareOK{
		Ref: m.ref, Next: m.key.Public(), CreditEvents: m.cfg.CreditEvents, CreditBytes: m.cfg.CreditBytes,
	})
}

// Step takes one input at a time and returns what must be done because of it.
func (m *Machine) Step(now time.Time, in MachineInput) MachineOutput {
	m.now = now
	switch in := in.(type) {
	case Received:
		m.received(in.From, in.Message)
	case Prepared:
		m.prepared(in)
	case StreamOpened:
		m.streamOpened(in.Stream)
	case CutOff:
		m.cutOff(in)
	case Claimed:
		m.claimed(in.Head)
	case Restored:
		m.restored(in)
	case Replayed:
		m.replayed(in)
	case HoldDone:
		m.holdDone(in)
	case Decided:
		m.decided(in)
	case Activated:
		m.activated(in)
	case PeerUp:
		m.peerUp(in.Peer)
	case PeerDown:
		m.peerDown(in.Peer)
	case Cancel:
		m.cancel()
	case Tick:
	}
	m.timers()
	return m.take()
}

func (m *Machine) take() MachineOutput {
	m.out.Wake = m.wake()
	out := m.out
	m.out = MachineOutput{}
	return out
}

func (m *Machine) received(from crypto.NodeID, msg wire.Message) {
	if m.state == dropped {
		m.late(from, msg)
		return
	}
	if from == m.source {
		m.alive = m.now
	}
	switch msg := msg.(type) {
	case *wire.Prepare:
		if m.state == preparing {
			m.prepareOK()
		}
	case *wire.Resume:
		m.resume(msg)
	case *wire.BufferedEvents:
		m.events(msg.Events)
	case *wire.Final:
		m.finalAt(msg)
	case *wire.Aborted:
		m.abortedAttempt(msg.Attempt)
	case *wire.Promised:
		m.promised(from, msg)
	case *wire.ActivateTarget:
		m.activate(from, msg.Handover)
	case *wire.Answer:
		m.answered(from, msg)
	case *wire.MigrationFailed:
		m.sourceFailed(msg)
	case *wire.Ask:
		m.answer(from, msg)
	}
}

// claimed: from here on the handler takes events for the daemon; the source waits for this report before
// it sends the first.
func (m *Machine) claimed(head crypto.Head) {
	if m.state != restoring {
		return
	}
	m.head, m.arrival.claimed = head, true
	m.report()
}

func (m *Machine) restored(in Restored) {
	if m.state == dropped && in.Err == nil {
		m.call(CallAbort{}) // the one made at the end came before the restore had claimed the origin
	}
	if m.state != restoring {
		return
	}
	if in.Err != nil {
		m.copying = false // the handler has dropped it, and the origin may be another migration's already
		m.fail(wire.ReasonOf(in.Err), "the snapshot was not restored: "+in.Err.Error())
		return
	}
	m.head, m.epochKey, m.admin = in.Head, in.EpochKey, in.Administrator
	m.enter(replaying)
	m.restoreComplete()
	m.call(CallReplay{}) // drains what has been buffered meanwhile
	m.report()
}

// events gives the handler inputs and nothing else: a handover that it applied from here would commit the copy without this
// machine, which checks one before it is applied, and asks the directory (protocol §4.3.1).
func (m *Machine) events(events []crypto.CausalEvent) {
	if m.state != restoring && m.state != replaying && m.state != holding {
		return
	}
	for i := range events {
		if ev := &events[i]; ev.Kind != crypto.EventInput {
			m.fail(wire.ReasonBadFrame, fmt.Sprintf("event %d is of kind %v, which comes in ActivateTarget alone", ev.Link.Sequence, ev.Kind))
			return
		}
	}
	m.call(CallReplay{Events: events})
}

// replayed: the handler has drained what it could. An error here is one that trying again would not cure,
// since the source sends the same events.
func (m *Machine) replayed(in Replayed) {
	if m.state != restoring && m.state != replaying && m.state != holding {
		return
	}
	if in.Err != nil {
		m.fail(wire.ReasonOf(in.Err), fmt.Sprintf("replay stopped after %d: %v", in.Head.Sequence, in.Err))
		return
	}
	m.buffered, m.reportDue = in.Buffered, true
	if m.state == restoring || in.Head == (crypto.Head{}) {
		return // held, nothing drained yet, although the restore may be done by the time this is heard
	}
	m.rate.observe(in.Applied, in.Took)
	m.head = in.Head
	m.tryHold()
}

// report sends progress: the source compares the head and learns the lag.
func (m *Machine) report() {
	m.send(m.source, &wire.Progress{Ref: m.ref, Head: m.head, Buffered: m.buffered, Rate: m.rate.perSecond()})
	m.reported, m.reportAt, m.reportDue = m.head.Sequence+m.buffered, m.now, false
}

func (m *Machine) reportIfDue() {
	if !m.reportDue || m.state != replaying && m.state != restoring {
		return
	}
	if m.head.Sequence+m.buffered-m.reported >= wire.MaxBatch || !m.now.Before(m.reportAt.Add(progressEvery)) {
		m.report()
	}
}

// fail tells the source why this node cannot go on and drops the copy. A copy that is held is never
// dropped: then only the attempt is lost, and the source's budget ends it.
func (m *Machine) fail(reason wire.Reason, detail string) {
	if m.state >= holding {
		return
	}
	m.send(m.source, &wire.MigrationFailed{Ref: m.ref, Reason: reason, Detail: detail})
	m.drop(reason, detail)
}

// drop ends the migration here without the daemon. A hold that is under way, or that nobody waits for any more, has promised
// nothing, but would keep the copy from being dropped.
func (m *Machine) drop(reason wire.Reason, detail string) {
	m.release(m.tried)
	if m.copying {
		m.call(CallAbort{})
	}
	if m.recorded {
		m.call(CallDiscard{})
	}
	m.enter(dropped)
	m.end(wire.OutcomeStayed, reason, detail)
}

// sourceFailed: from the source it aborts whatever it has attempted, which a source that has committed does
// not say (protocol §3.3.19).
func (m *Machine) sourceFailed(msg *wire.MigrationFailed) {
	if m.state >= activating {
		return
	}
	m.releaseAll()
	m.drop(msg.Reason, msg.Detail)
}

// releaseAll gives up a hold, whatever attempt it is for.
func (m *Machine) releaseAll() {
	m.release(wire.Attempt{Epoch: m.ref.Epoch, Boot: ^uint64(0), Count: ^uint64(0)})
}

// cancel is this node's own wish not to take the daemon, for instance because it is closing.
func (m *Machine) cancel() {
	m.fail(wire.ReasonCancelled, "the target was told to stop")
}

func (m *Machine) peerUp(peer crypto.NodeID) {
	if peer != m.source {
		return
	}
	m.connected, m.alive = true, m.now
	switch m.state {
	case preparing:
		m.prepareOK() // a source that has ended it meanwhile says so
	case restoring:
		m.prepareOK() // and one that still copies asks where to go on
	case replaying:
		m.report()
	case holding:
		m.replayComplete()
		m.askAt = m.now
	}
}

func (m *Machine) peerDown(peer crypto.NodeID) {
	if peer == m.source && m.connected {
		m.connected, m.alive = false, m.now
	}
}

// late answers what comes after the copy was dropped, so that nobody waits for it. What is itself an answer
// gets none.
func (m *Machine) late(from crypto.NodeID, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.BufferedEvents, *wire.Final, *wire.Resume:
		m.send(from, &wire.MigrationFailed{Ref: m.ref, Reason: m.ended.Reason, Detail: m.ended.Detail})
	case *wire.ActivateTarget:
		m.answer(from, &wire.Ask{Attempt: msg.Attempt})
	case *wire.Promised:
		m.answer(from, &wire.Ask{Attempt: msg.Attempt()})
	case *wire.Ask:
		m.answer(from, msg)
	}
}

func (m *Machine) end(o wire.Outcome, reason wire.Reason, detail string) {
	m.ended = &Ended{Outcome: o, Reason: reason, Detail: detail}
	m.out.Ended = m.ended
}

func (m *Machine) call(c Call) { m.out.Calls = append(m.out.Calls, c) }

func (m *Machine) send(to crypto.NodeID, msg wire.Message) {
	m.out.Sends = append(m.out.Sends, wire.Envelope{To: to, Message: msg})
}
