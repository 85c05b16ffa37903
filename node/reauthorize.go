package node

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Reauthorize says that the operator has changed what a peer may do here. It counts from the next message
// of the peer on; what the peer has been allowed to begin goes on. A peer without rights keeps its
// session, which may be one that this node has opened, and can do nothing with it.
type Reauthorize struct {
	Peer   crypto.NodeID
	Rights wire.Rights
}

func (Reauthorize) nodeInput() {}

func (c *Core) reauthorize(in Reauthorize) {
	if p := c.peers[in.Peer]; p != nil {
		for _, s := range p.sessions {
			s.rights = in.Rights
		}
	}
}
