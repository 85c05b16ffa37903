package journal

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// CopyID names one stay of a daemon at this node. The first is 1; none is used twice.
type CopyID uint64

// Record is one statement in the log: a value of one of the types below, not a pointer to it.
type Record interface{ recordType() recordType }

// The records.
type (
	// Born begins the copy of a daemon that was born here. Its Base follows in the same group.
	Born struct {
		Copy       CopyID
		Origin     uint64
		Entity     crypto.EntityID
		Durability wire.Durability
		Seed       [32]byte // of the key of the epoch that this copy holds or may come to hold
	}
	// Preparing begins the copy of a daemon that is on its way here. It is durable before PrepareOK leaves.
	Preparing struct {
		Copy    CopyID
		Source  crypto.NodeID
		Addrs   []string     // where the source can be dialed
		Prepare wire.Prepare // as it came
		Seed    [32]byte
	}
	// Base is a snapshot that takes the place of everything in the copy's log up to its head. A large one is
	// in a file, a small one in the record.
	Base struct {
		Copy   CopyID
		Head   crypto.Head
		Size   uint64
		Digest crypto.Digest // SHA-256 of the snapshot's bytes
		Inline []byte        // the snapshot itself; nil if it is in the file
		File   uint64        // number of the file; 0 if it is inline
	}
	// Event is one entry of the daemon's log with the outputs digest after it, so that a daemon that computes
	// something else the second time is found out.
	Event struct {
		Copy    CopyID
		Event   crypto.CausalEvent
		Outputs crypto.Digest
	}
	// Hold promises to keep the copy until the outcome of the attempt is known.
	Hold struct {
		Copy    CopyID
		Attempt wire.Attempt
		Final   crypto.Head
	}
	// Release ends the promise, a target's or a source's, for the attempt and every lower one.
	Release struct {
		Copy    CopyID
		Attempt wire.Attempt
	}
	// Promise precedes the certificate on its way to a directory: the attempt is the directory's to decide, and
	// here is what it takes to find out. It ends with a Release or a Commit.
	Promise struct {
		Copy         CopyID
		Ref          wire.Ref
		Orchestrator crypto.NodeID
		Target       crypto.NodeID
		Addrs        []string // where the target can be dialed
		Cert         crypto.FreezeCert
	}
	// Commit precedes the handover that gives the copy away, in the same group: what the source needs to
	// deliver it.
	Commit struct {
		Copy         CopyID
		Ref          wire.Ref
		Attempt      wire.Attempt
		Orchestrator crypto.NodeID
		Target       crypto.NodeID
		Addrs        []string // where the target can be dialed
	}
	// Arrived follows the handover that gives the copy to this node, in the same group: the proof for the
	// source.
	Arrived struct {
		Copy   CopyID
		Signed crypto.SignedHead
	}
	// Dropped ends a copy. Its files may be deleted.
	Dropped struct{ Copy CopyID }
	// Tombstone is what is left of a daemon that moved away. It replaces an earlier one of the same origin.
	Tombstone struct {
		Entity   crypto.EntityID
		Kind     string
		Name     string
		Ref      wire.Ref
		To       crypto.NodeID
		Addrs    []string
		Handover crypto.CausalEvent
		Expires  uint64              // Unix nanoseconds
		Arrival  *wire.ActivateAck   // how it had come here; nil if it was born here
		Opened   *crypto.CausalEvent // the handover of that, if a directory decided it
	}
	// Forgotten ends a tombstone: it has expired, or the daemon has ended here. One that is not there is no error. A copy that
	// Arrived ends that of its daemon as well.
	Forgotten struct{ Origin uint64 }

	// restated restates all that is known of a copy but its events, so that the segments which said so first
	// can go. Head is the head after the last event.
	restated struct {
		Copy Copy
		Head crypto.Head
	}
	// trimmed says that nothing is needed any more of the segments below First.
	trimmed struct{ First uint64 }
)

type recordType uint8

// The types of records as they are stored. Frozen: a number is never given to another meaning. The top bit of
// the stored byte marks the last record of an Append.
const (
	typeBorn recordType = iota + 1
	typePreparing
	typeBase
	typeEvent
	typeHold
	typeRelease
	typeCommit
	typeArrived
	typeDropped
	typeTombstone
	typeForgotten
	typeRestated
	typeTrimmed
	typePromise

	lastOfAppend = 0x80
)

func (Born) recordType() recordType      { return typeBorn }
func (Preparing) recordType() recordType { return typePreparing }
func (Base) recordType() recordType      { return typeBase }
func (Event) recordType() recordType     { return typeEvent }
func (Hold) recordType() recordType      { return typeHold }
func (Release) recordType() recordType   { return typeRelease }
func (Promise) recordType() recordType   { return typePromise }
func (Commit) recordType() recordType    { return typeCommit }
func (Arrived) recordType() recordType   { return typeArrived }
func (Dropped) recordType() recordType   { return typeDropped }
func (Tombstone) recordType() recordType { return typeTombstone }
func (Forgotten) recordType() recordType { return typeForgotten }
func (restated) recordType() recordType  { return typeRestated }
func (trimmed) recordType() recordType   { return typeTrimmed }
