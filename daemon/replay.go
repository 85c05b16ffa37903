package daemon

import (
	"errors"
	"fmt"
	"math"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Replay applies the next entry of the log to a dark host: an input event like
// Submit, its outputs hashed and dropped; a handover by verifying it. The host
// keeps no reference to the payload of an input event.
//
// Errors: wire.ErrWrongPhase if the host is not dark; crypto.ErrOrigin,
// crypto.ErrGap or crypto.ErrParent if ev does not follow the head;
// wire.ErrDiverged for anything after the handover, and for a producer's number
// that cannot come now; the error of Process, wrapped together with
// wire.ErrStateFailed; those of crypto.ParseHandover; and for a handover that
// is not the one this host can take, wire.ErrStaleEpoch, wire.ErrHeadMismatch,
// wire.ErrWrongKey or wire.ErrWrongPeer. A handover with another parent is also
// wire.ErrHeadMismatch, one with a bad signature wire.ErrWrongKey, and one that
// a former holder signed wire.ErrStaleEpoch. After any error nothing has
// changed, and the entry may be tried again.
func (h *Host) Replay(ev Event) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	switch h.state {
	case dark:
	case arrived:
		return fmt.Errorf("daemon: event %d after the handover: %w", ev.Link.Sequence, wire.ErrDiverged)
	default:
		return fmt.Errorf("daemon: replay while %v: %w", h.state, wire.ErrWrongPhase)
	}
	if err := h.head.CheckLink(ev.Link); err != nil {
		return fmt.Errorf("daemon: replay: %w", h.classed(&ev, err))
	}
	if ev.Kind == crypto.EventInput {
		return h.replayInput(&ev)
	}
	return h.replayHandover(&ev)
}

// replayInput applies an input event whose link has been checked.
func (h *Host) replayInput(ev *Event) error {
	if len(ev.Payload) > wire.MaxPayload {
		return fmt.Errorf("daemon: payload of %d bytes: %w", len(ev.Payload), wire.ErrTooLarge)
	}
	if ev.Link.Sequence > lastInput {
		return fmt.Errorf("daemon: input event %d: %w", ev.Link.Sequence, ErrLogFull)
	}
	// The holder applied it, so its table did not refuse it. Ours is the same
	// if the logs are.
	if e, err := h.producers.find(&ev.Producer, math.MaxUint64, ev.ProducerSeq); e != nil || err != nil {
		return fmt.Errorf("daemon: event %d repeats number %d of producer %s: %w",
			ev.Link.Sequence, ev.ProducerSeq, ev.Producer.Short(), wire.ErrDiverged)
	}
	if _, err := h.apply(ev); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrStateFailed, err)
	}
	return nil
}

// replayHandover verifies the entry that ends the log and takes it in. The
// epoch stays the old one until Activate.
func (h *Host) replayHandover(ev *Event) error {
	record, err := crypto.ParseHandover(*ev, h.signer(ev.Kind))
	if err != nil {
		return fmt.Errorf("daemon: replay: %w", h.classed(ev, err))
	}
	if err := h.checkHandover(record); err != nil {
		return fmt.Errorf("daemon: handover to epoch %d: %w", record.Epoch, err)
	}
	passport, err := h.passport.AppendVerified(record)
	if err != nil {
		return fmt.Errorf("daemon: replay: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.setState(arrived)
	h.head = h.head.Append(*ev, nil)
	h.passport.Handovers = passport.Handovers
	return nil
}

// signer returns the key that an entry of that kind must be signed with.
func (h *Host) signer(kind crypto.EventKind) crypto.PublicKey {
	if kind == crypto.EventForced {
		return h.passport.Genesis.Administrator
	}
	return h.passport.Key()
}

// classed adds to the error of a handover that does not follow, or is not
// signed by the holder, what that means for an activation: it is the word of
// a former holder, its head is another one, or it was signed with another key.
func (h *Host) classed(ev *Event, err error) error {
	if ev.Kind == crypto.EventInput {
		return err
	}
	switch {
	case errors.Is(err, crypto.ErrParent):
		err = fmt.Errorf("%w: %w", wire.ErrHeadMismatch, err)
	case errors.Is(err, crypto.ErrBadSignature):
		err = fmt.Errorf("%w: %w", wire.ErrWrongKey, err)
	}
	if h.passport.Superseded(*ev) {
		err = fmt.Errorf("%w: at epoch %d: %w", wire.ErrStaleEpoch, h.epoch, err)
	}
	return err
}

// checkHandover refuses a handover that this host cannot follow, though its
// signature is good.
func (h *Host) checkHandover(record crypto.Handover) error {
	switch {
	case record.Epoch != h.epoch+1:
		return fmt.Errorf("%w: at epoch %d", wire.ErrStaleEpoch, h.epoch)
	case record.Head != h.head:
		return wire.ErrHeadMismatch
	case record.Next != h.key.Public():
		return wire.ErrWrongKey
	case h.node != (crypto.NodeID{}) && record.To != h.node:
		return fmt.Errorf("%w: it names node %v", wire.ErrWrongPeer, record.To)
	}
	return nil
}

// Activate turns a dark host whose log ends in a valid handover to node and to
// this host's key into a serving one, at the new epoch. The caller has made
// that entry durable. Repeating it is harmless, whatever happened since then
// short of a HandOver.
//
// Errors: wire.ErrNoHandover if the log does not end so, wire.ErrWrongPeer if
// the handover names another node, crypto.ErrCannotSign if the key was wiped,
// wire.ErrMoved, and wire.ErrWrongPhase for a host that was born here. After an
// error the host is as dark as before.
func (h *Host) Activate(node crypto.NodeID) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	holder, travelled := h.passport.Holder()
	switch {
	case h.state == dark:
		return fmt.Errorf("daemon: activate: %w", wire.ErrNoHandover)
	case !h.state.holdsEpoch() && h.state != arrived:
		return h.holdsEpoch()
	case !travelled:
		return fmt.Errorf("daemon: activate: %w: it was born here", wire.ErrWrongPhase)
	case holder != node:
		return fmt.Errorf("daemon: activate: %w: the handover names %v", wire.ErrWrongPeer, holder)
	case !h.key.CanSign():
		return fmt.Errorf("daemon: activate: %w", crypto.ErrCannotSign)
	}
	if h.state == arrived {
		h.mu.Lock()
		h.setState(serving)
		h.epoch = h.passport.Epoch()
		h.mu.Unlock()
	}
	return nil
}
