package peer

import (
	"context"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Reauthorize asks Config.Authorize again about every peer that is connected, so that a change counts at
// once and not from the next session on. Whoever is not known any more keeps the session and has no rights.
func (p *Peer) Reauthorize(ctx context.Context) error {
	if p.cfg.Authorize == nil {
		return nil
	}
	peers, err := p.Peers(ctx)
	if err != nil {
		return err
	}
	for _, other := range peers {
		if other.Sessions == 0 {
			continue
		}
		// Also if that changes nothing for the newest session: one that began before the change may have other rights.
		p.reauthorize(other.ID, other.Rights, true)
	}
	return nil
}

// reauthorize asks what a peer may do and tells the core, if that is not what it has or always is set. It is one step, so
// that of two answers the older is not told last.
func (p *Peer) reauthorize(id crypto.NodeID, has wire.Rights, always bool) {
	p.authorizing.Lock()
	defer p.authorizing.Unlock()
	rights, known := p.cfg.Authorize(id)
	if !known {
		rights = 0
	}
	if rights != has {
		p.log.Info().Str("peer", id.String()).Str("rights", rights.String()).Msg("rights changed")
	}
	if rights != has || always {
		p.post(node.Reauthorize{Peer: id, Rights: rights})
	}
}
