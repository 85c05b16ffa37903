package daemon

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Resume makes the holder of the epoch serve again after a restart: a host that was restored from a snapshot
// this very node took while it held the epoch, with the key that its passport ends in. The caller knows from
// its own durable log that the daemon was not handed over since.
//
// Errors: wire.ErrWrongPhase if the host is not dark; wire.ErrWrongKey if the key is not the epoch's;
// wire.ErrWrongPeer if the daemon's last handover names another node than node.
func (h *Host) Resume(node crypto.NodeID) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	holder, travelled := h.passport.Holder()
	switch {
	case h.state != dark:
		return fmt.Errorf("daemon: resume while %v: %w", h.state, wire.ErrWrongPhase)
	case h.passport.Key() != h.key.Public():
		return fmt.Errorf("daemon: resume at epoch %d: %w", h.epoch, wire.ErrWrongKey)
	case travelled && holder != node:
		return fmt.Errorf("daemon: resume: %w: its holder is %v", wire.ErrWrongPeer, holder)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.setState(serving)
	return nil
}

// Reapply applies an input event of this holder's own durable log once more, after a restart. outputs is the
// outputs digest of the head after it, as it was when the event was first applied: a daemon that computes
// anything else now is not deterministic, and what its producers were told is not what it would go on from. One
// that declared so is not compared: its events are all applied, what comes out may be something else.
//
// Errors: those of Replay for input events, wire.ErrWrongPhase unless the host serves, and wire.ErrDiverged
// for other outputs. After an error the host must not be used.
func (h *Host) Reapply(ev Event, outputs crypto.Digest) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	if h.state != serving {
		return fmt.Errorf("daemon: reapply while %v: %w", h.state, wire.ErrWrongPhase)
	}
	if err := h.head.CheckLink(ev.Link); err != nil {
		return fmt.Errorf("daemon: reapply: %w", err)
	}
	if ev.Kind != crypto.EventInput {
		return fmt.Errorf("daemon: reapply of a %v: %w", ev.Kind, wire.ErrWrongPhase)
	}
	if err := h.replayInput(&ev); err != nil {
		return err
	}
	_, free := h.d.(StopAndCopy)
	if h.head.Outputs != outputs && !free {
		return fmt.Errorf("daemon: event %d has other outputs than before the restart: %w", ev.Link.Sequence, wire.ErrDiverged)
	}
	return nil
}
