package client

import "time"

// Node names a node.
type Node struct {
	ID          string `json:"id"`             // its public key in hex
	Fingerprint string `json:"fingerprint"`    // the same key as OpenSSH shows it
	Name        string `json:"name,omitempty"` // what the operator, or else the node itself, calls it
}

// Label is the name, or the fingerprint of a node without one.
func (n Node) Label() string {
	if n.Name != "" {
		return n.Name
	}
	return n.Fingerprint
}

// Status is a node at one glance.
type Status struct {
	Node       Node      `json:"node"`
	Version    string    `json:"version"`
	Durability string    `json:"durability"` // of daemons that are born here and ask for nothing else
	Journal    Journal   `json:"journal"`
	Started    time.Time `json:"started"`
	Boot       uint64    `json:"boot"`  // how often the node has been started
	Addrs      []string  `json:"addrs"` // where other nodes can dial it
	Kinds      []string  `json:"kinds"` // of daemons it can spawn and receive
	Daemons    int       `json:"daemons"`
	Moving     int       `json:"moving"`
	InDoubt    int       `json:"in_doubt"`          // migrations in doubt, which may need a person
	InMemory   int       `json:"in_memory"`         // daemons that end with the process
	Recovering int       `json:"recovering"`        // daemons that are being brought back from the journal
	Damaged    int       `json:"damaged"`           // daemons that cannot be brought back
	Peers      int       `json:"peers"`             // nodes connected now
	Pending    int       `json:"pending"`           // unknown callers that were turned away
	Refused    uint64    `json:"frames_refused"`    // frames that their senders had no right to send
	Malformed  uint64    `json:"frames_malformed"`  // frames that could not be read
	Warning    string    `json:"warning,omitempty"` // what the operator should look at
	// Drain is set while the node is being emptied, and after that until it lets daemons in again; without its Daemons.
	Drain *Drain `json:"drain,omitempty"`
}

// Journal is what a node's journal takes on its disk, and whether the disk takes it.
type Journal struct {
	LogBytes      int64 `json:"log_bytes"`
	SnapshotBytes int64 `json:"snapshot_bytes"`
	// DiskError says why nothing can be written at present, and so nothing acknowledged. Empty if it can.
	DiskError string `json:"disk_error,omitempty"`
}

// The states of a daemon on a node.
const (
	StateServing    = "serving"
	StateMoving     = "moving"     // and serving, except for the blackout at the end
	StateFrozen     = "frozen"     // in its cutover, or handed over and not yet confirmed
	StateRecovering = "recovering" // in the journal of the node, which is bringing it back
	StateDamaged    = "damaged"    // in the journal of the node, which cannot bring it back
	StateLeft       = "left"       // it serves at its Holder; this node only remembers where that is
)

// Daemon is a daemon that serves at a node or is about to, or what the node remembers of one that left.
type Daemon struct {
	ID         string     `json:"id"`     // the key it was born with, in hex
	Origin     string     `json:"origin"` // its short routing number, 16 hex digits
	Name       string     `json:"name,omitempty"`
	Kind       string     `json:"kind"`
	State      string     `json:"state"`
	Durability string     `json:"durability,omitempty"` // what its acknowledgments promise; empty for one that left
	Epoch      uint64     `json:"epoch"`                // 0 while it is being brought back
	Sequence   uint64     `json:"sequence,omitempty"`   // of the newest event; 0 for one that left
	Head       string     `json:"head,omitempty"`       // digest of the log through Sequence
	Handovers  int        `json:"handovers"`            // moves so far
	PublicKey  string     `json:"public_key,omitempty"` // the birth key as a line of OpenSSH
	Holder     Node       `json:"holder"`
	Migration  string     `json:"migration,omitempty"` // while it moves
	Expires    *time.Time `json:"expires,omitempty"`   // when the memory of one that left ends
	// Problem is set for one that cannot be brought back: why, and what to do.
	Problem *Problem `json:"problem,omitempty"`
}

// Label is the name, or the start of the id of a daemon without one.
func (d Daemon) Label() string {
	if d.Name != "" {
		return d.Name
	}
	return d.ID[:min(12, len(d.ID))]
}

// SpawnRequest asks for a new daemon.
type SpawnRequest struct {
	Kind string `json:"kind"`
	Name string `json:"name,omitempty"`
	// Durability is memory, handover, every-event or both; empty is the node's.
	Durability string `json:"durability,omitempty"`
}

// Submission is one event to submit. Label names the producer among those of the node; Seq is the
// producer's own number, 0 to let the node count. The same label and number are the same event, however
// often it is submitted and wherever the daemon is by then.
type Submission struct {
	Label   string `json:"label,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
	Payload []byte `json:"payload"`
	Via     string `json:"via,omitempty"` // a node that knows the daemon, if this one does not
}

// Receipt acknowledges one event: it stays in the daemon's log, whoever holds it later. On a stream,
// Problem is set instead for an event that was not applied.
type Receipt struct {
	ProducerSeq uint64   `json:"producer_seq"`
	Sequence    uint64   `json:"sequence"`
	Epoch       uint64   `json:"epoch"`
	Duplicate   bool     `json:"duplicate,omitempty"` // it had been applied before
	Outputs     [][]byte `json:"outputs,omitempty"`
	Holder      string   `json:"holder"` // id of the node that acknowledged it
	Problem     *Problem `json:"problem,omitempty"`
}

// MigrateRequest asks for a move.
type MigrateRequest struct {
	ID     string `json:"id,omitempty"`   // 32 hex digits; a repeat joins the migration it names
	Daemon string `json:"daemon"`         // name or origin in full, or the first 8 digits of the id at least
	Target string `json:"target"`         // name, fingerprint or id, likewise
	From   string `json:"from,omitempty"` // the node that has the daemon; empty is this one
	// Options of zero leave the choice to the source.
	MaxBlackout time.Duration `json:"max_blackout_ns,omitempty"`
	Stall       time.Duration `json:"stall_ns,omitempty"`
	Timeout     time.Duration `json:"timeout_ns,omitempty"`
	MaxRate     uint64        `json:"max_rate,omitempty"` // bytes per second
}

// The outcomes of a migration. A running one has none.
const (
	OutcomeMoved   = "moved"    // the target serves, and its activation was verified
	OutcomeStayed  = "stayed"   // the source serves as if nothing had happened
	OutcomeInDoubt = "in_doubt" // committed and not confirmed; or the source fell silent, and that may be so or not
	OutcomeLost    = "lost"     // the node that held the daemon has been restarted without it
)

// Migration is one move as a node sees it.
type Migration struct {
	ID           string    `json:"id"`
	Origin       string    `json:"origin"`
	Name         string    `json:"name,omitempty"` // of the daemon, if the node has ever had it
	Kind         string    `json:"kind,omitempty"`
	Roles        []string  `json:"roles"` // of this node
	Source       Node      `json:"source"`
	Target       Node      `json:"target"`
	Orchestrator Node      `json:"orchestrator"`
	Phase        string    `json:"phase"`
	State        string    `json:"state"` // finer than Phase
	Stats        Stats     `json:"stats"`
	Started      time.Time `json:"started"`
	Outcome      string    `json:"outcome,omitempty"`
	Reason       string    `json:"reason,omitempty"`
	Detail       string    `json:"detail,omitempty"`
	// Problem is set once the outcome is anything but moved.
	Problem *Problem `json:"problem,omitempty"`
}

// Label is the daemon's name, or its origin.
func (m Migration) Label() string {
	if m.Name != "" {
		return m.Name
	}
	return m.Origin
}

// Final reports whether the outcome will not change any more.
func (m Migration) Final() bool { return m.Outcome != "" && m.Outcome != OutcomeInDoubt }

// Stats are the figures of a migration, as its source measures them.
type Stats struct {
	SnapshotBytes     uint64        `json:"snapshot_bytes"` // 0 while unknown
	SnapshotSent      uint64        `json:"snapshot_sent"`
	EventsDuring      uint64        `json:"events_during"` // sequenced since the snapshot
	Lag               uint64        `json:"lag"`           // events the target has yet to apply
	Blackout          time.Duration `json:"blackout_ns"`
	Transfer          time.Duration `json:"transfer_ns"`
	PredictedBlackout time.Duration `json:"predicted_blackout_ns"`
	Epoch             uint64        `json:"epoch"`
}

// Peer is another node as the asked one knows it.
type Peer struct {
	Node
	State     string   `json:"state"` // "connected", or "known"
	Addrs     []string `json:"addrs"` // where it can be dialed
	Remote    string   `json:"remote,omitempty"`
	Rights    string   `json:"rights"` // what it may do here
	LastError string   `json:"last_error,omitempty"`
}

// Pending is an unknown caller that was turned away.
type Pending struct {
	Node
	Key      string    `json:"key"` // to authorize it with
	Remote   string    `json:"remote"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Attempts uint64    `json:"attempts"`
}

// LearnRequest tells a node of another one.
type LearnRequest struct {
	Key   string   `json:"key"` // "ssh-ed25519 AAAA…", or the id in hex
	Name  string   `json:"name,omitempty"`
	Addrs []string `json:"addrs"`
}

// AuthorizeRequest gives a key rights at a node.
type AuthorizeRequest struct {
	Key    string `json:"key"` // "ssh-ed25519 AAAA…", or the id in hex
	Name   string `json:"name,omitempty"`
	Rights string `json:"rights"` // joined by commas: submit, migrate-in, migrate-out, administer
}

// Reloaded says what a node has read again.
type Reloaded struct {
	Authorized string `json:"authorized,omitempty"` // the absolute path of its file of authorized peers
}
