package transport

import (
	"context"
	"fmt"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// A Hub is a network within one process, for tests and demonstrations. The
// Networks it gives out behave as those of ListenQUIC do, sessions, queues,
// limits and refusals included, because they share all of that code; the Hub
// replaces the socket, the cryptography and the time that packets take.
// Identities are those of the configured keys, taken on trust. The limits on
// handshakes and windows have no meaning here.
type Hub struct {
	mu    sync.Mutex
	last  int // for made-up addresses
	nodes map[string]*hubNode
	cut   map[link]bool // both directions of a cut pair
	hooks map[link]Hook
	conns map[*hubConn]link
}

// A Hook sees each frame that goes over one link in one direction, right before
// it is delivered; chunks of snapshots included, events as the frames that
// carry them. Blocking holds the stream up. An error breaks the session, and
// the frame is lost with it. body must not be kept.
type Hook func(ch wire.Channel, h wire.Header, body []byte) error

// link is one direction between two nodes.
type link struct{ from, to crypto.NodeID }

func (l link) back() link { return link{l.to, l.from} }

// hubNode is the carrier of one node.
type hubNode struct {
	hub  *Hub
	n    *network
	addr string
}

// NewHub returns a Hub without nodes.
func NewHub() *Hub {
	return &Hub{
		nodes: make(map[string]*hubNode),
		cut:   make(map[link]bool),
		hooks: make(map[link]Hook),
		conns: make(map[*hubConn]link),
	}
}

// Listen attaches a node under cfg.Listen, or under an address of the Hub's
// choice. A taken address fails.
func (h *Hub) Listen(cfg Config, r Receiver) (Network, error) {
	n, err := newNetwork(cfg, r)
	if err != nil {
		return nil, err
	}
	self := n.cfg.Key.ID()
	n.tap = func(from crypto.NodeID, ch wire.Channel, header wire.Header, body []byte) error {
		return h.inspect(link{from, self}, ch, header, body)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	node := &hubNode{hub: h, n: n, addr: cfg.Listen}
	if node.addr == "" || node.addr == ":0" {
		h.last++
		node.addr = fmt.Sprintf("hub:%d", h.last)
	}
	if h.nodes[node.addr] != nil {
		return nil, fmt.Errorf("transport: listen on %s: address is taken", node.addr)
	}
	h.nodes[node.addr] = node
	n.carrier = node
	return n, nil
}

// Cut breaks every session between a and b, as a network does that no longer
// carries packets, and keeps them from dialing each other until Heal.
func (h *Hub) Cut(a, b crypto.NodeID) {
	pair := link{a, b}
	h.mu.Lock()
	h.cut[pair], h.cut[pair.back()] = true, true
	var broken []*hubConn
	for c, l := range h.conns {
		if l == pair || l == pair.back() {
			broken = append(broken, c)
		}
	}
	h.mu.Unlock()
	for _, c := range broken {
		c.end([2]error{ErrTimeout, ErrTimeout})
	}
}

// Heal undoes Cut. Sessions have to be dialed again.
func (h *Hub) Heal(a, b crypto.NodeID) {
	pair := link{a, b}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.cut, pair)
	delete(h.cut, pair.back())
}

// Hook installs the hook of the link from one node to another, in that
// direction only; nil removes it. Frames already inside the old hook stay
// there.
func (h *Hub) Hook(from, to crypto.NodeID, hook Hook) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks[link{from, to}] = hook
}

// inspect runs the hook of a link, if there is one, outside the lock.
func (h *Hub) inspect(l link, ch wire.Channel, header wire.Header, body []byte) error {
	h.mu.Lock()
	hook := h.hooks[l]
	h.mu.Unlock()
	if hook == nil {
		return nil
	}
	if err := hook(ch, header, body); err != nil {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return nil
}

// dial implements carrier.
func (d *hubNode) dial(ctx context.Context, addr string, want crypto.NodeID) (mux, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, target, err := d.hub.connect(d, addr, want)
	if err != nil {
		return nil, err
	}
	done, ok := target.n.enter()
	if !ok {
		c.end([2]error{ErrUnreachable, ErrUnreachable})
		return nil, ErrUnreachable
	}
	go func() {
		defer done()
		target.n.serve(c.ends[1])
	}()
	return c.ends[0], nil
}

// connect makes a connection to the node at an address. It is one step with the
// look at the cuts, so that no connection slips past a Cut.
func (h *Hub) connect(from *hubNode, addr string, want crypto.NodeID) (*hubConn, *hubNode, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	target := h.nodes[addr]
	if target == nil {
		return nil, nil, ErrUnreachable
	}
	pair := link{from.n.cfg.Key.ID(), target.n.cfg.Key.ID()}
	if h.cut[pair] {
		return nil, nil, ErrUnreachable
	}
	if pair.to != want {
		return nil, nil, &WrongNodeError{Want: want, Got: pair.to}
	}
	c := newHubConn(from, target, 2*target.n.cfg.Transfers)
	h.conns[c] = pair
	c.gone = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.conns, c)
	}
	return c, target, nil
}

// addrs implements carrier.
func (d *hubNode) addrs() []string { return []string{d.addr} }

// close implements carrier.
func (d *hubNode) close() error {
	d.hub.mu.Lock()
	defer d.hub.mu.Unlock()
	delete(d.hub.nodes, d.addr)
	return nil
}
