package node

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// SessionID names one connection to a peer. The shell chooses it and never reuses it.
type SessionID uint64

// Input is one thing that happened to the node.
type Input interface{ nodeInput() }

// What the network reports.
type (
	// SessionUp is a connection whose peer has proven its key. Rights are what the operator gave it.
	SessionUp struct {
		Session SessionID
		Peer    crypto.NodeID
		Rights  wire.Rights
		Remote  string
	}
	// SessionDown is the end of a session.
	SessionDown struct {
		Session SessionID
		Err     error
	}
	// DialFailed answers a [Dial] that led to no session.
	DialFailed struct {
		Peer crypto.NodeID
		Err  error
	}
	// Frame is one frame as it arrived. The core keeps references into Body.
	Frame struct {
		Session SessionID
		Header  wire.Header
		Body    []byte
	}
	// StreamOpened is a snapshot stream that a peer has opened. Stream is the shell's handle.
	StreamOpened struct {
		Session SessionID
		Ref     wire.Ref
		Stream  uint64
	}
)

// What the shell's own work reports.
type (
	// Done is the result of a [Call]. The shell reports it only when what it asserts is durable at the
	// daemon's durability level.
	Done struct {
		Call   Call
		Result any
	}
	// Claimed says that the restore of a migration has claimed its origin.
	Claimed struct {
		Migration wire.MigrationID
		Head      crypto.Head
	}
	// Copied is progress of a [Copy].
	Copied struct {
		Migration wire.MigrationID
		Serial    uint64 // of the Copy
		Bytes     uint64 // of the snapshot, those before Copy.From counted
		Done      bool
		Err       error
	}
	// Tick says that the time [Effects.Wake] has come.
	Tick struct{}
)

// What the node's own users ask for.
type (
	// Serve announces a daemon that the shell has registered and that this node holds.
	Serve struct{ Daemon Daemon }
	// End asks to end the life of a daemon that serves here and is not moving. The answer is a [Reply].
	End struct {
		Request uint64
		Origin  uint64
	}
	// Submit asks to submit items to a daemon, wherever it is, in their order. A number of 0 lets the node
	// count. The answers come as one [Reply] or several with the same Request. Via names a node that may
	// know the daemon, if this node does not. The core keeps and numbers Items.
	Submit struct {
		Request uint64
		Origin  uint64
		Label   string
		Items   []wire.Submission
		Via     crypto.NodeID
	}
	// Withdraw takes back a Submit that nobody waits for any more: its items are answered with
	// wire.ErrCancelled. One of which something has been sent stays, and may be applied.
	Withdraw struct {
		Request uint64
		Origin  uint64
		Label   string
	}
	// Migrate asks for a migration. Source may be zero for a daemon of this node.
	Migrate struct {
		Migration wire.MigrationID
		Origin    uint64
		Source    crypto.NodeID
		Target    crypto.NodeID
		Addrs     []string
		Options   wire.Options
	}
	// CancelMigration asks to stop a migration, up to its commit.
	CancelMigration struct{ Migration wire.MigrationID }
	// Inspect reads a daemon of this node without an event. The answer is a [Reply].
	Inspect struct {
		Request uint64
		Origin  uint64
		Query   []byte
	}
	// Learn tells where a peer can be dialed.
	Learn struct {
		Peer  crypto.NodeID
		Addrs []string
	}
	// Reauthorize says that the operator has changed what a peer may do here. It counts from the next
	// message of the peer on; what the peer has been allowed to begin goes on. A peer without rights keeps
	// its session, which may be one that this node has opened, and can do nothing with it.
	Reauthorize struct {
		Peer   crypto.NodeID
		Rights wire.Rights
	}
)

// Daemon is what the core knows of a daemon that this node serves.
type Daemon struct {
	Entity      crypto.EntityID
	Origin      uint64
	Kind, Name  string
	Epoch       uint64
	StopAndCopy bool
	Durability  wire.Durability
}

// DaemonOf describes a host for the core.
func DaemonOf(h *daemon.Host, stopAndCopy bool, durability wire.Durability) Daemon {
	return Daemon{
		Entity: h.EntityID(), Origin: h.Origin(), Kind: h.Kind(), Name: h.Name(), Epoch: h.Epoch(),
		StopAndCopy: stopAndCopy, Durability: durability,
	}
}

func (SessionUp) nodeInput()       {}
func (SessionDown) nodeInput()     {}
func (DialFailed) nodeInput()      {}
func (Frame) nodeInput()           {}
func (StreamOpened) nodeInput()    {}
func (Done) nodeInput()            {}
func (Claimed) nodeInput()         {}
func (Copied) nodeInput()          {}
func (Tick) nodeInput()            {}
func (Serve) nodeInput()           {}
func (End) nodeInput()             {}
func (Submit) nodeInput()          {}
func (Withdraw) nodeInput()        {}
func (Migrate) nodeInput()         {}
func (CancelMigration) nodeInput() {}
func (Inspect) nodeInput()         {}
func (Learn) nodeInput()           {}
func (Reauthorize) nodeInput()     {}
