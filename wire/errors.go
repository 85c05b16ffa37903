package wire

import (
	"errors"
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
)

// Errors of a migration, matched with errors.Is by everything that moves,
// hosts or feeds a daemon. The errors returned carry the fields that matter and
// wrap the daemon's own error where there is one. Each has a Reason, under which
// it crosses the wire (ReasonOf, Reason.Err).
var (
	// ErrNotReady: the daemon or node cannot do this now, but will be able to
	// without anyone's help. Worth an immediate retry.
	ErrNotReady = errors.New("wire: not ready")
	// ErrFrozen: the daemon is frozen for a cutover. It matches ErrNotReady: the
	// freeze ends within its budget, here or at the target.
	ErrFrozen = fmt.Errorf("wire: frozen for a cutover: %w", ErrNotReady)
	// ErrNotReadyTimeout: the peer stayed not ready for the whole retry budget.
	ErrNotReadyTimeout = errors.New("wire: not ready within the retry budget")
	// ErrAlreadyMigrating: another migration of the daemon is running.
	ErrAlreadyMigrating = errors.New("wire: already migrating")
	// ErrDaemonNotFound: no such daemon, or no such migration, on this node.
	ErrDaemonNotFound = errors.New("wire: daemon not found")
	// ErrFactoryNotFound: the target cannot build a daemon of that kind.
	ErrFactoryNotFound = errors.New("wire: factory not found")
	// ErrWrongPhase: the migration is not in a phase that allows this.
	ErrWrongPhase = errors.New("wire: wrong phase")
	// ErrStateFailed: the daemon's own code failed to snapshot, restore or apply.
	ErrStateFailed = errors.New("wire: daemon state failed")
	// ErrStateless: the daemon has no state to move.
	ErrStateless = errors.New("wire: daemon is stateless")
	// ErrMoved: the daemon was handed over and lives elsewhere.
	ErrMoved = errors.New("wire: daemon moved")

	// ErrBufferFull: a bounded buffer has no room; what it holds is kept.
	ErrBufferFull = errors.New("wire: buffer full")
	// ErrLimit: a limit of the node is reached; it passes when load does.
	ErrLimit = errors.New("wire: limit of the node reached")
	// ErrNoHandover: the log does not end in a handover to this node.
	ErrNoHandover = errors.New("wire: no handover")
	// ErrWrongPeer: the sender may not send this, or the handover names another.
	ErrWrongPeer = errors.New("wire: wrong peer")
	// ErrRefused: the peer lacks the right to ask for this.
	ErrRefused = errors.New("wire: refused")
	// ErrStaleEpoch: the epoch or attempt is older than the one in force.
	ErrStaleEpoch = errors.New("wire: stale epoch")
	// ErrProducerWindow: the submission is older than the producer's window.
	ErrProducerWindow = errors.New("wire: outside the producer's window")
	// ErrProducerEvicted: the producer's history was evicted; whether the
	// submission was applied before can no longer be told.
	ErrProducerEvicted = errors.New("wire: producer evicted")

	// ErrInDoubt: committed but not known to be activated; nobody serves until the
	// handover reaches the target.
	ErrInDoubt = errors.New("wire: in doubt and frozen")
	// ErrLost: the node that held the daemon in memory only is gone, and the daemon
	// with it.
	ErrLost = errors.New("wire: lost with its node")
	// ErrTimeout: a limit on time has passed without the thing waited for.
	ErrTimeout = errors.New("wire: timed out")
	// ErrUnreachable: the peer could not be reached.
	ErrUnreachable = errors.New("wire: peer unreachable")
	// ErrCancelled: the migration was cancelled on request.
	ErrCancelled = errors.New("wire: migration cancelled")
	// ErrNotConverging: the target cannot catch up with the source.
	ErrNotConverging = errors.New("wire: replay does not converge")
	// ErrFreezeBudget: the target did not answer within the freeze budget.
	ErrFreezeBudget = errors.New("wire: freeze budget spent")
	// ErrBadSnapshot: the snapshot is malformed, altered or cut short.
	ErrBadSnapshot = errors.New("wire: bad snapshot")
	// ErrInternal: a failure that has no reason of its own.
	ErrInternal = errors.New("wire: internal error")
)

// Errors of frames. Decoding wraps them, and those of codec, in *FrameError.
var (
	// ErrTooLarge: a length exceeds the limit of its field or frame.
	ErrTooLarge = errors.New("wire: too large")
	// ErrUnknownType: this version has no message of that type.
	ErrUnknownType = errors.New("wire: unknown message type")
	// ErrBadFrame: the body is well-formed but says something that no message
	// may say, such as an unassigned phase or text with control characters.
	ErrBadFrame = errors.New("wire: bad frame")
	// ErrVersion: the peers have no version of the subprotocol in common.
	ErrVersion = errors.New("wire: no common version")
)

// Errors of the chain and of keys are declared in crypto. These are the same
// values, so that callers need one import.
var (
	// ErrGap: an event does not follow the one before it.
	ErrGap = crypto.ErrGap
	// ErrDiverged: two logs of one daemon say different things.
	ErrDiverged = crypto.ErrDiverged
	// ErrHeadMismatch: a head differs from the expected one.
	ErrHeadMismatch = crypto.ErrHeadMismatch
	// ErrWrongKey: a key is not the one that was certified.
	ErrWrongKey = crypto.ErrWrongKey
	// ErrPassportFull: the passport has no room for another handover.
	ErrPassportFull = crypto.ErrPassportFull
)

// FrameError says which frame could not be read. Err is ErrTooLarge,
// ErrUnknownType, ErrBadFrame or an error of codec or crypto.
type FrameError struct {
	Type Type
	Err  error
}

// Error names the message and the cause.
func (e *FrameError) Error() string {
	return fmt.Sprintf("wire: %s: %v", e.Type, e.Err)
}

// Unwrap returns the cause.
func (e *FrameError) Unwrap() error { return e.Err }

// Subprotocol returns the subprotocol of the frame.
func (e *FrameError) Subprotocol() Subprotocol { return e.Type.Subprotocol() }

// RemoteError is a failure that a peer reported, as opposed to one met here. It
// matches the error of its Reason. Detail is the peer's own wording: fit to be
// printed, not to be believed.
type RemoteError struct {
	Reason Reason
	Detail string
}

// Error returns the reason and, where there is one, the detail.
func (e *RemoteError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("wire: peer reports %s", e.Reason)
	}
	return fmt.Sprintf("wire: peer reports %s: %s", e.Reason, e.Detail)
}

// Unwrap returns the error of the reason.
func (e *RemoteError) Unwrap() error { return e.Reason.Err() }
