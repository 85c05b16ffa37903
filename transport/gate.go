package transport

import (
	"context"
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"github.com/quic-go/quic-go"
)

// A gate decides about strangers before anything is known of them but an
// address that may be forged. Its memory is fixed.
//
// Each address prefix has a rate. Whoever exceeds it, or arrives while all
// prefixes together exceed theirs, is sent away once to prove the address
// (QUIC's Retry): that costs us one packet and no state. Handshakes under way
// and sessions are counted, and whoever exceeds those counts is refused.
type gate struct {
	seed     maphash.Seed
	prefixes [256]*rate.Limiter // by hash; sharing one only means proving sooner
	all      *rate.Limiter

	handshakes, sessions int // limits

	mu       sync.Mutex
	shaking  int // handshakes under way
	admitted int // connections, handshakes included
}

// errFull refuses a connection; quic-go answers CONNECTION_REFUSED.
var errFull = errors.New("transport: too many connections")

func newGate(cfg Config) *gate {
	g := &gate{
		seed:       maphash.MakeSeed(),
		all:        rate.NewLimiter(rate.Limit(4*cfg.HandshakeRate), 4*cfg.HandshakeRate),
		handshakes: cfg.Handshakes,
		sessions:   cfg.Sessions,
	}
	for i := range g.prefixes {
		g.prefixes[i] = rate.NewLimiter(rate.Limit(cfg.HandshakeRate), cfg.HandshakeRate)
	}
	return g
}

// mustProve implements quic.Transport.VerifySourceAddress.
func (g *gate) mustProve(addr net.Addr) bool {
	slot := maphash.Comparable(g.seed, prefixOf(addr)) % uint64(len(g.prefixes))
	// Both are asked, so that a prefix beyond its rate still counts for all.
	own, all := g.prefixes[slot].Allow(), g.all.Allow()
	return !own || !all
}

// prefixOf returns the network that one party is likely to control: /24 of
// IPv4, /48 of IPv6. An address of another form is one prefix of its own.
func prefixOf(addr net.Addr) netip.Prefix {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := udp.AddrPort().Addr().Unmap()
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// shaken is the key under which a connection's context carries the function
// that ends its handshake's count.
type shaken struct{}

// admit implements quic.Transport.ConnContext.
func (g *gate) admit(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shaking >= g.handshakes || g.admitted >= g.sessions {
		return nil, errFull
	}
	g.shaking++
	g.admitted++
	done := sync.OnceFunc(func() { g.leave(&g.shaking) })
	// quic-go ends the context with the connection, or with its handshake.
	context.AfterFunc(ctx, func() {
		done()
		g.leave(&g.admitted)
	})
	return context.WithValue(ctx, shaken{}, done), nil
}

// leave lowers one of the counts.
func (g *gate) leave(count *int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*count--
}

// handshakeDone says that the peer behind a connection has shown who it is and
// said hello, or was turned away.
func handshakeDone(ctx context.Context) {
	if done, ok := ctx.Value(shaken{}).(func()); ok {
		done()
	}
}
