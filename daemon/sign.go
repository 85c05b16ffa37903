package daemon

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
)

// SignedHead signs the present head with the key of this epoch. Only the
// holder may: a dark host fails with wire.ErrNotReady, one that was handed
// over with wire.ErrMoved. A frozen one still signs.
func (h *Host) SignedHead() (crypto.SignedHead, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.holdsEpoch(); err != nil {
		return crypto.SignedHead{}, err
	}
	return crypto.SignHead(h.key, h.head, h.epoch)
}

// Key returns the public half of the key this host signs with.
func (h *Host) Key() crypto.PublicKey {
	h.turn.Lock()
	defer h.turn.Unlock()
	return h.key.Public()
}

// Sign signs statement under d with this host's key. A dark host may sign only
// under crypto.DomainReplayComplete, with the key that PrepareOK announced;
// else it fails as SignedHead does. Statements that give authority or vouch
// for a head have checks of their own, in NewHost, HandOver and SignedHead;
// for these domains Sign is crypto.ErrCannotSign.
func (h *Host) Sign(d crypto.Domain, statement []byte) (crypto.Signature, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	switch d {
	case crypto.DomainGenesis, crypto.DomainHandover, crypto.DomainForced, crypto.DomainHead, crypto.DomainFreeze, crypto.DomainAccept:
		return crypto.Signature{}, fmt.Errorf("daemon: sign %v: %w", d, crypto.ErrCannotSign)
	}
	if err := h.holdsEpoch(); err != nil && !(h.state.follower() && d == crypto.DomainReplayComplete) {
		return crypto.Signature{}, err
	}
	return h.key.Sign(d, statement)
}

// Inspect asks the daemon a read-only question between two events. Only a
// serving host answers; else it fails like Submit. A daemon that does not
// implement Inspector is ErrNotInspectable; its own error, or panic, is wrapped.
func (h *Host) Inspect(query []byte) (answer []byte, err error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.answers(); err != nil {
		return nil, err
	}
	inspector, ok := h.d.(Inspector)
	if !ok {
		return nil, fmt.Errorf("daemon: kind %q: %w", h.Kind(), ErrNotInspectable)
	}
	return inspect(inspector, query)
}

// inspect runs the daemon's code.
func inspect(d Inspector, query []byte) (answer []byte, err error) {
	defer recovered("Inspect", &err)
	if answer, err = d.Inspect(query); err != nil {
		return nil, fmt.Errorf("daemon: inspect: %w", err)
	}
	return answer, nil
}
