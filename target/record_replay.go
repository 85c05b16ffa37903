package target

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// pass is one call's way through the events: what went wrong, at most one error of each sort. One refused
// event does not keep the others of its batch out, so several things may be wrong at once.
type pass struct {
	stopped error // an event could not be applied; nothing more is applied in this call
	full    error // an event was refused for want of room
	alien   error // an event cannot belong to the log here
}

// err returns what went wrong, the daemon's own failure first.
func (p *pass) err() error {
	switch {
	case p.full == nil && p.alien == nil:
		return p.stopped
	case p.stopped == nil && p.alien == nil:
		return p.full
	case p.stopped == nil && p.full == nil:
		return p.alien
	}
	return errors.Join(p.stopped, p.alien, p.full)
}

// note keeps the first error of a sort.
func note(kept *error, err error) {
	if *kept == nil {
		*kept = err
	}
}

// offer takes one event: applies it if it is the next one, and drains what that makes contiguous; holds it
// if it comes later; drops it if it was applied. It reports whether the event was taken care of, which a
// refused one was not.
func (r *record) offer(ev *crypto.CausalEvent, p *pass) bool {
	seq := ev.Link.Sequence
	switch {
	case ev.Link.Origin != r.origin:
		note(&p.alien, r.fail("replay", seq, crypto.ErrOrigin))
	case len(ev.Payload) > crypto.MaxPayload:
		note(&p.alien, r.fail("replay", seq, wire.ErrTooLarge))
	case seq <= r.buffer.Cursor():
		return r.duplicate(ev, p)
	case r.committed:
		note(&p.alien, &DivergedError{Origin: r.origin, Sequence: seq, Handover: r.buffer.Cursor()})
	case r.drains(p) && r.buffer.Expects(seq):
		r.applyNow(ev, p)
		return true
	default:
		return r.keep(ev, p)
	}
	return false
}

// drains reports whether events may be applied: the daemon is restored and none has failed in this call.
func (r *record) drains(p *pass) bool { return r.host.Load() != nil && p.stopped == nil }

// applyNow applies the event that comes next without putting it into the buffer first. If it fails it is
// held, so that the next call can resume with it; it replaces an event that was held for its place.
func (r *record) applyNow(ev *crypto.CausalEvent, p *pass) {
	if !r.apply(ev, p) {
		r.store(ev)
		return
	}
	r.drain(p)
}

// keep holds an event for later. Before one is refused, an event that failed in an earlier call gets its
// next try: it may be all that is in the way.
func (r *record) keep(ev *crypto.CausalEvent, p *pass) bool {
	if r.store(ev) != Full {
		return true
	}
	before := r.buffer.Cursor()
	if r.drain(p); r.buffer.Cursor() != before {
		return r.offer(ev, p)
	}
	if p.full == nil { // a flood of hopeless events costs one error
		p.full = r.buffer.full(ev)
	}
	return false
}

// store puts an event into the buffer, with a payload of its own: the one that came lies in a frame that may be a thousand times as
// long, and that nobody would be charged for.
func (r *record) store(ev *crypto.CausalEvent) Verdict {
	v := r.buffer.insert(ev)
	if v == Held || v == Replaced {
		kept := r.buffer.at(ev.Link.Sequence)
		kept.Payload = bytes.Clone(kept.Payload)
	}
	return v
}

// duplicate drops an event at or below the cursor. If what was applied there is still remembered, the two
// must be the same.
func (r *record) duplicate(ev *crypto.CausalEvent, p *pass) bool {
	seq := ev.Link.Sequence
	applied, ok := r.appliedAt(seq)
	if !ok {
		return true
	}
	if got := ev.Digest(); got != applied {
		note(&p.alien, &DivergedError{Origin: r.origin, Sequence: seq, Applied: applied, Got: got})
		return false
	}
	return true
}

// appliedAt returns the digest of the event that was applied at seq, if it was applied since the snapshot
// and is among the last 4,096.
func (r *record) appliedAt(seq uint64) (crypto.Digest, bool) {
	cursor := r.buffer.Cursor()
	switch {
	case seq <= r.base || seq > cursor || cursor-seq >= remembered:
		return crypto.Digest{}, false
	case seq == cursor:
		return r.host.Load().Head().Digest, true
	}
	return r.digests.at(seq), true
}

// drain applies what is held, in order, until something is missing or fails.
func (r *record) drain(p *pass) {
	for r.buffer.next != nil && r.drains(p) {
		r.apply(r.buffer.next, p)
	}
}

// apply replays one event into the daemon and moves the cursor past it, or notes why not and leaves
// everything as it was. The event before it gets its digest remembered from the link that the chain check
// has just confirmed, which saves asking the host.
func (r *record) apply(ev *crypto.CausalEvent, p *pass) bool {
	seq := ev.Link.Sequence
	if err := r.host.Load().Replay(*ev); err != nil {
		p.stopped = r.replayError(ev, err)
		return false
	}
	if r.observer != nil {
		r.observer(ev, r.host.Load().Head().Outputs)
	}
	r.digests.set(seq-1, &ev.Link.Parent)
	ends := ev.Kind != crypto.EventInput
	r.buffer.Advance() // ev may lie in the buffer: it is gone from here on
	r.cursor.Store(seq)
	if r.now() == wire.PhaseRestore {
		r.enter(wire.PhaseReplay)
	}
	if ends {
		r.commit(p)
	}
	return true
}

// commit closes the log: the handover to this node is its last entry. Whatever is held beyond it belongs
// to no log that this node can ever follow. It is dropped and reported once, in the call that applied the
// handover, rather than left to block an activation that nothing could unblock.
func (r *record) commit(p *pass) {
	r.committed = true
	if n := r.buffer.Clear(); n > 0 {
		at := r.buffer.Cursor()
		note(&p.alien, &DivergedError{Origin: r.origin, Sequence: at + 1, Handover: at, Dropped: n})
	}
}

// replayError adds the place to an error of the host. A handover that is malformed or not signed by the
// holder is none. One to somebody else also means that there is none to this node; the host looks at the key
// it certifies first, so that error is read as well.
func (r *record) replayError(ev *crypto.CausalEvent, err error) error {
	switch {
	case ev.Kind == crypto.EventInput:
	case errors.Is(err, crypto.ErrBadHandover), errors.Is(err, crypto.ErrBadSignature), errors.Is(err, crypto.ErrWeakKey):
		err = fmt.Errorf("%w: %w", wire.ErrNoHandover, err)
	case r.elsewhere(ev, err):
		err = fmt.Errorf("%w: %w: %w", wire.ErrNoHandover, wire.ErrWrongPeer, err)
	}
	return r.fail("replay", ev.Link.Sequence, err)
}

// elsewhere reports whether the host refused a genuine handover because it leads to another node.
func (r *record) elsewhere(ev *crypto.CausalEvent, err error) bool {
	if !errors.Is(err, crypto.ErrWrongKey) {
		return errors.Is(err, wire.ErrWrongPeer)
	}
	passport := r.host.Load().Passport()
	signer := passport.Key()
	if ev.Kind == crypto.EventForced {
		signer = passport.Genesis.Administrator
	}
	record, err := crypto.ParseHandover(*ev, signer)
	return err == nil && record.To != r.node
}
