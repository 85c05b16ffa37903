package peer

import (
	"context"

	"github.com/ferrymesh/ferry/node"
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
		rights, known := p.cfg.Authorize(other.ID)
		if !known {
			rights = 0
		}
		if rights != other.Rights {
			p.log.Info().Str("peer", other.ID.String()).Str("rights", rights.String()).Msg("rights changed")
		}
		// Whatever that says, which is of the newest session: one that began before the change may have other rights.
		p.post(node.Reauthorize{Peer: other.ID, Rights: rights})
	}
	return nil
}
