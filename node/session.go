package node

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// session is one connection. Until the peer's Hello has arrived no other message is taken from it or sent
// to it.
type session struct {
	id     SessionID
	peer   crypto.NodeID
	rights wire.Rights
	remote string
	agreed subproto.Agreed // nil before Hello
	boot   uint64
	early  []Frame // what has overtaken the Hello, at most maxEarly

	waiting map[uint64]struct{} // tickets whose answer goes here
	asked   []uint64            // questions to the directory that the peer keeps
}

// peer is what the core knows of another node.
type peer struct {
	id       crypto.NodeID
	name     string
	addrs    []string
	given    bool       // the operator has named the addresses
	sessions []*session // the newest last
	window   window     // of the clients of this node
	dialing  bool
	tried    []string      // the addresses of the latest dial
	wait     time.Duration // before the next dial after one that failed
	dialAt   time.Time
	lastErr  error
}

// Waits between dials that fail.
const (
	dialWaitMin = 50 * time.Millisecond
	dialWaitMax = 2 * time.Second
)

func (c *Core) peer(id crypto.NodeID) *peer {
	p := c.peers[id]
	if p == nil {
		c.trimPeers() // before it is added, so that it is not the one to go
		p = &peer{id: id}
		c.peers[id] = p
	}
	return p
}

// trimPeers makes room. Peers of which nothing is known go first, then those whose addresses are hearsay: a
// migration may name any number of targets. Peers with a session, a dial or an address that the operator gave
// are kept; these are bounded elsewhere. An eighth goes at once, so that a table that is full is rarely searched.
func (c *Core) trimPeers() {
	if len(c.peers) < maxPeersKnown {
		return
	}
	var idle []*peer
	for _, p := range c.peers {
		if len(p.sessions) == 0 && !p.dialing && !p.given {
			idle = append(idle, p)
		}
	}
	slices.SortFunc(idle, comparePeers)
	for _, p := range idle[:min(len(idle), maxPeersKnown/8)] {
		delete(c.peers, p.id)
	}
}

// comparePeers orders the peers that may be dropped.
func comparePeers(p, q *peer) int {
	if (len(p.addrs) == 0) != (len(q.addrs) == 0) {
		return cmp.Compare(len(p.addrs), len(q.addrs))
	}
	return bytes.Compare(p.id[:], q.id[:])
}

// learn notes where a peer can be dialed; given says that the operator has said so.
func (c *Core) learn(id crypto.NodeID, addrs []string, given bool) {
	if id == c.cfg.Node || len(addrs) == 0 {
		return
	}
	p := c.peer(id)
	p.addrs, p.given = addrs, p.given || given
}

// learnMissing notes where others say that a peer can be dialed, if nothing else is known.
func (c *Core) learnMissing(id crypto.NodeID, addrs []string) {
	if len(c.peer(id).addrs) == 0 {
		c.learn(id, addrs, false)
	}
}

func (c *Core) sessionUp(in SessionUp) {
	s := &session{id: in.Session, peer: in.Peer, rights: in.Rights, remote: in.Remote, waiting: make(map[uint64]struct{})}
	c.sessions[s.id] = s
	p := c.peer(s.peer)
	p.sessions = append(p.sessions, s)
	c.dialed(p)
	p.wait, p.lastErr = 0, nil
	c.sendOn(s, &wire.Hello{Versions: subproto.Supported(c.cfg.Directory), Boot: c.cfg.Boot, Name: c.cfg.Name, Addrs: c.cfg.Addrs})
}

// hello completes a session: from here on it carries messages.
func (c *Core) hello(s *session, msg *wire.Hello) {
	if s.agreed != nil {
		return
	}
	agreed, errs := subproto.Negotiate(subproto.Supported(c.cfg.Directory), msg.Versions)
	s.agreed, s.boot = agreed, msg.Boot
	p := c.peer(s.peer)
	p.name = msg.Name
	if len(msg.Addrs) > 0 && !p.given {
		p.addrs = msg.Addrs // its own word is newer than what it said before, and better than what others say of it
	}
	for _, err := range errs {
		c.note(Note{Kind: NoteAlarm, Peer: s.peer, Text: "a subprotocol cannot be used with this peer", Err: err})
	}
	c.peerUp(s.peer)
	early := s.early
	s.early = nil
	for _, in := range early {
		c.frame(in)
	}
}

func (c *Core) sessionDown(in SessionDown) {
	s := c.sessions[in.Session]
	if s == nil {
		return
	}
	delete(c.sessions, s.id)
	p := c.peer(s.peer)
	for i, other := range p.sessions {
		if other == s {
			p.sessions = append(p.sessions[:i], p.sessions[i+1:]...)
			break
		}
	}
	p.lastErr = in.Err
	c.dropRoutes(s)
	c.giveUpAsking(s)
	// What was in flight on this session is gone. With another one up that only means sending it again; a
	// snapshot stream that broke reports its own end.
	if c.ready(s.peer) == nil {
		c.peerDown(s.peer, true, in.Err)
		return
	}
	c.peerUp(s.peer)
}

func (c *Core) dialFailed(in DialFailed) {
	p := c.peer(in.Peer)
	c.dialed(p)
	p.lastErr = in.Err
	if !slices.Equal(p.tried, p.addrs) {
		c.dial(p.id) // that it cannot be reached is not known before what was learned meanwhile has been tried
		return
	}
	p.wait = min(max(2*p.wait, dialWaitMin), dialWaitMax)
	p.dialAt = c.now.Add(p.wait)
	if len(p.sessions) > 0 {
		return // it came to us meanwhile
	}
	c.peerDown(in.Peer, false, in.Err)
}

// dial asks for a session, unless one is there or on its way, the last try has only just failed, or too many are
// under way. Whoever wanted one sends again, and so asks again.
func (c *Core) dial(id crypto.NodeID) {
	p := c.peer(id)
	if p.dialing || len(p.sessions) > 0 || c.now.Before(p.dialAt) || c.dials >= maxDials {
		return
	}
	p.dialing, p.tried = true, p.addrs
	c.dials++
	c.out.Dials = append(c.out.Dials, Dial{Peer: id, Addrs: p.addrs})
}

// dialed: the peer is here, or could not be reached.
func (c *Core) dialed(p *peer) {
	if p.dialing {
		p.dialing = false
		c.dials--
	}
}

// ready returns the newest session with the peer that has been greeted, nil if there is none.
func (c *Core) ready(id crypto.NodeID) *session {
	p := c.peers[id]
	if p == nil {
		return nil
	}
	for i := len(p.sessions) - 1; i >= 0; i-- {
		if p.sessions[i].agreed != nil {
			return p.sessions[i]
		}
	}
	return nil
}

// rightsOf returns what a peer may do here: this node itself everything, a peer without a session nothing.
func (c *Core) rightsOf(id crypto.NodeID) wire.Rights {
	if id == c.cfg.Node {
		return wire.AllRights
	}
	if s := c.ready(id); s != nil {
		return s.rights
	}
	return 0
}

func (c *Core) reauthorize(in Reauthorize) {
	if p := c.peers[in.Peer]; p != nil {
		for _, s := range p.sessions {
			s.rights = in.Rights
		}
	}
}

// peerUp and peerDown tell every machine and client that a session with the peer is ready, or that there is none; each
// knows whether the peer concerns it. A session that is lost was there; otherwise none could be made.
func (c *Core) peerUp(id crypto.NodeID) {
	for _, e := range c.activeSources() {
		c.stepSource(e, source.PeerUp{Peer: id})
	}
	for _, e := range c.activeTargets() {
		c.stepTarget(e, target.PeerUp{Peer: id})
	}
	c.clientsUp(id)
}

func (c *Core) peerDown(id crypto.NodeID, lost bool, err error) {
	if err == nil {
		err = errors.New("the session was closed")
	}
	for _, e := range c.activeSources() {
		c.stepSource(e, source.PeerDown{Peer: id, Lost: lost, Err: err})
	}
	for _, e := range c.activeTargets() {
		c.stepTarget(e, target.PeerDown{Peer: id})
	}
	for _, e := range c.activeOrchestrators() {
		c.stepOrchestrator(e, orchestrator.PeerDown{Peer: id, Lost: lost, Err: err})
	}
	c.clientsDown(id, lost, err)
}
