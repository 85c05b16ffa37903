package peer

import (
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// receiver passes what the network reports to the loop. Blocking in Frame is the backpressure that a busy
// node puts on its peers.
type receiver struct {
	p     *Peer
	ready chan struct{} // closed when p.net is set
}

// SessionUp implements transport.Receiver.
func (r *receiver) SessionUp(s transport.Session) {
	<-r.ready
	r.p.log.Debug().Str("peer", s.Peer.String()).Str("remote", s.Remote).Bool("inbound", s.Inbound).Str("rights", s.Rights.String()).Msg("session up")
	r.p.post(node.SessionUp{Session: node.SessionID(s.ID), Peer: s.Peer, Rights: s.Rights, Remote: s.Remote})
	// The rights are of before its hello, for which a peer may take its time. Whoever has changed them meanwhile, and has found no
	// session to tell, is heard here; whoever changes them from now on finds it.
	if r.p.cfg.Authorize != nil {
		r.p.reauthorize(s.Peer, s.Rights, false)
	}
}

// SessionDown implements transport.Receiver.
func (r *receiver) SessionDown(id transport.SessionID, err error) {
	r.p.log.Debug().Uint64("session", uint64(id)).Err(err).Msg("session down")
	r.p.post(node.SessionDown{Session: node.SessionID(id), Err: err})
}

// Frame implements transport.Receiver.
func (r *receiver) Frame(id transport.SessionID, _ wire.Channel, h wire.Header, body []byte) {
	r.p.post(node.Frame{Session: node.SessionID(id), Header: h, Body: body})
}

// Snapshot implements transport.Receiver.
func (r *receiver) Snapshot(id transport.SessionID, ref wire.Ref, body transport.SnapshotReader) {
	<-r.ready
	stream := r.p.copies.opened(body)
	if !r.p.post(node.StreamOpened{Session: node.SessionID(id), Ref: ref, Stream: stream}) {
		r.p.copies.refuse(stream)
	}
}
