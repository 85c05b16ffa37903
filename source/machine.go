package source

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// MaxFreezes is how many freezes may time out in one migration before it gives up.
const MaxFreezes = 3

// retry bounds: the first resend comes after retryMin, and the wait doubles up to retryMax.
const (
	retryMin = 100 * time.Millisecond
	retryMax = 2 * time.Second
	// statusEvery is how often the orchestrator is told how far the copy is, heartbeat how often at other
	// times: well within the silence after which it would begin to search.
	statusEvery = 200 * time.Millisecond
	heartbeat   = time.Second
	// maxFruitless is how many streams in turn may bring nothing before the copy is given up: whatever cuts them
	// is then not the way, and would cut the next one too.
	maxFruitless = 3
)

// Machine is the source's side of one migration. It is not safe for concurrent use. Everything in it is
// owned by whoever calls Step.
type Machine struct {
	cfg Config
	req Request
	ref wire.Ref

	state     state
	started   time.Time
	alive     time.Time // the last sign that the target moves forward
	connected bool      // a session with the target is up
	viewOpen  bool      // and must be closed with StopCopy
	copyAt    time.Time // when the view began to stream
	copy      copyState

	// The target's side, as it told us.
	nextKey crypto.PublicKey
	credits struct{ events, bytes uint64 }
	claimed bool      // the target takes events
	shipAt  time.Time // when those that wait for others are sent; zero if none do

	backlog  backlog
	converge convergence
	held     held

	directory inquiry

	// The cutover. frozenHead is valid from frozen on, cert in promised, handover from committed on.
	freezeAsked bool
	freezesOut  int       // CallFreeze that have not been answered
	frozenAt    time.Time // when submissions began to be held
	freezeEnds  time.Time // when the budget is spent; valid in freezing and frozen
	boundAt     time.Time // when the promise, and then the handover, became durable
	frozenHead  crypto.Head
	attempt     attempt
	freezes     int // freezes that timed out
	thawedAt    time.Time
	cert        crypto.FreezeCert
	handover    crypto.CausalEvent
	earlyAck    *wire.ActivateAck // came before the entry was durable here
	restarted   bool              // the process has restarted since the promise
	doubt       bool
	forgotten   bool // the target has restarted without the copy it promised

	retryWait time.Duration
	retryAt   time.Time
	statusAt  time.Time

	stats wire.Stats
	ended *Ended

	now time.Time
	out Output
}

// New starts a migration: the first output asks the target.
func New(now time.Time, cfg Config, req Request) (*Machine, Output) {
	m := &Machine{cfg: cfg.withDefaults(), req: req.withDefaults(), started: now, alive: now, now: now}
	m.ref = wire.Ref{Migration: req.Migration, Origin: req.Origin, Epoch: req.Epoch}
	m.stats.Epoch = req.Epoch
	m.sendPrepare()
	if req.Directory {
		m.directory.since = now
		m.consult(ConsultHolder{})
	}
	m.status()
	return m, m.take()
}

// Step takes one input at a time and returns what must be done because of it.
func (m *Machine) Step(now time.Time, in Input) Output {
	m.now = now
	switch in := in.(type) {
	case Received:
		m.received(in.From, in.Message)
	case Snapshotted:
		m.snapshotted(in)
	case Copied:
		m.copied(in)
	case Applied:
		m.applied(in.Entries)
	case Frozen:
		m.froze(in)
	case HolderFound:
		m.holderFound(in)
	case PromiseMade:
		m.promiseMade(in)
	case Decided:
		m.decided(in)
	case HandedOver:
		m.handedOver(in)
	case Submitted:
		m.submitted(in.Submission)
	case PeerUp:
		m.peerUp(in.Peer)
	case PeerDown:
		m.peerDown(in)
	case Cancel:
		m.cancel(in.Detail)
	case Tick:
	}
	m.timers()
	return m.take()
}

func (m *Machine) take() Output {
	m.out.Wake = m.wake()
	out := m.out
	m.out = Output{}
	return out
}

func (m *Machine) received(from crypto.NodeID, msg wire.Message) {
	if m.ended != nil {
		m.late(from, msg)
		return
	}
	switch msg := msg.(type) {
	case *wire.PrepareOK:
		m.prepared(msg)
	case *wire.ResumeAt:
		m.resumeAt(msg)
	case *wire.RestoreComplete:
		m.restored(msg)
	case *wire.Progress:
		m.progress(msg)
	case *wire.ReplayComplete:
		m.replayComplete(msg)
	case *wire.ActivateAck:
		m.activated(msg)
	case *wire.Forwarded:
		m.forwarded(msg)
	case *wire.MigrationFailed:
		m.targetFailed(msg)
	case *wire.CutoverNotify:
		m.cutoverNow()
	case *wire.Cancel:
		m.cancel("cancelled by its orchestrator")
	case *wire.Ask:
		m.answer(from, msg)
	case *wire.Answer:
		m.answered(from, msg)
	case *wire.TakeSnapshot:
		m.status() // a repeat: tell how far it is
	}
}

// prepared: the target is willing and has made the key of its epoch.
func (m *Machine) prepared(msg *wire.PrepareOK) {
	if m.state != preparing {
		return
	}
	if err := msg.Next.Check(); err != nil {
		m.fail(wire.ReasonOf(err), "the target offered an unusable key: "+err.Error())
		return
	}
	m.progressed()
	m.nextKey = msg.Next
	m.credits.events, m.credits.bytes = msg.CreditEvents, msg.CreditBytes
	if m.req.StopAndCopy {
		m.freeze(stopping)
		return
	}
	m.takeView()
}

func (m *Machine) takeView() {
	m.enter(snapshotting)
	m.call(CallSnapshot{})
}

// applied takes what the daemon has sequenced since the view and sends it on.
func (m *Machine) applied(entries []Entry) {
	if m.state < copying || m.state > frozen {
		return
	}
	for _, e := range entries {
		if e.Event.Link.Sequence <= m.backlog.last() {
			continue
		}
		if e.Event.Link.Sequence != m.backlog.last()+1 {
			m.fail(wire.ReasonGap, fmt.Sprintf("event %d was sequenced here, but %d is the last one known", e.Event.Link.Sequence, m.backlog.last()))
			return
		}
		if e.Event.Link.Sequence > m.attempt.final.Sequence {
			m.endAttempt() // an early one, and before the event is shipped
		}
		m.backlog.push(e)
		m.stats.EventsDuring++
	}
	if m.backlog.bytes > MaxBacklogBytes {
		m.fail(wire.ReasonNotConverging, fmt.Sprintf("%d events wait for the target, more than the source may hold", m.backlog.len()))
		return
	}
	m.ship()
}

func (m *Machine) restored(msg *wire.RestoreComplete) {
	// The target may be done before this node has heard from its own stream that all is sent.
	if m.state != restoring && m.state != copying || !m.agrees(msg.Head) {
		return
	}
	m.progressed()
	m.claimed = true
	m.stats.Transfer = m.now.Sub(m.copyAt)
	m.copy.cutAt = time.Time{}
	m.closeView()
	m.enter(replaying)
	m.ship()
	m.tryCutover()
}

// progress compares the target's head with ours at the same sequence (protocol §4.5.2) and lets go of what
// it has applied.
func (m *Machine) progress(msg *wire.Progress) {
	if m.state < copying || m.state > frozen {
		return
	}
	if !m.agrees(msg.Head) {
		return
	}
	m.claimed = true
	if m.backlog.ack(msg.Head.Sequence) {
		m.progressed()
	}
	m.backlog.arrive(msg.Head.Sequence + msg.Buffered)
	m.ship()
	if m.state < replaying {
		return
	}
	m.converge.observe(m.lag(), msg.Rate)
	m.stats.PredictedBlackout = m.converge.predicted(m.lag())
	m.tryCutover()
}

// agrees ends the migration if a head of the target's is not one of ours.
func (m *Machine) agrees(h crypto.Head) bool {
	if m.backlog.agrees(h) {
		return true
	}
	m.fail(wire.ReasonHeadMismatch, fmt.Sprintf("the target's head at %d is not ours", h.Sequence))
	return false
}

func (m *Machine) lag() uint64 { return uint64(m.backlog.len()) }

func (m *Machine) peerUp(peer crypto.NodeID) {
	if peer != m.req.Target {
		return
	}
	m.connected = true
	m.converge.restart()
	m.backlog.rewind()
	m.retryAt = m.now
	if m.state == restoring {
		m.cut("the session that brought it may have ended before it was all there")
	}
	m.ship()
}

// peerDown: while the view streams, the stream is gone with the session, and the copy goes on over the next one if there is one
// in time. Later everything can be sent again, and the stall limit decides.
func (m *Machine) peerDown(in PeerDown) {
	if in.Peer != m.req.Target {
		return
	}
	m.connected = false
	switch {
	case m.state == preparing && in.Lost:
		m.retryAt = m.now // nothing has been agreed yet: ask again on a new session
	case m.state == copying || m.state == restoring:
		m.cut(fmt.Sprintf("no connection to the target: %v", in.Err))
	case m.state < replaying:
		m.fail(wire.ReasonUnreachable, fmt.Sprintf("no connection to the target: %v", in.Err))
	case m.state == replaying:
		m.endAttempt() // its Final or its hold may be lost
		m.resetRetry()
		m.retryAt = m.now
	}
}

func (m *Machine) call(c Call) { m.out.Calls = append(m.out.Calls, c) }

func (m *Machine) send(to crypto.NodeID, msg wire.Message) {
	m.out.Sends = append(m.out.Sends, wire.Envelope{To: to, Message: msg})
}

func (m *Machine) sendPrepare() {
	m.send(m.req.Target, &wire.Prepare{
		Ref: m.ref, Entity: m.req.Entity, Kind: m.req.Kind, Name: m.req.Name,
		Orchestrator: m.req.Orchestrator, StopAndCopy: m.req.StopAndCopy, Durability: m.req.Durability, Directory: m.req.Directory,
	})
	m.backoff()
}
