package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// A Direction is one of the two ways through a relay.
type Direction int

// The directions, as whoever dials sees them.
const (
	Forward Direction = iota // from those who send to the relay, to the target
	Back                     // from the target
)

// Defaults of Config.
const (
	DefaultMaxQueue = 4 << 20
	DefaultMaxFlows = 64
)

// maxPacket is the largest payload of UDP.
const maxPacket = 65_535

// Config describes a relay. The zero value listens on a free port of 127.0.0.1 and has no target yet.
type Config struct {
	// Listen is a loopback address and port, "127.0.0.1:0" if empty.
	Listen string
	// Target is where packets go, a loopback address; without one they are dropped. See SetTarget.
	Target string
	// Seed decides what happens to packets.
	Seed uint64
	// MaxQueue is how many bytes each direction holds; 0 means DefaultMaxQueue.
	MaxQueue int
	// MaxFlows is how many senders are told apart at a time; 0 means DefaultMaxFlows.
	MaxFlows int
}

// A Relay passes packets on between those who send to its address and its target. All methods are safe for
// concurrent use.
type Relay struct {
	front   *net.UDPConn
	lanes   [2]*pump
	done    chan struct{}
	running sync.WaitGroup

	mu       sync.Mutex // guards what is below
	target   netip.AddrPort
	flows    map[netip.AddrPort]*flow
	maxFlows int
	clock    uint64 // counts packets, so that the flow unused for longest is known
	closed   bool
}

// New opens a relay. Close releases its sockets and ends its goroutines.
func New(cfg Config) (*Relay, error) {
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.MaxQueue == 0 {
		cfg.MaxQueue = DefaultMaxQueue
	}
	if cfg.MaxFlows == 0 {
		cfg.MaxFlows = DefaultMaxFlows
	}
	listen, err := loopback(cfg.Listen)
	if err != nil {
		return nil, err
	}
	r := &Relay{done: make(chan struct{}), flows: make(map[netip.AddrPort]*flow), maxFlows: cfg.MaxFlows}
	if cfg.Target != "" {
		if err := r.SetTarget(cfg.Target); err != nil {
			return nil, err
		}
	}
	if r.front, err = open(listen); err != nil {
		return nil, err
	}
	for d := range r.lanes {
		r.lanes[d] = newPump(newLane(cfg.Seed, uint64(d), cfg.MaxQueue))
		r.running.Go(func() { r.lanes[d].run(r.done) })
	}
	r.running.Go(r.listen)
	return r, nil
}

// loopback reads an address and refuses those that could reach another machine.
func loopback(text string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return addr, fmt.Errorf("relay: %q is no IP address and port: %w", text, err)
	}
	if !addr.Addr().Unmap().IsLoopback() {
		return addr, fmt.Errorf("relay: %s is not a loopback address: relays damage traffic, and stay on one machine", addr)
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}

// open binds a socket with buffers for bursts, as large as the system allows.
func open(at netip.AddrPort) (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	if err := errors.Join(c.SetReadBuffer(1<<20), c.SetWriteBuffer(1<<20)); err != nil {
		return nil, errors.Join(fmt.Errorf("relay: %w", err), c.Close())
	}
	return c, nil
}

// Addr returns the address to dial instead of the target's.
func (r *Relay) Addr() string { return r.front.LocalAddr().String() }

// SetTarget changes where packets go from now on, which may be before there is anybody.
func (r *Relay) SetTarget(addr string) error {
	target, err := loopback(addr)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
	return nil
}

// Set changes the rules of one direction for the packets that come; a Cut also drops those on their way.
func (r *Relay) Set(d Direction, rules Rules) error {
	if err := rules.Check(); err != nil {
		return err
	}
	r.lanes[d].set(rules)
	return nil
}

// Rules returns the rules of one direction.
func (r *Relay) Rules(d Direction) Rules { return r.lanes[d].rules() }

// Stats returns the counts of one direction since New.
func (r *Relay) Stats(d Direction) Stats { return r.lanes[d].stats() }

// Close drops what is on its way and waits for the relay's goroutines. A second call does nothing.
func (r *Relay) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	close(r.done)
	err := r.front.Close()
	for _, f := range r.flows {
		err = errors.Join(err, f.up.Close())
	}
	r.mu.Unlock()
	r.running.Wait()
	return err
}
