package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// clientIdle is how long a session of a client may be silent. It is short, so that partitions of a second or
// two break sessions, and what was in flight is submitted again.
const clientIdle = time.Second

// clientNode is a node inside this process that has no daemons and gives nobody a right: it submits. It
// reaches the others through relays, as they reach each other.
type clientNode struct {
	*peer.Peer
	name string
	id   crypto.NodeID
}

// newClientNode starts a client that knows where every node can be dialed. It tells them an address that
// nobody answers at: a node that has lost its session waits to be dialed, as behind a NAT.
func newClientNode(c *cluster, name string) (*clientNode, error) {
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		return nil, err
	}
	rights := make(map[crypto.NodeID]wire.Rights)
	for _, m := range c.members {
		rights[m.id] = 0 // may connect, may ask for nothing
	}
	p, err := peer.New(peer.Config{
		Key: key, Name: name, Listen: "127.0.0.1:0", Advertise: []string{"127.0.0.1:1"}, Authorize: peer.AllowOnly(rights),
		Transport: transport.Config{IdleTimeout: clientIdle},
	})
	if err != nil {
		return nil, err
	}
	n := &clientNode{Peer: p, name: name, id: key.ID()}
	for _, m := range c.members {
		addr, err := c.mesh.Addr(name, m.name)
		if err != nil {
			return n, err
		}
		p.Learn(m.id, addr)
	}
	return n, nil
}

// producer returns the client's producer under a label, for a daemon that was born at the first node.
func (n *clientNode) producer(c *cluster, d client.Daemon, label string) (*peer.Producer, error) {
	origin, err := strconv.ParseUint(d.Origin, 16, 64)
	if err != nil {
		return nil, fmt.Errorf("the origin %q of a daemon: %w", d.Origin, err)
	}
	return n.Producer(origin, peer.ProducerOptions{Label: label, Via: c.members[0].id}), nil
}

// close ends the client; what it has not been answered fails.
func (n *clientNode) close() error { return n.Peer.Close() }
