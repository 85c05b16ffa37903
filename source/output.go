package source

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Output is what the owner of a machine must do after one step, in the order of the fields: the calls
// first, then the copy, then what is applied again, and only then whatever leaves the node.
type Output struct {
	// Calls run on the daemon's own queue, one after the other, behind the submissions already there.
	Calls []Call
	// Copy starts a snapshot stream from the view that CallSnapshot took, in place of an earlier one; StopCopy ends it
	// and closes the view, also of a stream that was never started. A step sets at most one of them.
	Copy     *Copy
	StopCopy bool
	// Apply are submissions that were held and go to the daemon after all, behind Calls, in order.
	Apply []Submission
	// Consults are questions to the directory, asked beside everything else. Each is answered, if only by an error.
	Consults []Consult
	// Sends leave in order; a message to a peer without a session is dropped, the machine sends it again.
	Sends []wire.Envelope
	// Replies answer held submissions.
	Replies []Reply
	// FreezeTimedOut says that the target let a freeze budget pass; the owner counts these per target.
	FreezeTimedOut bool
	// Ended is set once, in the step that ends the migration on this node.
	Ended *Ended
	// Wake is when the machine wants a Tick at the latest; zero for never.
	Wake time.Time
}

// Copy is one snapshot stream: the view without its first From bytes. Serial tells it from the ones before.
type Copy struct{ Serial, From uint64 }

// Call is one operation on the daemon's host.
type Call interface{ sourceCall() }

// The calls, in the order in which a migration makes them.
type (
	// CallSnapshot takes the view between two events.
	CallSnapshot struct{}
	// CallFreeze stops the sequencing of submissions, in memory only.
	CallFreeze struct{}
	// CallThaw undoes a freeze.
	CallThaw struct{}
	// CallHandOver makes the handover the next entry of the log, durably: the commit.
	// The rest is what delivering it takes, which must be as durable as the entry.
	CallHandOver struct {
		From, To     crypto.NodeID
		Next         crypto.PublicKey
		Ref          wire.Ref
		Attempt      wire.Attempt
		Orchestrator crypto.NodeID
		Addrs        []string
	}
	// CallPromise signs the certificate for a directory and makes the promise in it durable.
	CallPromise struct{ CallHandOver }
	// CallRelease ends the promise. It has no result: one that is lost is found again by asking.
	CallRelease struct{ Attempt wire.Attempt }
	// CallFollow makes the entry that the directory has decided the next one of the log, durably.
	CallFollow struct {
		CallHandOver
		Cert  crypto.FreezeCert
		Entry crypto.CausalEvent
	}
	// CallRetire unregisters the daemon, frees it and wipes its key; the successor has activated.
	CallRetire struct{}
)

func (CallSnapshot) sourceCall() {}
func (CallFreeze) sourceCall()   {}
func (CallThaw) sourceCall()     {}
func (CallHandOver) sourceCall() {}
func (CallRelease) sourceCall()  {}
func (CallRetire) sourceCall()   {}

// Consult is one question to the directory.
type Consult interface{ sourceConsult() }

type (
	// ConsultHolder asks who holds the daemon. Answered by [HolderFound].
	ConsultHolder struct{}
	// ConsultAbort ends an attempt, unless it has been committed. Answered by [Decided].
	ConsultAbort struct{ Cert crypto.FreezeCert }
)

func (ConsultHolder) sourceConsult() {}
func (ConsultAbort) sourceConsult()  {}

// Reply answers one held submission: with receipts, or with a reason why there are none.
type Reply struct {
	Ticket   uint64
	Receipts []wire.ReceiptItem
	Reason   wire.Reason // 0 with receipts
}

// Ended is how a migration ended on this node.
type Ended struct {
	Outcome wire.Outcome
	Reason  wire.Reason // 0 for moved
	Detail  string
}
