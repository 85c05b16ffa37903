package crypto

import (
	"fmt"
	"math"
)

// A CausalLink places an event in its daemon's log.
type CausalLink struct {
	// Origin is the daemon's routing handle, see OriginOf.
	Origin uint64
	// Sequence is 1 for the first event; 0 is the genesis. It never wraps: the
	// log ends at 2⁶⁴-1.
	Sequence uint64
	// Parent is the digest of the event at Sequence-1, or of the genesis.
	Parent Digest
}

// A LinkError tells how an event fails to follow a head. It matches Err, and
// with it ErrDiverged when Err is ErrParent.
type LinkError struct {
	// Err is ErrOrigin, ErrGap or ErrParent.
	Err error
	// Want is the link the next event must have, Got the one it has. When the
	// log is at its end, Want.Sequence is 0.
	Want, Got CausalLink
}

// Error names the field that differs, with both values.
func (e *LinkError) Error() string {
	switch e.Err {
	case ErrOrigin:
		return fmt.Sprintf("%v: got %016x, want %016x", e.Err, e.Got.Origin, e.Want.Origin)
	case ErrGap:
		return fmt.Sprintf("%v: got %d, want %d", e.Err, e.Got.Sequence, e.Want.Sequence)
	}
	return fmt.Sprintf("%v: at %d got %s, want %s",
		e.Err, e.Got.Sequence, e.Got.Parent.Short(), e.Want.Parent.Short())
}

// Unwrap returns Err.
func (e *LinkError) Unwrap() error { return e.Err }

// Next returns the link that the event after h must have. At the end of the
// log, sequence 2⁶⁴-1, there is none and ok is false.
func (h Head) Next() (l CausalLink, ok bool) {
	l = CausalLink{Origin: h.Origin, Sequence: h.Sequence + 1, Parent: h.Digest}
	return l, h.Sequence != math.MaxUint64
}

// CheckLink returns nil if an event with link l may follow h, else a *LinkError
// that matches ErrOrigin, ErrGap or ErrParent, checked in this order: a parent
// means nothing at another place of the log. Every sequence but the next is a
// gap, also those before the head; whoever keeps duplicates apart does so
// first.
func (h Head) CheckLink(l CausalLink) error {
	// Field by field: to make the link that is wanted takes longer than to compare it.
	if l.Origin == h.Origin && l.Sequence == h.Sequence+1 && l.Sequence != 0 && l.Parent == h.Digest {
		return nil
	}
	return h.linkError(l)
}

// linkError tells what is wrong with a link that cannot follow h.
func (h Head) linkError(l CausalLink) error {
	want, ok := h.Next()
	switch {
	case l.Origin != want.Origin:
		return &LinkError{ErrOrigin, want, l}
	case !ok || l.Sequence != want.Sequence:
		return &LinkError{ErrGap, want, l}
	}
	return &LinkError{ErrParent, want, l}
}
