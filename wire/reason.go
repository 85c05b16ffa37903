package wire

import (
	"errors"
	"fmt"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Reason is an error as it crosses the wire. Codes are append-only, and a test
// freezes them. A code that this version does not know decodes, prints as its
// number and counts as an internal error, so that newer peers can be more exact.
type Reason uint16

// The reasons. ReasonNone stands for success and never fails anything.
const (
	ReasonNone             Reason = 0
	ReasonInternal         Reason = 1
	ReasonNotReady         Reason = 2
	ReasonFrozen           Reason = 3
	ReasonNotReadyTimeout  Reason = 4
	ReasonAlreadyMigrating Reason = 5
	ReasonDaemonNotFound   Reason = 6
	ReasonFactoryNotFound  Reason = 7
	ReasonWrongPhase       Reason = 8
	ReasonStateFailed      Reason = 9
	ReasonStateless        Reason = 10
	ReasonMoved            Reason = 11
	ReasonBufferFull       Reason = 12
	ReasonLimit            Reason = 13
	ReasonGap              Reason = 14
	ReasonHeadMismatch     Reason = 15
	ReasonDiverged         Reason = 16
	ReasonNoHandover       Reason = 17
	ReasonWrongKey         Reason = 18
	ReasonWrongPeer        Reason = 19
	ReasonRefused          Reason = 20
	ReasonStaleEpoch       Reason = 21
	ReasonProducerWindow   Reason = 22
	ReasonProducerEvicted  Reason = 23
	ReasonPassportFull     Reason = 24
	ReasonUnreachable      Reason = 25
	ReasonCancelled        Reason = 26
	ReasonNotConverging    Reason = 27
	ReasonFreezeBudget     Reason = 28
	ReasonTooLarge         Reason = 29
	ReasonBadSnapshot      Reason = 30
	ReasonVersion          Reason = 31
	ReasonUnknownType      Reason = 32
	ReasonBadFrame         Reason = 33
	ReasonTimeout          Reason = 34
)

// reasons pairs each code with its name and error. It is never written.
var reasons = [...]struct {
	name string
	err  error
}{
	ReasonNone:             {"none", nil},
	ReasonInternal:         {"internal error", ErrInternal},
	ReasonNotReady:         {"not ready", ErrNotReady},
	ReasonFrozen:           {"frozen", ErrFrozen},
	ReasonNotReadyTimeout:  {"not ready within the budget", ErrNotReadyTimeout},
	ReasonAlreadyMigrating: {"already migrating", ErrAlreadyMigrating},
	ReasonDaemonNotFound:   {"daemon not found", ErrDaemonNotFound},
	ReasonFactoryNotFound:  {"factory not found", ErrFactoryNotFound},
	ReasonWrongPhase:       {"wrong phase", ErrWrongPhase},
	ReasonStateFailed:      {"state failed", ErrStateFailed},
	ReasonStateless:        {"stateless", ErrStateless},
	ReasonMoved:            {"moved", ErrMoved},
	ReasonBufferFull:       {"buffer full", ErrBufferFull},
	ReasonLimit:            {"limit reached", ErrLimit},
	ReasonGap:              {"gap", ErrGap},
	ReasonHeadMismatch:     {"head mismatch", ErrHeadMismatch},
	ReasonDiverged:         {"diverged", ErrDiverged},
	ReasonNoHandover:       {"no handover", ErrNoHandover},
	ReasonWrongKey:         {"wrong key", ErrWrongKey},
	ReasonWrongPeer:        {"wrong peer", ErrWrongPeer},
	ReasonRefused:          {"refused", ErrRefused},
	ReasonStaleEpoch:       {"stale epoch", ErrStaleEpoch},
	ReasonProducerWindow:   {"producer window", ErrProducerWindow},
	ReasonProducerEvicted:  {"producer evicted", ErrProducerEvicted},
	ReasonPassportFull:     {"passport full", ErrPassportFull},
	ReasonUnreachable:      {"unreachable", ErrUnreachable},
	ReasonCancelled:        {"cancelled", ErrCancelled},
	ReasonNotConverging:    {"not converging", ErrNotConverging},
	ReasonFreezeBudget:     {"freeze budget spent", ErrFreezeBudget},
	ReasonTooLarge:         {"too large", ErrTooLarge},
	ReasonBadSnapshot:      {"bad snapshot", ErrBadSnapshot},
	ReasonVersion:          {"no common version", ErrVersion},
	ReasonUnknownType:      {"unknown type", ErrUnknownType},
	ReasonBadFrame:         {"bad frame", ErrBadFrame},
	ReasonTimeout:          {"timed out", ErrTimeout},
}

// classified lists reasons in the order in which ReasonOf tries them: where one
// error wraps another, the cause comes before the class. A state failure that
// wraps a daemon's own gap is a state failure; a frozen daemon is frozen before
// it is not ready.
var classified = [...]Reason{
	ReasonFrozen, ReasonNotReadyTimeout, ReasonNotReady,
	ReasonAlreadyMigrating, ReasonFactoryNotFound, ReasonDaemonNotFound,
	ReasonStateFailed, ReasonStateless, ReasonMoved, ReasonWrongPhase,
	ReasonBufferFull, ReasonLimit, ReasonFreezeBudget, ReasonNotConverging,
	ReasonCancelled, ReasonUnreachable, ReasonTimeout,
	ReasonBadSnapshot, ReasonVersion, ReasonUnknownType, ReasonTooLarge, ReasonBadFrame,
	ReasonRefused, ReasonWrongPeer, ReasonStaleEpoch, ReasonWrongKey, ReasonPassportFull,
	ReasonProducerWindow, ReasonProducerEvicted,
	ReasonHeadMismatch, ReasonDiverged, ReasonGap, ReasonNoHandover,
	ReasonInternal,
}

// causes maps errors that have no reason of their own to the nearest one.
var causes = [...]struct {
	err    error
	reason Reason
}{
	{codec.ErrTruncated, ReasonBadFrame},
	{codec.ErrTrailing, ReasonBadFrame},
	{codec.ErrNonCanonical, ReasonBadFrame},
	{codec.ErrLimit, ReasonTooLarge},
	{crypto.ErrBadEvent, ReasonBadFrame},
	{crypto.ErrBadGenesis, ReasonBadSnapshot},
	{crypto.ErrOrigin, ReasonHeadMismatch},
	{crypto.ErrWeakKey, ReasonWrongKey},
	{crypto.ErrBadSignature, ReasonWrongKey},
	{crypto.ErrCannotSign, ReasonWrongKey},
	{crypto.ErrBadHandover, ReasonNoHandover},
	{crypto.ErrBadPassport, ReasonBadSnapshot},
}

// ReasonOf returns the reason under which err crosses the wire: ReasonNone for
// nil, the peer's own code for a *RemoteError, ReasonInternal for an error that
// has none.
func ReasonOf(err error) Reason {
	if err == nil {
		return ReasonNone
	}
	if remote := (*RemoteError)(nil); errors.As(err, &remote) {
		return remote.Reason
	}
	for _, r := range classified {
		if errors.Is(err, r.Err()) {
			return r
		}
	}
	for _, c := range causes {
		if errors.Is(err, c.err) {
			return c.reason
		}
	}
	return ReasonInternal
}

// Err returns the error that stands for the reason: nil for ReasonNone, and an
// error that matches ErrInternal for a code this version does not know.
func (r Reason) Err() error {
	if r.Known() {
		return reasons[r].err
	}
	return fmt.Errorf("%w: reason %d", ErrInternal, uint16(r))
}

// Known reports whether this version has a meaning for the code.
func (r Reason) Known() bool { return int(r) < len(reasons) }

// Retryable reports whether the same request may succeed later without anyone
// changing anything.
func (r Reason) Retryable() bool {
	switch r {
	case ReasonBufferFull, ReasonUnreachable, ReasonLimit, ReasonAlreadyMigrating:
		return true
	}
	return r.Transient()
}

// Transient reports whether the request is worth retrying at once, with
// backoff, before anyone is told: the peer says that it will be ready soon.
func (r Reason) Transient() bool {
	return r == ReasonNotReady || r == ReasonFrozen
}

// String returns the reason in words, or its number.
func (r Reason) String() string {
	if r.Known() {
		return reasons[r].name
	}
	return fmt.Sprintf("reason %d", uint16(r))
}

// parseReason reads a reason that must not be ReasonNone.
func parseReason(c *codec.Cursor) Reason {
	r := Reason(c.Uint16()) // 2 reason
	if r == ReasonNone {
		c.Fail(ErrBadFrame)
	}
	return r
}
