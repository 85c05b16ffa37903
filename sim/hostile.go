package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// A hostile node has a key and sessions like any other. It runs the shipping code, and so plays its parts: it
// asks for moves of others' daemons, and moves daemons of its own, which nobody checks. Besides, it says whatever it
// likes in between. What it is told by others it keeps, and it hears everything else that is said in the cluster as
// well: replays and the forgeries built on them are then as good as they can be.
//
// It never gets the daemons of others: whoever has a daemon can do anything with it. It also gives no answers to
// producers that ask it, see the package documentation.

// ending is what becomes of a hostile node when faults are over.
type ending uint8

const (
	endsHonest ending = iota // it says what the shipping code says, and nothing else
	endsDead                 // it is gone for good
	endsMute                 // it keeps its sessions and says nothing
	endings
)

// drawHostile adds a hostile node to one storm in four.
func (s *Setup) drawHostile() {
	rng := rand.New(rand.NewPCG(s.Seed, 0x4057))
	if rng.IntN(4) > 0 {
		return
	}
	rights := []wire.Rights{wire.AllRights, wire.AllRights, wire.RightMigrateOut, wire.RightMigrateIn, wire.RightSubmit, 0}
	s.Hostile, s.Nodes = true, s.Nodes+1
	s.Rights, s.End = rights[rng.IntN(len(rights))], ending(rng.IntN(int(endings)))
}

// admitHostile makes the last node hostile, if one shall be. Before its first session nothing has happened.
func (s *Storm) admitHostile() {
	if !s.setup.Hostile {
		return
	}
	h := s.nodes[len(s.nodes)-1]
	h.hostile = true
	s.lied = map[crypto.ProducerID]bool{crypto.DeriveProducer(h.ID, ""): true, crypto.DeriveProducer(h.ID, "x"): true}
	s.heard = make(map[wire.Type][]heard)
	for _, n := range s.nodes[:len(s.nodes)-1] {
		n.Rights = func(id crypto.NodeID) wire.Rights {
			if id == h.ID {
				return s.setup.Rights
			}
			return wire.AllRights
		}
	}
}

// drawLies has the hostile node speak, and gives it a daemon.
func (s *Storm) drawLies() {
	h := len(s.nodes) - 1
	s.do(Act{Op: "spawn", By: h, Daemon: len(s.daemons), Word: KindTape})
	s.repeat(between(s.rng, time.Millisecond, 30*time.Millisecond), func() {
		for range 1 + s.rng.IntN(6) {
			s.do(Act{Op: "say", By: h, To: s.honest(), Seed: s.rng.Uint64()})
		}
	})
	floods := s.source("floods")
	s.onHeard = func(t wire.Type, to *Node) {
		switch {
		case t == wire.TypeFinal && to.Index != h && s.rng.IntN(2) == 0:
			s.later(between(s.rng, 0, 4*s.opt.Net.Link), Act{Op: "say", By: h, To: to.Index, Seed: s.rng.Uint64(), Word: "activate"})
		case t == wire.TypeProgress && to.Index == h && floods.IntN(floodEvery) == 0:
			if _, victim, ok := s.arrivalFrom(to); ok {
				s.later(0, Act{Op: "say", By: h, To: victim.Index, Seed: floods.Uint64(), Word: "flood"})
			}
		}
	}
}

// floodEvery is at how many reports of its targets a hostile source floods one.
const floodEvery = 8

// arrivalFrom returns a migration that a node is the source of and runs, and its target.
func (s *Storm) arrivalFrom(n *Node) (node.Migration, *Node, bool) {
	if n.life == nil {
		return node.Migration{}, nil, false
	}
	for _, m := range n.life.core.Migrations() {
		if to := s.node(m.Target); m.Source == n.ID && m.Outcome == 0 && to != nil && to != n {
			return m, to, true
		}
	}
	return node.Migration{}, nil, false
}

// endHostile has a hostile node that lives say nothing any more, if that is how it ends.
func (s *Storm) endHostile() {
	for _, n := range s.nodes {
		if n.hostile && n.life != nil && s.setup.End == endsMute {
			n.Mute()
		}
	}
}

// Mute lets nothing leave of what the node's present process sends from now on. Its sessions stay.
func (n *Node) Mute() { n.life.mute = true }

// heard is one frame that was sent in the cluster to a node, or one snapshot.
type heard struct {
	ref   wire.Ref // of a snapshot
	frame []byte
	to    *Node
}

// decode returns the message of a frame, in bytes of its own; nil for none.
func (h heard) decode() wire.Message {
	header, body, _, err := wire.SplitFrame(slices.Clone(h.frame))
	if err != nil {
		return nil
	}
	msg, err := wire.Decode(header, body)
	if err != nil {
		return nil
	}
	return msg
}

// heardOfEach is how much of each type is kept: the latest. Types that are rare are the interesting ones.
const heardOfEach = 12

// snapshotHeard is the type under which whole snapshots are kept.
const snapshotHeard = wire.TypeSnapshotReady

func (c *Cluster) hear(t wire.Type, h heard) {
	if c.heard == nil {
		return
	}
	list := append(c.heard[t], h)
	if len(list) > heardOfEach {
		list = list[1:]
	}
	c.heard[t] = list
}

func (c *Cluster) hearFrame(frame []byte, to *Node) {
	if c.heard == nil {
		return
	}
	h, err := wire.ParseHeader(frame)
	if err != nil {
		return
	}
	c.hear(h.Type, heard{frame: frame, to: to})
	if c.onHeard != nil {
		c.onHeard(h.Type, to)
	}
}

// performSay has a hostile node say one thing to another.
func (s *Storm) performSay(a Act) {
	rng := rand.New(rand.NewPCG(a.Seed, 0x11e5))
	from, to := s.nodes[a.By], s.nodes[a.To]
	if !from.hostile || from.life == nil || to.life == nil || from == to {
		return
	}
	e := from.life.endTo(to)
	if e == nil {
		s.Connect(from, to)
		return
	}
	liar := &liar{Storm: s, rng: rng, from: from, to: to}
	switch k := rng.IntN(10); {
	case a.Word == "activate":
		liar.say(e, liar.activate())
	case a.Word == "flood":
		liar.say(e, liar.flood())
	case k == 0:
		liar.stream(e)
	case k <= 2:
		liar.say(e, liar.forge())
	default:
		liar.say(e, liar.retell())
	}
}

// endTo returns the oldest end of a session with a node, nil if there is none.
func (l *life) endTo(to *Node) *end {
	if ids := l.Node.Sessions(to); len(ids) > 0 {
		return l.ends[ids[0]]
	}
	return nil
}

// flood makes a frame full of events of the hostile node's own daemon that a target has to keep, since the one before them never
// comes: as many as a frame carries, whatever its credits.
func (l *liar) flood() wire.Message {
	m, to, ok := l.arrivalFrom(l.from)
	host, here := l.from.Host(m.Origin)
	if !ok || !here || to != l.to {
		return nil
	}
	msg := &wire.BufferedEvents{Ref: wire.Ref{Migration: m.ID, Origin: m.Origin, Epoch: host.Epoch()}}
	head := host.Head()
	for i := range uint64(wire.MaxBatch) {
		msg.Events = append(msg.Events, crypto.CausalEvent{
			Kind: crypto.EventInput, Link: crypto.CausalLink{Origin: m.Origin, Sequence: head.Sequence + 2 + i, Parent: head.Digest},
			Producer: crypto.DeriveProducer(l.from.ID, ""), ProducerSeq: 1<<62 + i, Payload: []byte{byte(l.rng.Uint64())},
		})
	}
	return msg
}

// liar is a hostile node as it makes up one thing to say.
type liar struct {
	*Storm
	rng      *rand.Rand
	from, to *Node
}

// say sends a message over a session, unless it is one that a hostile node leaves out.
func (l *liar) say(e *end, msg wire.Message) {
	if msg == nil {
		return
	}
	if take, ok := msg.(*wire.TakeSnapshot); ok && take.Target == l.from.ID {
		take.Target = l.to.ID
	}
	send := node.Send{Channel: msg.Type().Channel(), Frame: encode(msg)}
	if send.Frame == nil {
		return
	}
	if r, ok := msg.(wire.Referring); ok {
		send.Migration = r.Reference().Migration
	}
	l.log("%s lies to %s: %v", l.from.Name, l.to.Name, msg.Type())
	e.transmit(send)
}

// retell takes something that was said before, as it was or with changes, at times as long as it can be.
func (l *liar) retell() wire.Message {
	types := make([]wire.Type, 0, len(l.heard))
	for t := range l.heard {
		if t != snapshotHeard && !answersProducers(t) {
			types = append(types, t)
		}
	}
	if len(types) == 0 {
		return nil
	}
	slices.Sort(types)
	list := l.heard[types[l.rng.IntN(len(types))]]
	msg := list[l.rng.IntN(len(list))].decode()
	if msg != nil && l.rng.IntN(3) > 0 {
		l.alter(msg)
	}
	if msg != nil && l.rng.IntN(8) == 0 {
		l.brim(msg)
	}
	return msg
}

func answersProducers(t wire.Type) bool {
	return t == wire.TypeOpened || t == wire.TypeReceipts || t == wire.TypeRefused
}

// stream opens a snapshot stream with bytes of an earlier one, whole or cut short, for a migration that was
// heard of.
func (l *liar) stream(e *end) {
	list := l.heard[snapshotHeard]
	prepared := l.heard[wire.TypePrepare]
	if len(list) == 0 || len(prepared) == 0 || e.over {
		return
	}
	snapshot := list[l.rng.IntN(len(list))]
	ref := snapshot.ref
	if l.rng.IntN(2) == 0 {
		if msg, ok := prepared[l.rng.IntN(len(prepared))].decode().(*wire.Prepare); ok {
			ref = msg.Ref
		}
	}
	data := snapshot.frame
	if l.rng.IntN(3) == 0 {
		data = data[:l.rng.IntN(len(data)+1)]
	}
	l.log("%s lies to %s: a snapshot for %x", l.from.Name, l.to.Name, ref.Migration[:2])
	cp := &copying{life: l.from.life, end: e, c: node.Copy{Ref: ref}, stream: &stream{id: l.nextID(), at: e.other, ref: ref}}
	cp.deliver(func(st *stream) { st.data, st.last = append(st.data, data...), true })
}
