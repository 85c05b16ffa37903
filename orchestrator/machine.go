package orchestrator

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Defaults of [Config].
const (
	DefaultReadyBudget = 10 * time.Second // how long a target may say that it is not ready
	DefaultSilence     = 3 * time.Second  // after this much silence of the source both sides are asked
	DefaultDoubtAfter  = 10 * time.Second // after this much of it the outcome is in doubt
)

const (
	retryMin = 200 * time.Millisecond
	retryMax = 2 * time.Second
)

// Config is what all migrations asked for by a node share. Zero durations mean their defaults.
type Config struct {
	Node        crypto.NodeID
	Boot        uint64 // the node's durable boot counter
	ReadyBudget time.Duration
	Silence     time.Duration
	DoubtAfter  time.Duration
}

// Request is one migration to ask for. Epoch 0 means whatever the source holds.
type Request struct {
	Ref     wire.Ref
	Source  crypto.NodeID
	Target  crypto.NodeID
	Addrs   []string // where the source may find the target; it prefers what it knows itself
	Options wire.Options
}

// Input is one thing that happened.
type Input interface{ orchestratorInput() }

type (
	// Received is a message that has passed the sender check.
	Received struct {
		From    crypto.NodeID
		Message wire.Message
	}
	// PeerDown says that no session with the peer exists. With Lost there was one, and what was sent on it
	// may have arrived; without, none could be made.
	PeerDown struct {
		Peer crypto.NodeID
		Lost bool
		Err  error
	}
	// Cancel asks the source to stop. It is a wish: the outcome says what came of it.
	Cancel struct{}
	// Tick says that the time [Output.Wake] has come. One that comes early changes nothing.
	Tick struct{}
)

func (Received) orchestratorInput() {}
func (PeerDown) orchestratorInput() {}
func (Cancel) orchestratorInput()   {}
func (Tick) orchestratorInput()     {}

// Output is what the owner must do after one step.
type Output struct {
	Sends []wire.Envelope
	// Ended is set in the step that learns the outcome. An outcome in doubt may be followed by one final
	// outcome later; nothing follows a final one.
	Ended *Ended
	Wake  time.Time
}

// Ended is the outcome as the orchestrator learned it.
type Ended struct {
	Outcome wire.Outcome
	Reason  wire.Reason // 0 for moved
	Detail  string
	Tries   int // how often the target was asked
}

type state uint8

const (
	asking    state = iota // TakeSnapshot is out
	waiting                // the target is not ready; the next TakeSnapshot has a date
	running                // the source reports
	searching              // the source is silent: both sides are asked
	done
)

// Machine follows one migration. It is not safe for concurrent use.
type Machine struct {
	cfg Config
	req Request

	state     state
	started   time.Time
	heard     time.Time // the last word from the source
	readyTill time.Time // the budget for a target that is not ready; zero until it first says so
	tries     int
	wait      time.Duration
	at        time.Time // when to ask again
	cancelled bool
	cancelAt  time.Time // when to say so again
	gaveUp    string    // why this node itself has cancelled; empty if somebody else did, or nobody
	sent      bool      // the source may have received a request, whether or not it answered
	doubt     bool
	doubtText string // why, and where the daemon can be

	phase     wire.Phase
	stats     wire.Stats
	committed bool                 // a handover exists: the phase does not go back any more
	handover  *wire.ActivateTarget // to relay; nil once the target has it
	unknown   struct{ source, target bool }
	proven    bool // the target has acknowledged the handover
	fetched   bool // the handover came as an answer to this node's question
	elsewhere bool // the target has the daemon, but not from this migration
	cameBack  bool // the source has had the daemon again since the commit, and has given it away
	ran       bool // the source has reported: it had the daemon
	ended     *Ended

	now time.Time
	out Output
}

// New starts to ask.
func New(now time.Time, cfg Config, req Request) (*Machine, Output) {
	cfg.ReadyBudget = cmp.Or(cfg.ReadyBudget, DefaultReadyBudget)
	cfg.Silence = cmp.Or(cfg.Silence, DefaultSilence)
	cfg.DoubtAfter = cmp.Or(cfg.DoubtAfter, DefaultDoubtAfter)
	m := &Machine{cfg: cfg, req: req, started: now, heard: now, now: now, phase: wire.PhaseSnapshot, tries: 1}
	m.takeSnapshot()
	return m, m.take()
}

// Step takes one input at a time and returns what must be done because of it.
func (m *Machine) Step(now time.Time, in Input) Output {
	m.now = now
	switch in := in.(type) {
	case Received:
		m.received(in.From, in.Message)
	case PeerDown:
		m.peerDown(in)
	case Cancel:
		m.cancel()
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
	if ask, ok := msg.(*wire.Ask); ok {
		m.answer(from, ask) // also after the end: a target that holds still needs the handover
		return
	}
	if m.state == done {
		return
	}
	if from == m.req.Source && !m.tellsNothing(msg) {
		m.heard, m.sent = m.now, true
	}
	switch msg := msg.(type) {
	case *wire.Status:
		m.status(msg)
	case *wire.CleanupComplete:
		m.completed(msg)
	case *wire.MigrationFailed:
		m.failed(msg)
	case *wire.ActivateTarget:
		m.relay(msg)
	case *wire.ActivateAck:
		m.activated(from, msg)
	case *wire.Answer:
		m.answered(from, msg)
	}
}

// tellsNothing reports whether a message is one that an outcome cannot rest on. A source that gives such answers is as silent as one
// that gives none, and the doubt about the outcome is the same.
func (m *Machine) tellsNothing(msg wire.Message) bool {
	switch msg := msg.(type) {
	case *wire.Answer:
		return msg.State == wire.StateUnknown || m.committed && msg.State != wire.StateReleased
	case *wire.CleanupComplete:
		return msg.Outcome != wire.OutcomeMoved // no source has a reason to say so
	case *wire.MigrationFailed:
		return m.committed || m.cancelled && msg.Reason == wire.ReasonNotReady
	}
	return false
}

// status: a report shows that the source is there. One of an earlier phase is late, and its figures are not
// taken.
func (m *Machine) status(msg *wire.Status) {
	m.ran = true
	if m.state == waiting {
		return
	}
	m.run()
	if !m.follows(msg.Phase) {
		return
	}
	m.phase, m.stats = msg.Phase, msg.Stats
	if msg.InDoubt {
		m.inDoubt("the target has not confirmed the handover yet; the source repeats it until it does")
		return
	}
	m.doubt = false
}

// follows takes a report that goes back only if an attempt has ended, and not after the commit. A copy that was cut stays in restore
// here until all of it is sent once more: a report of the transfer before, which comes late, would look the same (protocol §3.5.1).
func (m *Machine) follows(p wire.Phase) bool {
	back := p < m.phase
	return p.MayFollow(m.phase) && !(back && (m.committed || p == wire.PhaseTransfer))
}

// run waits for the source's next word. What the two sides said while it was silent may be true no more.
func (m *Machine) run() {
	m.state = running
	m.at = m.now.Add(m.cfg.Silence)
	m.unknown.source, m.unknown.target, m.elsewhere, m.cameBack = false, false, false, false
}

// completed: a source that has only its record of the move left knows the epoch and no figures. Those of its last report
// stay.
func (m *Machine) completed(msg *wire.CleanupComplete) {
	if m.tellsNothing(msg) {
		return
	}
	if msg.Stats != (wire.Stats{Epoch: msg.Stats.Epoch}) {
		m.stats = msg.Stats
	}
	m.stats.Epoch = msg.Stats.Epoch
	m.end(wire.OutcomeMoved, 0, "")
}

// answered fits the pieces together while the source is silent.
func (m *Machine) answered(from crypto.NodeID, msg *wire.Answer) {
	source, target := from == m.req.Source, from == m.req.Target
	switch {
	case m.state == waiting: // it has been asked about a try that is over
	case target && msg.State == wire.StateServing && m.state == running && m.req.Source == m.cfg.Node:
		// It was meant for the source, which is on this node and has more to tell.
	case target && msg.State == wire.StateServing && msg.HasHandover:
		m.stats.Epoch = max(m.stats.Epoch, msg.Epoch+1)
		m.end(wire.OutcomeMoved, 0, "")
	case m.committed && source && m.tellsNothing(msg) && msg.State != wire.StateUnknown:
		// The daemon was here before the commit, or has come back.
	case source && msg.State == wire.StateReleased && msg.HasHandover && m.away(msg.Handover):
		m.movedElsewhere()
	case source && msg.State == wire.StateReleased && msg.HasHandover:
		m.fetched = true
		m.relay(&wire.ActivateTarget{Ref: msg.Ref, Attempt: msg.Attempt, Handover: msg.Handover})
		m.run()
	case source && (msg.State == wire.StateServing || msg.State == wire.StateFrozen):
		m.doubt = false
		m.run()
	case target && msg.State == wire.StateFrozen:
		m.unknown.target = false
	case msg.State == wire.StateUnknown, target && msg.State == wire.StateServing:
		// A target that serves without a handover to show has the daemon, but not from this migration.
		m.elsewhere = m.elsewhere || msg.State == wire.StateServing
		m.unknown.source = m.unknown.source || source
		m.unknown.target = m.unknown.target || target
		m.bothUnknown()
	}
}

// bothUnknown: the source has restarted without the daemon and no target has it; or the source has never had
// it, or not any more, when it was asked. With the commit known, a target that has the daemon from elsewhere has it again; and a
// source that has moved it by another migration had it back, which takes a target that was activated: a node remembers one move of a
// daemon, the last.
func (m *Machine) bothUnknown() {
	switch {
	case !m.unknown.source || !m.unknown.target && m.req.Source != m.req.Target:
	case m.committed && m.cameBack:
		m.end(wire.OutcomeMoved, 0, "")
	case m.committed && (!m.ran || m.elsewhere):
	case !m.ran || m.elsewhere:
		m.end(wire.OutcomeStayed, wire.ReasonDaemonNotFound, "the source does not have the daemon, and nothing was moved")
	default:
		m.end(wire.OutcomeLost, wire.ReasonDaemonNotFound, "the source has restarted without the daemon and the target has no copy")
	}
}

// Proves reports whether the machine has the handover, and so can prove that the daemon has moved.
func (m *Machine) Proves() bool { return m.handover != nil }

// answer gives a target the handover, if there is one. On a node that is the target as well nothing else may be
// said: an answer of this role would come back to it as one of the target's.
func (m *Machine) answer(to crypto.NodeID, msg *wire.Ask) {
	if m.handover == nil && to == m.cfg.Node {
		return
	}
	ans := &wire.Answer{Ref: m.req.Ref, State: wire.StateUnknown, Boot: m.cfg.Boot, Attempt: msg.Attempt}
	if m.handover != nil {
		ans.State, ans.HasHandover, ans.Handover = wire.StateReleased, true, m.handover.Handover
	}
	m.send(to, ans)
}

// NothingAsked begins the detail of a migration whose source could never be reached. A source that could not reach the target
// gives the same reason, and was asked.
const NothingAsked = "the source cannot be reached, nothing was asked of it"

// peerDown: a source that no session could ever be made with has not been asked for anything. Otherwise a
// request may have arrived, and only the source knows what came of it.
func (m *Machine) peerDown(in PeerDown) {
	if m.state == done || in.Peer != m.req.Source {
		return
	}
	m.sent = m.sent || in.Lost
	switch {
	case m.state == asking && !m.sent:
		m.end(wire.OutcomeStayed, wire.ReasonUnreachable, fmt.Sprintf("%s: %v", NothingAsked, in.Err))
	case m.state == running:
		m.search()
	}
}

func (m *Machine) inDoubt(detail string) {
	if m.doubt {
		return
	}
	m.doubt, m.doubtText = true, detail
	m.out.Ended = &Ended{Outcome: wire.OutcomeInDoubt, Reason: wire.ReasonUnreachable, Detail: detail, Tries: m.tries}
}

// end is reached once.
func (m *Machine) end(o wire.Outcome, reason wire.Reason, detail string) {
	m.state, m.phase, m.doubt = done, wire.PhaseComplete, false
	m.ended = &Ended{Outcome: o, Reason: reason, Detail: detail, Tries: m.tries}
	m.out.Ended = m.ended
}

func (m *Machine) send(to crypto.NodeID, msg wire.Message) {
	m.out.Sends = append(m.out.Sends, wire.Envelope{To: to, Message: msg})
}
