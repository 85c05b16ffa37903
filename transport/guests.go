package transport

import (
	"sync"
	"sync/atomic"

	"github.com/ferrymesh/ferry/crypto"
)

// guests keeps one account per peer, over all its sessions, so that opening
// more of them buys a peer nothing.
type guests struct {
	perNode  int   // sessions one node may open to us
	assembly int64 // bytes of half-sent frames per node

	mu     sync.Mutex
	byNode map[crypto.NodeID]*guest
}

// A guest is the account of one peer. It exists while the peer has a session.
type guest struct {
	limit int64
	held  atomic.Int64 // declared bytes of frames that are arriving

	sessions int // guarded by guests.mu
	inbound  int // of these, the ones the peer opened; guarded by guests.mu
}

func newGuests(cfg Config) *guests {
	return &guests{
		perNode:  cfg.SessionsPerNode,
		assembly: int64(cfg.AssemblyBytes),
		byNode:   make(map[crypto.NodeID]*guest),
	}
}

// enter admits one more session of a node, or returns nil. Sessions that we
// opened count for nothing but memory.
func (g *guests) enter(node crypto.NodeID, inbound bool) *guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	account := g.byNode[node]
	if account == nil {
		account = &guest{limit: g.assembly}
		g.byNode[node] = account
	}
	if inbound {
		if account.inbound >= g.perNode {
			return nil
		}
		account.inbound++
	}
	account.sessions++
	return account
}

// leave ends what enter began. The account goes with its last session.
func (g *guests) leave(node crypto.NodeID, inbound bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	account := g.byNode[node]
	if inbound {
		account.inbound--
	}
	account.sessions--
	if account.sessions == 0 {
		delete(g.byNode, node)
	}
}

// charge adds n bytes, which may be negative, to what the peer makes us hold.
// It reports false, and charges nothing, where that would exceed the limit.
func (a *guest) charge(n int) bool {
	// Streams of several sessions charge at once: add first, then look.
	if a.held.Add(int64(n)) > a.limit && n > 0 {
		a.held.Add(-int64(n))
		return false
	}
	return true
}
