package admin

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
)

// names are what the operator calls other nodes.
type names struct {
	mu sync.Mutex
	m  map[crypto.NodeID]string
}

// learn adds names; an empty one takes none away.
func (n *names) learn(given map[crypto.NodeID]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil {
		n.m = make(map[crypto.NodeID]string)
	}
	for id, name := range given {
		if name != "" {
			n.m[id] = name
		}
	}
}

// all returns a copy, so that nobody reads the map while another request adds to it.
func (n *names) all() map[crypto.NodeID]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.m)
}

// book is every node that is known at one moment, with what it is called.
//
// A name that the operator gave, with --peer or in the file of authorized peers, goes before the one that a
// node announces of itself: nobody can attract daemons by taking the name of another node.
type book struct {
	self  crypto.NodeID
	nodes map[crypto.NodeID]client.Node
	given map[crypto.NodeID]bool // the name is the operator's
	peers []node.Peer
	names map[uint64]string // of daemons that are or were here, by origin: those that somebody wants to name
}

// book is made anew for each request. It takes microseconds for hundreds of nodes, and a cache would have to
// learn of sessions, files and flags that change without telling.
func (s *Server) book(ctx context.Context) (*book, error) {
	peers, err := s.cfg.Peer.Peers(ctx)
	if err != nil {
		return nil, err
	}
	b := &book{self: s.cfg.Peer.ID(), peers: peers, nodes: make(map[crypto.NodeID]client.Node), given: make(map[crypto.NodeID]bool), names: make(map[uint64]string)}
	for _, p := range peers {
		b.nodes[p.ID] = nodeOf(p.ID, p.Name)
	}
	if s.cfg.Peers != nil {
		for _, p := range s.cfg.Peers.Peers() {
			b.call(p.Node, p.Name)
		}
	}
	for id, name := range s.names.all() {
		b.call(id, name)
	}
	b.call(b.self, s.cfg.Peer.Name())
	return b, nil
}

// bookFor is the book with the name of the daemon of one migration.
func (s *Server) bookFor(ctx context.Context, m node.Migration) (*book, error) {
	b, err := s.book(ctx)
	if err == nil && m.Name == "" {
		if d, err := s.cfg.Peer.Daemon(ctx, m.Origin); err == nil { // else it never was here, and has no name
			b.names[m.Origin] = d.Name
		}
	}
	return b, err
}

// addDaemons notes the names of daemons: a migration that was asked for here may be of one that is elsewhere.
func (s *Server) addDaemons(ctx context.Context, b *book) error {
	daemons, err := s.cfg.Peer.Daemons(ctx)
	for _, d := range daemons {
		b.names[d.Origin] = d.Name
	}
	return err
}

// call gives a node the name that the operator has for it, if there is one.
func (b *book) call(id crypto.NodeID, name string) {
	if _, known := b.nodes[id]; !known || name != "" {
		b.nodes[id] = nodeOf(id, name)
		b.given[id] = name != ""
	}
}

// nodeOf is a node with a name, which may be empty.
func nodeOf(id crypto.NodeID, name string) client.Node {
	return client.Node{ID: id.Hex(), Fingerprint: id.String(), Name: name}
}

// node describes a node; an empty one for no node.
func (b *book) node(id crypto.NodeID) client.Node {
	if id.IsZero() {
		return client.Node{}
	}
	if n, ok := b.nodes[id]; ok {
		return n
	}
	return nodeOf(id, "")
}

// find returns the node that an argument means. A key in full, or a fingerprint of a known one, need not
// have a name; a key in full need not even be known.
func (b *book) find(arg string) (crypto.NodeID, error) {
	if id, err := parseKey(arg); err == nil {
		return id, nil
	}
	return choose("node", arg, b.choices())
}

// findInFull is find for a request that changes something.
func (b *book) findInFull(arg string) (crypto.NodeID, error) {
	if id, err := parseKey(arg); err == nil {
		return id, nil
	}
	return chooseInFull("node", arg, b.choices())
}

// choices are all nodes, in an order that does not change.
func (b *book) choices() []choice[crypto.NodeID] {
	choices := make([]choice[crypto.NodeID], 0, len(b.nodes))
	for id, n := range b.nodes {
		bare := strings.TrimPrefix(n.Fingerprint, fingerprintPrefix)
		choices = append(choices, choice[crypto.NodeID]{
			value: id, name: n.Name, ids: []string{n.Fingerprint, bare, n.ID}, lesser: !b.given[id],
		})
	}
	slices.SortFunc(choices, func(x, y choice[crypto.NodeID]) int {
		return cmp.Or(cmp.Compare(x.name, y.name), bytes.Compare(x.value[:], y.value[:]))
	})
	return choices
}

// parseKey reads a node's key: the text of a public key file, a line of authorized peers, or hex.
func parseKey(text string) (crypto.NodeID, error) {
	text = strings.TrimSpace(text)
	if id, err := crypto.ParseNodeID(text); err == nil {
		return id, nil
	}
	id, _, _, err := crypto.ParseAuthorizedLine(text)
	return id, err
}
