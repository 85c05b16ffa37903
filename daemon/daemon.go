package daemon

import (
	"io"

	"github.com/ferrymesh/ferry/crypto"
)

// Event is one entry of a daemon's log.
type Event = crypto.CausalEvent

// Daemon is a deterministic state machine that can carry its state elsewhere.
//
// The Host calls one method at a time, never two at once; only the view that
// Snapshot returned is read while Process goes on. No method may call back
// into the Host that runs it: the Host is waiting for the answer.
//
// A Daemon that is also an io.Closer is closed when its host lets go of it:
// after the successor's activation, when a dark copy is dropped, when a restore
// failed, and at its end. Views that are still open must go on working.
type Daemon interface {
	// Process applies one input event. It must be deterministic: the same
	// events in the same order give the same state and the same outputs on
	// every node, whatever the clock, the map order or the machine.
	//
	// A returned error means that the event was not applied and the state is
	// unchanged; the Host then records nothing and the producer's number stays
	// free. A panic and outputs beyond wire.MaxOutputs or wire.MaxOutputCount
	// count as such an error, and the Host cannot undo what Process did before
	// it failed: check first, change afterwards.
	//
	// The payload is lent for the call: do not modify it, copy what must stay.
	// The outputs are given away: do not modify or reuse them afterwards.
	Process(ev Event) (outputs [][]byte, err error)

	// Snapshot freezes the state as it is between two events and hands out a
	// view of it. Submissions wait until it returns, so it should take hardly
	// any time: WriteTo does the work afterwards, beside Process. WriteTo may be
	// called several times, never twice at once, with the same bytes each time.
	// A daemon without state returns no view and no error.
	//
	// A view may also have Len() int64, the exact number of bytes WriteTo will
	// write, and Close() error, which frees it.
	Snapshot() (io.WriterTo, error)

	// Restore reads what WriteTo of a view has written. It is called at most
	// once, on a daemon fresh from its factory, before anything else. When the
	// bytes turn out to be damaged, r fails instead of ending and the daemon is
	// discarded.
	Restore(r io.Reader) error
}

// Inspector is implemented by daemons that answer read-only questions.
type Inspector interface {
	// Inspect answers query from the present state and must not change it.
	// It is called between two events.
	Inspect(query []byte) ([]byte, error)
}

// StopAndCopy is implemented by daemons that declare themselves not
// deterministic. They cannot follow by replay and move frozen: the source
// stops them before the snapshot, and nothing is replayed but the handover.
type StopAndCopy interface {
	// StopAndCopy only marks; it is never called.
	StopAndCopy()
}
