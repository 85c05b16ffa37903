package wire

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

func TestD3_ReasonsAreFrozen(t *testing.T) {
	want := []Reason{
		ReasonNone, ReasonInternal, ReasonNotReady, ReasonFrozen, ReasonNotReadyTimeout,
		ReasonAlreadyMigrating, ReasonDaemonNotFound, ReasonFactoryNotFound, ReasonWrongPhase,
		ReasonStateFailed, ReasonStateless, ReasonMoved, ReasonBufferFull, ReasonLimit, ReasonGap,
		ReasonHeadMismatch, ReasonDiverged, ReasonNoHandover, ReasonWrongKey, ReasonWrongPeer,
		ReasonRefused, ReasonStaleEpoch, ReasonProducerWindow, ReasonProducerEvicted,
		ReasonPassportFull, ReasonUnreachable, ReasonCancelled, ReasonNotConverging,
		ReasonFreezeBudget, ReasonTooLarge, ReasonBadSnapshot, ReasonVersion, ReasonUnknownType,
		ReasonBadFrame, ReasonTimeout,
	}
	if len(want) != len(reasons) {
		t.Fatalf("%d reasons frozen, the table has %d", len(want), len(reasons))
	}
	for number, r := range want {
		if int(r) != number {
			t.Errorf("%s is %d, want %d", r, r, number)
		}
	}
}

func TestReasonsRoundTripAsErrors(t *testing.T) {
	names := make(map[string]bool)
	for r := ReasonInternal; r.Known(); r++ {
		if got := ReasonOf(r.Err()); got != r {
			t.Errorf("%s came back as %s", r, got)
		}
		if got := ReasonOf(fmt.Errorf("context: %w", r.Err())); got != r {
			t.Errorf("wrapped %s came back as %s", r, got)
		}
		if names[r.String()] || r.String() == "" {
			t.Errorf("reason %d has no name of its own: %q", r, r)
		}
		names[r.String()] = true
	}
	if len(classified) != len(reasons)-1 {
		t.Errorf("%d reasons are classified, %d exist", len(classified), len(reasons)-1)
	}
}

func TestReasonsCrossTheWire(t *testing.T) {
	ref := Ref{Origin: 1}
	for r := ReasonInternal; r.Known(); r++ {
		sent := Failed(ref, fmt.Errorf("target: %w", r.Err()))
		got := decodeFrame(t, AppendFrame(nil, sent)).(*MigrationFailed).Err()
		if !errors.Is(got, r.Err()) || ReasonOf(got) != r {
			t.Errorf("%s arrived as %v", r, got)
		}
	}
}

func TestReasonOfUnknownErrors(t *testing.T) {
	if got := ReasonOf(nil); got != ReasonNone || got.Err() != nil {
		t.Errorf("success is %s, %v", got, got.Err())
	}
	if got := ReasonOf(errors.New("something else")); got != ReasonInternal {
		t.Errorf("an error of nobody's is %s, want %s", got, ReasonInternal)
	}
	newer := Reason(9999)
	if !errors.Is(newer.Err(), ErrInternal) || newer.Retryable() {
		t.Errorf("a newer peer's reason is %v, retryable %t", newer.Err(), newer.Retryable())
	}
	if got := ReasonOf(&RemoteError{Reason: newer}); got != newer {
		t.Errorf("passing on a newer peer's reason makes it %s", got)
	}
	m := &MigrationFailed{Reason: newer, Detail: "new"}
	if back := decodeFrame(t, AppendFrame(nil, m)).(*MigrationFailed); back.Reason != newer {
		t.Errorf("reason %d arrived as %d", newer, back.Reason)
	}
}

func TestReasonOfCauses(t *testing.T) {
	cause := errors.New("disk on fire")
	for _, c := range []struct {
		err  error
		want Reason
	}{
		{fmt.Errorf("%w: %w", ErrStateFailed, cause), ReasonStateFailed},
		{fmt.Errorf("%w: %w", ErrStateFailed, ErrGap), ReasonStateFailed},
		{&FrameError{TypeFinal, codec.ErrTruncated}, ReasonBadFrame},
		{&FrameError{TypeFinal, codec.ErrTrailing}, ReasonBadFrame},
		{&FrameError{TypeFinal, codec.ErrNonCanonical}, ReasonBadFrame},
		{&FrameError{TypeFinal, codec.ErrLimit}, ReasonTooLarge},
		{&FrameError{TypePrepareOK, crypto.ErrWeakKey}, ReasonWrongKey},
		{&FrameError{TypeBufferedEvents, crypto.ErrBadEvent}, ReasonBadFrame},
		{crypto.ErrBadSignature, ReasonWrongKey},
		{crypto.ErrBadHandover, ReasonNoHandover},
		{crypto.ErrBadPassport, ReasonBadSnapshot},
		{crypto.ErrParent, ReasonDiverged},
		{crypto.ErrGap, ReasonGap},
	} {
		if got := ReasonOf(c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
}

func TestRetryable(t *testing.T) {
	retryable := map[Reason]bool{
		ReasonNotReady: true, ReasonFrozen: true, ReasonBufferFull: true,
		ReasonUnreachable: true, ReasonLimit: true, ReasonAlreadyMigrating: true,
	}
	for r := ReasonNone; r.Known(); r++ {
		if r.Retryable() != retryable[r] {
			t.Errorf("%s: retryable %t, want %t", r, r.Retryable(), retryable[r])
		}
		if want := r == ReasonNotReady || r == ReasonFrozen; r.Transient() != want {
			t.Errorf("%s: transient %t, want %t", r, r.Transient(), want)
		}
	}
}

func TestErrorsMatchAsDocumented(t *testing.T) {
	if !errors.Is(ErrFrozen, ErrNotReady) || errors.Is(ErrNotReady, ErrFrozen) {
		t.Error("frozen is not ready, and not the other way round")
	}
	if errors.Is(ErrNotReadyTimeout, ErrNotReady) {
		t.Error("a spent retry budget must not look like another retry")
	}
	for got, want := range map[error]error{
		ErrGap: crypto.ErrGap, ErrDiverged: crypto.ErrDiverged, ErrHeadMismatch: crypto.ErrHeadMismatch,
		ErrWrongKey: crypto.ErrWrongKey, ErrPassportFull: crypto.ErrPassportFull,
	} {
		if got != want { //nolint: the identity itself is the rule
			t.Errorf("%v is not crypto's value", got)
		}
	}
	remote := (&Refused{Reason: ReasonFrozen, Detail: "cutover"}).Err()
	if !errors.Is(remote, ErrFrozen) || !errors.Is(remote, ErrNotReady) {
		t.Errorf("%v does not match what it reports", remote)
	}
	session := (&SessionError{Reason: ReasonVersion}).Err()
	if !errors.Is(session, ErrVersion) || session.Error() == remote.Error() {
		t.Errorf("%v does not match what it reports", session)
	}
	frame := &FrameError{TypeFinal, ErrBadFrame}
	if frame.Subprotocol() != SubMigration || frame.Error() != "wire: Final: wire: bad frame" {
		t.Errorf("frame error reads %q", frame)
	}
}
