package target

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// MachineInput is one thing that happened to a migration on the target.
type MachineInput interface{ targetInput() }

type (
	// Received is a migration message that has passed the sender check.
	Received struct {
		From    crypto.NodeID
		Message wire.Message
	}
	// Prepared is the result of [CallPrepare]. With a nil Err the key is durable.
	Prepared struct{ Err error }
	// StreamOpened says that the source has opened the snapshot stream. Stream is the owner's handle.
	StreamOpened struct{ Stream uint64 }
	// CutOff is the result of [CallCutOff]: how many bytes of the snapshot the restore has read, none of which will
	// come again. With an Err there is no restore that waits for more.
	CutOff struct {
		Offset uint64
		Err    error
	}
	// Claimed says that the handler has claimed the origin at the snapshot's head and takes events.
	Claimed struct{ Head crypto.Head }
	// Restored is the result of [CallRestore]. EpochKey is the key the snapshot's passport ends in,
	// Administrator the one named in its genesis, zero if none is.
	Restored struct {
		Head          crypto.Head
		EpochKey      crypto.PublicKey
		Administrator crypto.PublicKey
		Err           error
	}
	// Replayed is the result of [CallReplay]: the head now, what is still held, how many events were
	// applied and how long that took.
	Replayed struct {
		Head     crypto.Head
		Buffered uint64
		Applied  uint64
		Took     time.Duration
		Err      error
	}
	// HoldDone is the result of [CallHold]. With a nil Err the hold is durable.
	HoldDone struct {
		Attempt wire.Attempt
		Err     error
	}
	// Decided is the answer to a [Consult]: what the directory decided, now or before. Cert is that of a COMMIT.
	Decided struct {
		Attempt  wire.Attempt
		Decision wire.Decision
		Cert     crypto.FreezeCert
		Err      error
	}
	// Activated is the result of [CallActivate]. With a nil Err the handover is durable here and the
	// daemon serves; Signed is its head, signed with the key of the new epoch.
	Activated struct {
		Signed crypto.SignedHead
		Err    error
	}
	// PeerUp says that a session with the peer is ready: the first one, or another than before.
	PeerUp struct{ Peer crypto.NodeID }
	// PeerDown says that there is no session with it any more.
	PeerDown struct{ Peer crypto.NodeID }
	// Cancel is this node's wish to take no more part. It is ignored by a copy that is held.
	Cancel struct{}
	// Tick says that the time [MachineOutput.Wake] has come. One that comes early changes nothing.
	Tick struct{}
)

func (Received) targetInput()     {}
func (Prepared) targetInput()     {}
func (StreamOpened) targetInput() {}
func (CutOff) targetInput()       {}
func (Claimed) targetInput()      {}
func (Restored) targetInput()     {}
func (Replayed) targetInput()     {}
func (HoldDone) targetInput()     {}
func (Decided) targetInput()      {}
func (Activated) targetInput()    {}
func (PeerUp) targetInput()       {}
func (PeerDown) targetInput()     {}
func (Cancel) targetInput()       {}
func (Tick) targetInput()         {}

// MachineOutput is what the owner of a machine must do after one step, in the order of the fields.
type MachineOutput struct {
	// RefuseStream closes the snapshot stream of the input: nobody waits for it.
	RefuseStream bool
	// Calls run on the daemon's own queue, one after the other, except CallRestore, CallCutOff and CallFeed, which
	// run beside it.
	Calls []Call
	// Consults are questions to the directory, asked beside everything else. Each is answered, if only by an error.
	Consults []Consult
	// Sends leave in order; a message to a peer without a session is dropped.
	Sends []wire.Envelope
	// Ended is set once, in the step that ends the migration on this node.
	Ended *Ended
	// Wake is when the machine wants a Tick at the latest; zero for never.
	Wake time.Time
}

// Call is one operation on the [Handler].
type Call interface{ targetCall() }

type (
	// CallPrepare makes durable what a restart would need: the key of the next epoch and what it is for. It is
	// made only for daemons whose durability asks for it.
	CallPrepare struct{ Request Request }
	// CallRestore restores the daemon from the snapshot stream and registers it dark. The stream begins behind what the
	// journal has of the snapshot, which are From bytes. A stream that is cut does not end the restore: it
	// waits for CallFeed or CallAbort.
	CallRestore struct {
		Stream       uint64
		From         uint64
		Key          *crypto.EntityKeypair
		Migration    wire.MigrationID
		Entity       crypto.EntityID
		Source       crypto.NodeID
		Orchestrator crypto.NodeID
	}
	// CallCutOff lets the restore read no more from its stream.
	CallCutOff struct{}
	// CallFeed lets a restore that was cut off go on with another stream.
	CallFeed struct{ Stream uint64 }
	// CallReplay gives events to the handler, which applies what is contiguous and holds the rest.
	CallReplay struct{ Events []crypto.CausalEvent }
	// CallHold makes the hold durable: the copy is kept until the outcome is known.
	CallHold struct {
		Attempt wire.Attempt
		Final   crypto.Head
	}
	// CallRelease gives up the hold.
	CallRelease struct{ Attempt wire.Attempt }
	// CallActivate applies the handover, makes it durable and opens the daemon to producers.
	CallActivate struct{ Handover crypto.CausalEvent }
	// CallComplete moves the record to the completed index.
	CallComplete struct{}
	// CallAbort drops the copy.
	CallAbort struct{}
	// CallDiscard ends the durable record that CallPrepare began; there is nothing to come back to.
	CallDiscard struct{}
)

func (CallPrepare) targetCall()  {}
func (CallRestore) targetCall()  {}
func (CallCutOff) targetCall()   {}
func (CallFeed) targetCall()     {}
func (CallReplay) targetCall()   {}
func (CallHold) targetCall()     {}
func (CallRelease) targetCall()  {}
func (CallActivate) targetCall() {}
func (CallComplete) targetCall() {}
func (CallAbort) targetCall()    {}
func (CallDiscard) targetCall()  {}

// Consult is one question to the directory, answered by [Decided].
type Consult interface{ targetConsult() }

type (
	// ConsultCommit claims the COMMIT of the certificate's attempt. Hold is the signature of ReplayComplete.
	ConsultCommit struct {
		Cert crypto.FreezeCert
		Hold crypto.Signature
	}
	// ConsultOutcome asks what was decided about an attempt.
	ConsultOutcome struct{ Attempt wire.Attempt }
)

func (ConsultCommit) targetConsult()  {}
func (ConsultOutcome) targetConsult() {}

// Ended is how a migration ended on this node.
type Ended struct {
	Outcome wire.Outcome
	Reason  wire.Reason // 0 for moved
	Detail  string
}
