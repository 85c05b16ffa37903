package target

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Hold promises to keep the copy until the outcome of the attempt is known: the source froze at final, and
// may commit once it has been told of the hold. Abort is refused from here on, until Release. The caller
// makes the hold durable before it tells the source.
//
// What is held contiguously is applied first, and an error of that is returned. Then the log here must end
// exactly at final: another sequence is [crypto.ErrGap], another head [crypto.ErrHeadMismatch]. An attempt
// below the one that is held, or not above one that was released, is [wire.ErrStaleEpoch]; a higher attempt
// takes the hold over. After any error an earlier hold stands as it was.
//
// Replay goes on under a hold, so the same attempt may be held again at a later head. Repeating a hold that
// stands succeeds at any time, even after the handover. Before Restore has succeeded and, for anything but
// such a repeat, after the handover the answer is [wire.ErrWrongPhase].
func (h *Handler) Hold(origin uint64, a wire.Attempt, final crypto.Head) error {
	rec, done := h.acquire(origin)
	if rec == nil {
		return missing("hold", origin, done)
	}
	defer rec.turn.Unlock()
	return rec.holdAt(a, final)
}

// missing is the answer of operations that need an active record: a completed one has moved past them.
func missing(op string, origin uint64, done *completed) error {
	if done == nil {
		return notFound(op, origin)
	}
	return &Error{Op: op, Origin: origin, Phase: wire.PhaseComplete, Err: wire.ErrWrongPhase}
}

// holdAt is Hold under the turnstile.
func (r *record) holdAt(a wire.Attempt, final crypto.Head) error {
	k := &r.hold
	switch {
	case k.stands && a == k.attempt && final == k.final:
		return nil
	case r.host.Load() == nil:
		return r.fail("hold", 0, errNotRestored)
	case k.stands && a.Less(k.attempt), !k.released.IsZero() && !k.released.Less(a):
		return r.fail("hold", 0, wire.ErrStaleEpoch)
	}
	var p pass
	r.drain(&p)
	if err := p.err(); err != nil {
		return err
	}
	if r.committed {
		return r.fail("hold", 0, wire.ErrWrongPhase)
	}
	if err := r.compare(final); err != nil {
		return err
	}
	k.stands, k.attempt, k.final = true, a, final
	return nil
}

// compare checks that the log here ends exactly at final.
func (r *record) compare(final crypto.Head) error {
	switch head := r.host.Load().Head(); {
	case head.Sequence != final.Sequence:
		return r.fail("hold", final.Sequence, crypto.ErrGap)
	case head != final:
		return r.fail("hold", final.Sequence, crypto.ErrHeadMismatch)
	}
	return nil
}

// Release ends the attempt and every older one: the source has given it up and goes on serving. The copy
// stays, and so does what it holds. Without a hold it only sees to it that the attempt is not held later.
// An attempt below the held one is [wire.ErrStaleEpoch] and changes nothing. Once the handover has been
// applied there is nothing to give up: [wire.ErrWrongPhase].
func (h *Handler) Release(origin uint64, a wire.Attempt) error {
	rec, done := h.acquire(origin)
	if rec == nil {
		return missing("release", origin, done)
	}
	defer rec.turn.Unlock()
	k := &rec.hold
	switch {
	case rec.committed:
		return rec.fail("release", 0, wire.ErrWrongPhase)
	case k.stands && a.Less(k.attempt):
		return rec.fail("release", 0, wire.ErrStaleEpoch)
	}
	if k.released.Less(a) {
		k.released = a
	}
	k.stands, k.attempt, k.final = false, wire.Attempt{}, crypto.Head{}
	return nil
}

// Held returns the attempt for which the copy is held and the head it is held at. ok is false without a
// hold. Activate clears it. It waits for the origin's turn.
func (h *Handler) Held(origin uint64) (a wire.Attempt, final crypto.Head, ok bool) {
	rec, _ := h.acquire(origin)
	if rec == nil {
		return wire.Attempt{}, crypto.Head{}, false
	}
	defer rec.turn.Unlock()
	return rec.hold.attempt, rec.hold.final, rec.hold.stands
}

// Activate makes the daemon serve at the new epoch and returns the sequence of the handover, its last log
// entry. It is a gate, not a flag: it applies what is held, and succeeds only if what the log then ends in is
// a handover to this node that certifies the key given to RestoreSnapshot. Otherwise the phase stays,
// events are still taken, and the error is the one that applying returned (see ReplayEvents), or
// [crypto.ErrGap] if something is held beyond a missing event, or [wire.ErrNoHandover]. Before Restore has
// succeeded it is [wire.ErrNotReady]. A failure never wipes the key.
//
// No hold is needed: the handover proves itself. Repeating it, also after Complete, returns the same
// sequence. An origin that is unknown here, or was forgotten, is [wire.ErrDaemonNotFound].
//
// The caller makes the handover durable before it calls Activate.
func (h *Handler) Activate(origin uint64) (through uint64, err error) {
	rec, done := h.acquire(origin)
	switch {
	case rec != nil:
	case done != nil:
		return done.through, nil
	default:
		return 0, notFound("activate", origin)
	}
	defer rec.turn.Unlock()
	if err := rec.activate(); err != nil {
		return rec.buffer.Cursor(), err
	}
	return rec.buffer.Cursor(), nil
}

// activate is Activate under the turnstile.
func (r *record) activate() error {
	if r.activated() {
		return nil
	}
	if r.host.Load() == nil {
		return r.fail("activate", 0, errNotRestored)
	}
	var p pass
	r.drain(&p)
	if err := p.err(); err != nil {
		return err
	}
	if r.buffer.Missing() {
		return r.fail("activate", r.buffer.Cursor()+1, crypto.ErrGap)
	}
	if err := r.host.Load().Activate(r.node); err != nil { // ErrNoHandover, unless the log is committed
		return r.fail("activate", 0, err)
	}
	r.hold = hold{}
	r.enter(wire.PhaseCutover)
	return nil
}

// activated reports whether the daemon serves.
func (r *record) activated() bool { return r.now() >= wire.PhaseCutover }

// Committed reports whether a valid handover to this node has been applied: the daemon is this node's, and only
// Activate is left. It is false for an origin that is not migrating here, and waits for the origin's turn.
func (h *Handler) Committed(origin uint64) bool {
	rec, _ := h.acquire(origin)
	if rec == nil {
		return false
	}
	defer rec.turn.Unlock()
	return rec.committed
}
