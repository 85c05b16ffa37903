package sim

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// pair names two nodes, the lower number first.
type pair struct{ a, b int }

func pairOf(a, b *Node) pair {
	if a.Index > b.Index {
		a, b = b, a
	}
	return pair{a.Index, b.Index}
}

// link is the way between two nodes.
type link struct {
	blocked bool         // no session can be made
	stalled [2]time.Time // until when nothing arrives: at the lower number, at the higher one
}

func (c *Cluster) link(a, b *Node) *link {
	k := pairOf(a, b)
	if c.links[k] == nil {
		c.links[k] = &link{}
	}
	return c.links[k]
}

// session is a connection between two lives.
type session struct {
	c    *Cluster
	ends [2]*end
	over bool // nothing arrives any more
}

// end is one end of a session.
type end struct {
	*session
	life    *life
	other   *end
	id      node.SessionID
	opened  time.Time // when its node learns of it
	down    bool      // its node has learned of the end
	arrival map[streamKey]time.Time
}

// streamKey tells the streams of one direction apart.
type streamKey struct {
	channel   wire.Channel
	migration wire.MigrationID // of Events and Copy
}

func (c *Cluster) connect(a, b *life) *session {
	r := c.source("links")
	s := &session{c: c}
	for i, l := range []*life{a, b} {
		at := c.now.Add(between(r, 0, c.opt.Net.Link))
		s.ends[i] = &end{session: s, life: l, id: node.SessionID(c.nextID()), opened: at, arrival: make(map[streamKey]time.Time)}
	}
	s.ends[0].other, s.ends[1].other = s.ends[1], s.ends[0]
	c.sessions = append(c.sessions, s)
	for _, e := range s.ends {
		e.life.at(e.opened, e.open)
	}
	return s
}

func (e *end) open() {
	if e.down {
		return
	}
	e.life.ends[e.id] = e
	peer := e.other.life
	rights := wire.AllRights
	if e.life.Rights != nil {
		rights = e.life.Rights(peer.ID)
	}
	e.life.step(node.SessionUp{Session: e.id, Peer: peer.ID, Rights: rights, Remote: peer.Name})
}

// cut ends a session. What is on its way is lost, and each end learns of it in its own time.
func (s *session) cut(why string) {
	if s.over {
		return
	}
	s.over = true
	s.c.log("%s-%s cut: %s", s.ends[0].life.Name, s.ends[1].life.Name, why)
	for _, e := range s.ends {
		at := later(e.opened, s.c.now.Add(between(s.c.source("links"), 0, s.c.opt.Net.Notice)))
		e.life.at(at, func() { e.close(why) })
	}
}

func (e *end) close(why string) {
	if e.down {
		return
	}
	e.down = true
	delete(e.life.ends, e.id)
	err := fmt.Errorf("sim: %s", why)
	for _, st := range e.life.sortedStreams() {
		if st.at == e {
			st.fail(err)
		}
	}
	e.life.step(node.SessionDown{Session: e.id, Err: err})
}

// arriveAt is when something sent now arrives: behind what was sent on the same stream before.
func (e *end) arriveAt(k streamKey) time.Time {
	c, r := e.c, e.c.source("delays")
	if e.life.hostile || e.other.life.hostile {
		r = c.source("hostile delays") // what is said to no effect changes nothing else, and can be left out
	}
	d := between(r, c.opt.Net.Link/8, c.opt.Net.Link)
	if r.IntN(100) < 3 {
		d = between(r, 0, c.opt.Net.Spike)
	}
	if c.opt.Net.Even {
		d = c.opt.Net.Link
	}
	from, to := e.life.Node, e.other.life.Node
	at := later(c.now.Add(d), e.other.opened)
	if to.Index < from.Index {
		at = later(at, c.link(from, to).stalled[0])
	} else {
		at = later(at, c.link(from, to).stalled[1])
	}
	at = later(at, e.arrival[k])
	e.arrival[k] = at
	return at
}

func (e *end) send(s node.Send) {
	if e.down || e.over || e.life.mute {
		return
	}
	e.c.hearFrame(s.Frame, e.other.life.Node)
	e.transmit(s)
}

func (e *end) transmit(s node.Send) {
	k := streamKey{channel: s.Channel}
	if s.Channel == wire.ChannelEvents {
		k.migration = s.Migration
	}
	e.c.checkLeak(e.life, s.Frame)
	to := e.other
	to.life.at(e.arriveAt(k), func() {
		if e.over || to.down {
			return
		}
		h, err := wire.ParseHeader(s.Frame)
		if err != nil {
			e.c.Failf("%s sent a frame that cannot be read: %v", e.life.Name, err)
			return
		}
		to.life.step(node.Frame{Session: to.id, Header: h, Body: s.Frame[len(s.Frame)-h.Length:]})
	})
}

// dial makes a session, or fails, after a while.
func (l *life) dial(d node.Dial) {
	l.after(between(l.c.source("links"), 0, 2*l.c.opt.Net.Link), func() {
		peer := l.c.node(d.Peer)
		if len(d.Addrs) == 0 || peer == nil || peer.life == nil || l.c.link(l.Node, peer).blocked {
			l.step(node.DialFailed{Peer: d.Peer, Err: wire.ErrUnreachable})
			return
		}
		l.c.connect(l, peer.life)
	})
}

// Cut ends all sessions between two nodes; they may connect again.
func (c *Cluster) Cut(a, b *Node) {
	for _, s := range c.alive() {
		if pairOf(s.ends[0].life.Node, s.ends[1].life.Node) == pairOf(a, b) {
			s.cut("cut")
		}
	}
}

// Block cuts two nodes off from each other until Unblock.
func (c *Cluster) Block(a, b *Node) {
	c.log("%s-%s blocked", a.Name, b.Name)
	c.link(a, b).blocked = true
	c.Cut(a, b)
}

// Unblock lets two nodes connect again.
func (c *Cluster) Unblock(a, b *Node) {
	c.log("%s-%s unblocked", a.Name, b.Name)
	c.link(a, b).blocked = false
}

// Stall lets nothing that is sent from now on arrive at a node from another for a while; it arrives then.
func (c *Cluster) Stall(from, to *Node, d time.Duration) {
	c.log("%s to %s stalled for %v", from.Name, to.Name, d)
	i := 0
	if to.Index > from.Index {
		i = 1
	}
	c.link(from, to).stalled[i] = c.now.Add(d)
}

// Connect makes one more session between two nodes, whatever there is.
func (c *Cluster) Connect(a, b *Node) {
	if a.life != nil && b.life != nil && a != b && !c.link(a, b).blocked {
		c.connect(a.life, b.life)
	}
}

// alive returns the sessions that are not cut, and forgets the others.
func (c *Cluster) alive() []*session {
	list := c.sessions[:0]
	for _, s := range c.sessions {
		if !s.over {
			list = append(list, s)
		}
	}
	clear(c.sessions[len(list):])
	c.sessions = list
	return append([]*session(nil), list...)
}
