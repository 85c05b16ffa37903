package source

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Input is one thing that happened: a message, the result of a call, a change of the session, or time.
type Input interface{ sourceInput() }

// Received is a migration message that has passed the sender check.
type Received struct {
	From    crypto.NodeID
	Message wire.Message
}

// Snapshotted is the result of [CallSnapshot].
type Snapshotted struct {
	Head crypto.Head // of the last event inside the view
	Size uint64      // bytes of the stream, 0 if the view does not know
	Err  error
}

// Copied is progress of the snapshot stream that [Output.Copy] started.
type Copied struct {
	Serial uint64 // of [Copy]
	Bytes  uint64 // of the view that are sent so far, with those before Copy.From
	Done   bool   // all bytes have been handed to the network
	Err    error  // the stream broke, or, if it matches wire.ErrStateFailed, the view failed; nothing more will be reported
}

// Entry is a sequenced event and the head after it.
type Entry struct {
	Event crypto.CausalEvent
	Head  crypto.Head
}

// Applied reports events that the daemon has sequenced, in order. The owner reports every event of the
// daemon from the moment the machine exists; the machine ignores those inside the snapshot.
type Applied struct{ Entries []Entry }

// Frozen is the result of [CallFreeze].
type Frozen struct {
	Head crypto.Head
	Err  error
}

// HolderFound is the answer to [ConsultHolder].
type HolderFound struct {
	Epoch  uint64
	Holder crypto.NodeID
	Err    error
}

// PromiseMade is the result of [CallPromise]. With a nil Err the promise is durable.
type PromiseMade struct {
	Cert crypto.FreezeCert
	Err  error
}

// Decided is the answer to [ConsultAbort]: what the directory decided, now or before.
type Decided struct {
	Attempt  wire.Attempt
	Decision wire.Decision
	Err      error
}

// HandedOver is the result of [CallHandOver] and [CallFollow]. With a nil Err the handover entry is durable: the commit.
type HandedOver struct {
	Event crypto.CausalEvent
	Err   error
}

// Submitted is a submission that arrived while [Machine.Holding] was true.
type Submitted struct{ Submission Submission }

// PeerUp says that a session with the peer is ready: the first one, or another than before.
type PeerUp struct{ Peer crypto.NodeID }

// PeerDown says that no session with the peer exists. With Lost there was one, and what was sent on it may
// not have arrived; without, none could be made.
type PeerDown struct {
	Peer crypto.NodeID
	Lost bool
	Err  error
}

// Cancel is the wish of somebody on this node to stop the migration. It is obeyed up to the commit.
type Cancel struct{ Detail string }

// Tick says that the time [Output.Wake] has come. A Tick that comes early changes nothing.
type Tick struct{}

func (Received) sourceInput()    {}
func (Snapshotted) sourceInput() {}
func (Copied) sourceInput()      {}
func (Applied) sourceInput()     {}
func (Frozen) sourceInput()      {}
func (HolderFound) sourceInput() {}
func (PromiseMade) sourceInput() {}
func (Decided) sourceInput()     {}
func (HandedOver) sourceInput()  {}
func (Submitted) sourceInput()   {}
func (PeerUp) sourceInput()      {}
func (PeerDown) sourceInput()    {}
func (Cancel) sourceInput()      {}
func (Tick) sourceInput()        {}
