package node

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// This file is how a client finds the holder of its daemon.

// tryElsewhere goes on to the next node that may know the daemon. When all have been asked, and one of them
// has said that it does not, that is the answer, unless something is in flight: then the daemon may be
// between two nodes, or its holder may be restarting, and the client asks again. So it does if one of them has
// not answered at all: that may be a holder that is slow.
func (c *Core) tryElsewhere(cl *client, err error) {
	cl.tried = append(cl.tried, cl.holder)
	for _, id := range c.candidates() {
		if !slices.Contains(cl.tried, id) {
			cl.holder = id
			c.pump(cl)
			return
		}
	}
	cl.tried = nil
	if c.cfg.Directory {
		cl.lost = true
		c.locate(cl.key.origin)
		return
	}
	c.foundNowhere(cl, err)
}

// foundNowhere ends a search, or begins it anew after a while.
func (c *Core) foundNowhere(cl *client, err error) {
	silent := cl.silent
	cl.silent = false
	if cl.sent == 0 && !silent && errors.Is(err, wire.ErrDaemonNotFound) {
		c.fail(cl, cl.count, err)
		return
	}
	c.retryLater(cl)
}

// clientsLost are the clients of a daemon that wait for the directory, in the order of their labels.
func (c *Core) clientsLost(origin uint64) []*client {
	var list []*client
	for _, cl := range c.clients {
		if cl.key.origin == origin && cl.lost {
			list = append(list, cl)
		}
	}
	slices.SortFunc(list, func(a, b *client) int { return strings.Compare(a.key.label, b.key.label) })
	return list
}

// candidates are the nodes to ask for a daemon: this one, those with a session, and those that can be
// dialed, each in the order of their ids.
func (c *Core) candidates() []crypto.NodeID {
	var up, known []crypto.NodeID
	for id, p := range c.peers {
		switch {
		case c.ready(id) != nil:
			up = append(up, id)
		case len(p.addrs) > 0:
			known = append(known, id)
		}
	}
	for _, ids := range [][]crypto.NodeID{up, known} {
		slices.SortFunc(ids, func(a, b crypto.NodeID) int { return bytes.Compare(a[:], b[:]) })
	}
	return slices.Concat([]crypto.NodeID{c.cfg.Node}, up, known)
}

// clientMoved follows the daemon. The handover is believed, not the sender: where the key of the epoch is
// known it must have signed it, and an epoch below one already seen is never gone back to.
func (c *Core) clientMoved(from crypto.NodeID, msg *wire.Moved) {
	cl := c.answeredBy(from, msg.Origin, msg.Label)
	if cl == nil {
		return
	}
	c.answered(cl)
	if msg.Epoch < cl.epoch { // an old record of it, from before it was somewhere this client knows
		c.tryElsewhere(cl, wire.ErrStaleEpoch)
		return
	}
	if !cl.believes(msg) {
		c.note(Note{Kind: NoteAlarm, Peer: from, Origin: msg.Origin, Text: "a node says that a daemon has moved, with a handover that does not prove it"})
		c.tryElsewhere(cl, wire.ErrWrongKey)
		return
	}
	c.learnMissing(msg.Node, msg.Addrs)
	again := slices.Contains(cl.tried, msg.Node)
	cl.tried, cl.holder = append(cl.tried, from), msg.Node
	if again { // it has just said that it does not have the daemon, and may be about to get it
		c.retryLater(cl)
		return
	}
	c.pump(cl)
}

// believes checks a handover as far as this client can. For the epoch after the one whose key it knows it
// verifies the signature and learns the next key. Across a gap of several moves, and back to a holder of
// the epoch it has seen, it can only check that the entry is about this daemon and does not go backwards; it
// then opens anew at that node, whose answers count from that epoch on.
func (cl *client) believes(msg *wire.Moved) bool {
	if msg.Handover.Link.Origin != msg.Origin {
		return false
	}
	if cl.signs == 0 || msg.Epoch != cl.signs+1 {
		cl.opened = false
		return true
	}
	h, err := crypto.ParseHandover(msg.Handover, cl.signer)
	if err != nil || h.To != msg.Node || h.Epoch != msg.Epoch {
		return false
	}
	cl.epoch, cl.signer, cl.signs = h.Epoch, h.Next, h.Epoch
	return true
}
