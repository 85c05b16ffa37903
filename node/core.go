package node

import (
	"bytes"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Config describes a node to its core. Every field but the durations of the roles is required unless it
// says otherwise.
type Config struct {
	Node  crypto.NodeID
	Name  string   // what the node calls itself, for people; may be empty
	Addrs []string // where peers can dial it; may be empty
	Boot  uint64   // the durable boot counter

	// NewKey makes the key of an epoch that this node may come to hold. The shell's reads the system's
	// randomness, a simulator's its seed.
	NewKey func() (*crypto.EntityKeypair, error)
	// Admit decides whether this node would take a daemon; its error is the reason for the source.
	Admit func(*wire.Prepare) error

	Source       source.Config
	Target       target.MachineConfig
	Orchestrator orchestrator.Config

	// Directory says that there is one: it decides about the migrations away from this node, and knows where
	// daemons are. The shell asks it, for the core.
	Directory bool

	// Keeper is the node that is asked for [AskKeeper]; zero where the shell has the directory itself.
	Keeper crypto.NodeID

	// MaxIncoming bounds the migrations towards this node that run at once; 0 means 64 per source and
	// 1,024 in all.
	MaxIncoming int
	// TombstoneLife is how long a daemon that left is answered with Moved; 0 means 24 hours.
	TombstoneLife time.Duration
}

// Limits of the core's tables (promise P6).
const (
	maxTombstones      = 65_536
	maxEnded           = 16_384           // ended migrations that still answer repeats
	endedLife          = 10 * time.Minute // and for how long
	maxIncomingPerPeer = 64
	maxIncoming        = 1_024
	maxPeersKnown      = 4_096 // peers that are remembered, beside those with a session or named by the operator
	maxDials           = 256   // dials under way
	maxRefusals        = 4_096 // refused migrations that are refused again
)

// Core is one peer without its I/O. It is not safe for concurrent use: one goroutine owns it.
type Core struct {
	cfg Config

	sessions map[SessionID]*session
	peers    map[crypto.NodeID]*peer
	dials    int // peers that are being dialed

	daemons    map[uint64]*local
	dormant    map[uint64]*dormant
	sleeping   map[wire.MigrationID]int // how many of dormant go on under an id
	tombstones map[uint64]*tombstone

	sources       map[wire.MigrationID]*sourceEntry
	targets       map[wire.MigrationID]*targetEntry
	orchestrators map[wire.MigrationID]*orchestratorEntry
	arriving      map[uint64]*targetEntry // the running ones of targets, by origin
	incoming      map[crypto.NodeID]int   // and how many of them come from a peer
	settling      map[uint64]int          // calls that have not run and that an arrival must wait for
	ended         []endedEntry            // oldest first
	endedAlarm    alarm
	refusals      map[wire.MigrationID]*wire.MigrationFailed
	refused       []wire.MigrationID // the keys of refusals, oldest first

	clients   map[clientKey]*client
	locating  map[uint64]bool       // daemons that the directory is asked for
	questions map[crypto.NodeID]int // of a peer to the directory that is here, under way

	routes     map[uint64]route // who waits for the answer to a ticket
	nextTicket uint64
	attempts   uint64
	freezes    map[crypto.NodeID][]time.Time // freezes that timed out, per target

	touched []wire.MigrationID // whose status has changed in this step, in order
	inStep  map[wire.MigrationID]bool

	timers  timers
	awaited int           // timers that somebody waited for when that was looked at last
	inbox   []selfMessage // messages to this node, delivered before Step returns
	stats   Counters

	encoded []byte             // where frames are encoded, before each gets memory of its own size
	spare   [][]daemon.Receipt // memory for the results of Apply, cleared

	now time.Time
	out Effects
}

// Counters count what a node has seen since it started.
type Counters struct {
	FramesRefused   uint64 // by the sender check, rights or versions
	FramesMalformed uint64 // that could not be read
	FramesUnknown   uint64 // of a subprotocol that this node does not know, skipped (protocol §3.1.4)
}

// New returns the core of a node without sessions or daemons.
func New(cfg Config) *Core {
	c := &Core{
		cfg:           cfg,
		sessions:      make(map[SessionID]*session),
		peers:         make(map[crypto.NodeID]*peer),
		daemons:       make(map[uint64]*local),
		dormant:       make(map[uint64]*dormant),
		sleeping:      make(map[wire.MigrationID]int),
		tombstones:    make(map[uint64]*tombstone),
		sources:       make(map[wire.MigrationID]*sourceEntry),
		targets:       make(map[wire.MigrationID]*targetEntry),
		orchestrators: make(map[wire.MigrationID]*orchestratorEntry),
		arriving:      make(map[uint64]*targetEntry),
		incoming:      make(map[crypto.NodeID]int),
		settling:      make(map[uint64]int),
		refusals:      make(map[wire.MigrationID]*wire.MigrationFailed),
		inStep:        make(map[wire.MigrationID]bool),
		clients:       make(map[clientKey]*client),
		locating:      make(map[uint64]bool),
		questions:     make(map[crypto.NodeID]int),
		routes:        make(map[uint64]route),
		freezes:       make(map[crypto.NodeID][]time.Time),
	}
	if c.cfg.MaxIncoming == 0 {
		c.cfg.MaxIncoming = maxIncoming
	}
	if c.cfg.TombstoneLife == 0 {
		c.cfg.TombstoneLife = 24 * time.Hour
	}
	c.cfg.Source.Node, c.cfg.Source.Boot, c.cfg.Source.NextAttempt = cfg.Node, cfg.Boot, c.nextAttempt
	c.cfg.Target.Node, c.cfg.Target.Boot = cfg.Node, cfg.Boot
	c.cfg.Orchestrator.Node, c.cfg.Orchestrator.Boot = cfg.Node, cfg.Boot
	return c
}

func (c *Core) nextAttempt() uint64 {
	c.attempts++
	return c.attempts
}

// Step takes one input and returns what must be done because of it.
func (c *Core) Step(now time.Time, in Input) Effects {
	c.now = now
	c.handle(in)
	c.fireTimers()
	c.deliverToSelf()
	c.reportChanges()
	c.out.Wake = c.timers.next()
	out := c.out
	c.out = Effects{}
	return out
}

func (c *Core) handle(in Input) {
	switch in := in.(type) {
	case SessionUp:
		c.sessionUp(in)
	case SessionDown:
		c.sessionDown(in)
	case DialFailed:
		c.dialFailed(in)
	case Frame:
		c.frame(in)
	case StreamOpened:
		c.streamOpened(in)
	case Done:
		c.done(in)
	case Consulted:
		c.consulted(in)
	case AskKeeper:
		c.askKeeper(in)
	case StopAsking:
		c.stopAsking(in.Request)
	case DirectoryAnswer:
		c.directoryAnswer(in)
	case Claimed:
		c.stepTarget(c.targets[in.Migration], target.Claimed{Head: in.Head})
	case Copied:
		c.stepSource(c.sources[in.Migration], source.Copied{Serial: in.Serial, Bytes: in.Bytes, Done: in.Done, Err: in.Err})
	case Tick:
	case FoundTombstone:
		c.foundTombstone(in.Tombstone)
	case FoundHandover:
		c.foundHandover(in)
	case FoundCopy:
		c.foundCopy(in)
	case KindRegistered:
		c.kindRegistered(in.Kind)
	case Serve:
		c.serve(in.Daemon)
	case End:
		c.end(in)
	case Submit:
		c.submitRequest(in)
	case Withdraw:
		c.withdraw(in)
	case Migrate:
		c.migrate(in)
	case CancelMigration:
		c.cancelMigration(in.Migration)
	case Inspect:
		c.inspect(in)
	case Learn:
		c.learn(in.Peer, in.Addrs, true)
	case Reauthorize:
		c.reauthorize(in)
	}
}

// selfMessage is a message from this node to itself.
type selfMessage struct{ msg wire.Message }

// deliverToSelf runs until nothing is left, since a delivery may cause another.
func (c *Core) deliverToSelf() {
	for len(c.inbox) > 0 {
		m := c.inbox[0]
		c.inbox = c.inbox[1:]
		c.message(c.cfg.Node, wire.AllRights, m.msg)
	}
}

// send gives a message to a peer, by whatever session there is. Without one the message is dropped and a
// session is asked for: every message that matters is sent again by the machine it comes from.
func (c *Core) send(to crypto.NodeID, msg wire.Message) {
	if to == c.cfg.Node {
		c.inbox = append(c.inbox, selfMessage{msg})
		return
	}
	s := c.ready(to)
	if s == nil {
		c.dial(to)
		return
	}
	c.sendOn(s, msg)
}

func (c *Core) sendAll(envelopes []wire.Envelope) {
	for _, e := range envelopes {
		c.send(e.To, e.Message)
	}
}

// sendOn returns the length of the frame.
func (c *Core) sendOn(s *session, msg wire.Message) int {
	c.encoded = wire.AppendFrame(c.encoded[:0], msg)
	send := Send{Session: s.id, Channel: msg.Type().Channel(), Frame: bytes.Clone(c.encoded)}
	if r, ok := msg.(wire.Referring); ok {
		send.Migration = r.Reference().Migration
	}
	c.out.Sends = append(c.out.Sends, send)
	return len(send.Frame)
}

func (c *Core) note(n Note) { c.out.Notes = append(c.out.Notes, n) }
