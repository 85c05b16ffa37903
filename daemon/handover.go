package daemon

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// HandOver appends the entry that gives the daemon to the node to, whose key
// for the next epoch is next. It is final: from then on the host answers
// wire.ErrMoved, and only making the entry durable is left to the caller
// before it may be sent. It does not need a Freeze before it, for it is one.
//
// Repeated with the same arguments it returns the same entry; with others,
// wire.ErrWrongPhase. Other errors: wire.ErrNotReady (dark), wire.ErrMoved
// (retired), crypto.ErrWeakKey, crypto.ErrBadHandover (from and to are the
// same, or next is the key of this epoch), crypto.ErrPassportFull and those of
// signing. A failed HandOver changes nothing: a frozen host is merely frozen.
func (h *Host) HandOver(from, to crypto.NodeID, next crypto.PublicKey) (Event, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if h.state == moved {
		return h.repeatHandOver(from, to, next)
	}
	if err := h.holdsEpoch(); err != nil {
		return Event{}, err
	}
	record, err := h.draft(from, to, next)
	if err != nil {
		return Event{}, fmt.Errorf("daemon: handover: %w", err)
	}
	ev, record, err := crypto.SignHandover(h.key, record)
	if err != nil {
		return Event{}, fmt.Errorf("daemon: handover: %w", err)
	}
	if err := h.leave(ev, record); err != nil {
		return Event{}, err
	}
	return ev, nil
}

// leave appends the handover, whose signature has just been made, or verified, with the host's key.
func (h *Host) leave(ev Event, record crypto.Handover) error {
	passport, err := h.passport.AppendVerified(record)
	if err == nil && h.key.Public() != h.passport.Key() {
		err = fmt.Errorf("%w: it is not that of epoch %d", crypto.ErrWrongKey, h.epoch)
	}
	if err != nil {
		return fmt.Errorf("daemon: handover: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.setState(moved)
	h.head = h.head.Append(ev, nil)
	h.passport.Handovers = passport.Handovers
	return nil
}

// Promise returns the certificate with which a directory can be asked to give a
// frozen daemon to the node to. What the directory may commit cannot fail here
// any more: everything that HandOver checks is checked. The certificate binds
// this host from the moment that it leaves the node, not before.
//
// Errors: wire.ErrWrongPhase for a host that is not frozen, and as HandOver.
func (h *Host) Promise(from, to crypto.NodeID, next crypto.PublicKey, attempt crypto.Attempt) (crypto.FreezeCert, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.holdsEpoch(); err != nil {
		return crypto.FreezeCert{}, err
	}
	if h.state != frozen {
		return crypto.FreezeCert{}, fmt.Errorf("daemon: promise: %w: the host is not frozen", wire.ErrWrongPhase)
	}
	record, err := h.draft(from, to, next)
	if err != nil {
		return crypto.FreezeCert{}, fmt.Errorf("daemon: promise: %w", err)
	}
	if len(h.passport.Handovers) == crypto.MaxHandovers {
		return crypto.FreezeCert{}, fmt.Errorf("daemon: promise: %w", crypto.ErrPassportFull)
	}
	record.Decided, record.Attempt = true, attempt
	cert, err := crypto.SignFreezeCert(h.key, record.FreezeCert())
	if err != nil {
		return crypto.FreezeCert{}, fmt.Errorf("daemon: promise: %w", err)
	}
	return cert, nil
}

// Follow appends the handover that the directory and the target have made of this
// host's certificate. It is as final as HandOver. Repeated, it returns the same.
//
// Errors: crypto.ErrBadHandover for any other entry, crypto.ErrHeadMismatch for
// one that does not follow the head, and as HandOver.
func (h *Host) Follow(ev Event, cert crypto.FreezeCert) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	record, err := crypto.ParseDecided(ev, cert)
	if err != nil {
		return fmt.Errorf("daemon: handover: %w", err)
	}
	if h.state == moved {
		_, err := h.repeatHandOver(cert.From, cert.To, cert.Next)
		return err
	}
	if err := h.holdsEpoch(); err != nil {
		return err
	}
	if cert.Head != h.head {
		return fmt.Errorf("daemon: handover: %w", wire.ErrHeadMismatch)
	}
	if err := cert.Verify(h.key.Public()); err != nil {
		return fmt.Errorf("daemon: handover: %w", err)
	}
	return h.leave(ev, record)
}

// repeatHandOver answers a HandOver after the first.
func (h *Host) repeatHandOver(from, to crypto.NodeID, next crypto.PublicKey) (Event, error) {
	r := h.lastHandover()
	if r.From != from || r.To != to || r.Next != next {
		return Event{}, fmt.Errorf("daemon: %w: it was handed over to %v: %w", wire.ErrWrongPhase, r.To, wire.ErrMoved)
	}
	return r.Event(), nil
}

// lastHandover returns the handover that ends the log of a moved or retired
// host. The caller holds the turn or the mutex.
func (h *Host) lastHandover() crypto.Handover {
	return h.passport.Handovers[len(h.passport.Handovers)-1]
}

// draft returns the statement to sign, once its parts have been checked.
func (h *Host) draft(from, to crypto.NodeID, next crypto.PublicKey) (crypto.Handover, error) {
	if err := next.Check(); err != nil {
		return crypto.Handover{}, err
	}
	if from == to || to == (crypto.NodeID{}) {
		return crypto.Handover{}, fmt.Errorf("%w: from %v to %v", crypto.ErrBadHandover, from, to)
	}
	if next == h.key.Public() {
		return crypto.Handover{}, fmt.Errorf("%w: the next key is the present one", crypto.ErrBadHandover)
	}
	previous := h.passport.Genesis.Digest()
	if n := len(h.passport.Handovers); n > 0 {
		previous = h.passport.Handovers[n-1].Digest()
	}
	record := crypto.Handover{
		From: from, To: to, Epoch: h.epoch + 1, Head: h.head, Next: next,
		SnapshotSequence: h.snapshots, Previous: previous,
	}
	if h.now != nil {
		record.Time = h.now().UTC()
	}
	return record, nil
}

// HandedOver returns the entry by which this host gave the daemon away: the
// evidence for whoever still asks here. ok is false until HandOver.
func (h *Host) HandedOver() (ev Event, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != moved && h.state != retired {
		return Event{}, false
	}
	return h.lastHandover().Event(), true
}

// Retire frees a host that was handed over, once its successor is active: it
// wipes the key, and closes and drops daemon and producer table. EntityID, Kind, Name,
// Head, Epoch, Passport and HandedOver still answer; everything else is
// wire.ErrMoved. On a host in any other state it does nothing, for that might
// be the only copy.
func (h *Host) Retire() {
	h.turn.Lock()
	defer h.turn.Unlock()
	if h.state != moved {
		return
	}
	h.key.Wipe()
	h.release(retired)
}
