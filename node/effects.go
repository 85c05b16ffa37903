package node

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// Effects is what the shell must do after one step, in the order of the fields: calls are queued before
// anything is sent that rests on them being queued, and answers to the node's own users come last.
type Effects struct {
	// Calls run per daemon in the order given, each daemon on a queue of its own. The result comes back
	// as [Done]. CallRestore, CallCutOff and CallFeed of package target, and [CloseView], run beside
	// the queue.
	Calls []Call
	// Consults ask the directory. Each is answered by Consulted, after any time.
	Consults []Consult
	// DirectoryRequests are peers' questions to the directory that this node keeps, each answered by DirectoryAnswer;
	// KeeperReplies are the answers to AskKeeper.
	DirectoryRequests []DirectoryRequest
	KeeperReplies     []KeeperReply
	// StopCopies end snapshot streams; Copies start them, and come behind.
	StopCopies []wire.MigrationID
	Copies     []Copy
	// RefuseStreams closes snapshot streams that nobody waits for.
	RefuseStreams []uint64
	// Dials ask for sessions. Each is answered by SessionUp or DialFailed.
	Dials []Dial
	// Sends leave in order per session and channel.
	Sends []Send
	// EndEvents ends the event streams of migrations that are over, after what was sent on them.
	EndEvents []EndEvents
	// Replies answer Submit, End and Inspect requests.
	Replies []Reply
	// Changes are migrations whose status has changed, for whoever watches.
	Changes []Change
	// Notes are for the log.
	Notes []Note
	// Wake is when the core wants a Tick at the latest; zero for never.
	Wake time.Time
}

// Call is one operation on a daemon, on the target handler, or on what the journal has of a daemon. Op is a call of
// package source or target, or one of [Apply], [OpenProducer], [Read], [EndLife], [CloseView], [Prove], [Bury], [Forget]
// and [Revive]. A [Checkpoint] is a call too, but of the shell's own: the core asks for none.
type Call struct {
	Origin    uint64
	Migration wire.MigrationID
	Op        any
	by        any // the entry whose machine has asked, a *sourceEntry or *targetEntry: the result is for no other; or nil
}

// Copy starts a snapshot stream to a session. The snapshot stays the core's to close.
type Copy struct {
	Session  SessionID
	Ref      wire.Ref
	Snapshot *daemon.Snapshot
	Serial   uint64 // of this stream, among those of the snapshot
	From     uint64 // bytes of the snapshot that are left out, because the target has them
	MaxRate  uint64 // bytes per second, 0 without a limit
}

// Dial asks for a session with a peer. Without addresses there is nothing to dial, and the shell answers
// with DialFailed.
type Dial struct {
	Peer  crypto.NodeID
	Addrs []string
}

// Send is one encoded frame for a session.
type Send struct {
	Session   SessionID
	Channel   wire.Channel
	Migration wire.MigrationID
	Frame     []byte
}

// EndEvents ends the event stream of one migration.
type EndEvents struct {
	Session   SessionID
	Migration wire.MigrationID
}

// Reply answers a request of the node's own users. The items of a Submit are answered in their order: with
// Receipts as many of them as there are receipts, with Err the next one. The answer to an End is Err alone.
type Reply struct {
	Request  uint64
	Receipts Receipts // of a Submit
	Data     []byte   // of an Inspect
	Err      error
}

// Receipts are the acknowledgments of submissions that one frame has answered.
type Receipts struct {
	Items  []wire.ReceiptItem
	Epoch  uint64
	Holder crypto.NodeID // who acknowledged them
}

// At returns receipt i.
func (r *Receipts) At(i int) Receipt {
	it := &r.Items[i]
	return Receipt{
		ProducerSeq: it.Seq, Sequence: it.Sequence, Epoch: r.Epoch,
		Duplicate: it.Duplicate, Outputs: it.Outputs, Holder: r.Holder,
	}
}

// Receipt is the acknowledgment of one submission.
type Receipt struct {
	ProducerSeq uint64
	Sequence    uint64
	Epoch       uint64
	Duplicate   bool
	Outputs     [][]byte
	Holder      crypto.NodeID // who acknowledged it
}

// Change is a new status of a migration in which this node plays a role.
type Change struct{ Migration Migration }

// Note is something worth a line in the log.
type Note struct {
	Kind      NoteKind
	Peer      crypto.NodeID
	Origin    uint64
	Migration wire.MigrationID
	Text      string
	Err       error
}

// NoteKind classifies notes.
type NoteKind uint8

// The kinds of notes.
const (
	NoteInfo    NoteKind = iota
	NoteRefused          // a frame was refused: counted, answered, without effect
	NoteAlarm            // somebody should look
)
