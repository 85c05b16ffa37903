package relay

import (
	"errors"
	"net"
	"net/netip"
	"slices"
)

// flow is what a NAT would call a mapping: a sender, and the socket whose port the target takes for it.
type flow struct {
	client netip.AddrPort
	up     *net.UDPConn
	used   uint64 // the relay's clock when the sender was last heard
}

// listen passes on what senders send, until the socket is closed.
func (r *Relay) listen() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of one packet; the next may be fine
		}
		client := netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		r.lanes[Forward].take(slices.Clone(buf[:n]), func(data []byte) { r.toTarget(client, data) })
	}
}

// toTarget sends from the sender's own port. The mapping is looked up only now: a rebinding while the packet
// was on its way counts for it. UDP promises nothing, so a write that fails is a packet that is lost.
func (r *Relay) toTarget(client netip.AddrPort, data []byte) {
	r.mu.Lock()
	up, target := r.upstream(client), r.target
	r.mu.Unlock()
	if up != nil {
		_, _ = up.WriteToUDPAddrPort(data, target)
	}
}

// upstream returns the socket of a sender, a new one if it has none; nil if there is no target, or no socket
// to be had. r.mu is held.
func (r *Relay) upstream(client netip.AddrPort) *net.UDPConn {
	if r.closed || !r.target.IsValid() {
		return nil
	}
	r.clock++
	if f := r.flows[client]; f != nil {
		f.used = r.clock
		return f.up
	}
	if len(r.flows) >= r.maxFlows {
		r.forgetOldest()
	}
	f := &flow{client: client, used: r.clock}
	if !r.bind(f) {
		return nil
	}
	r.flows[client] = f
	return f.up
}

// bind gives a mapping a socket and reads from it. r.mu is held, and r is not closed.
func (r *Relay) bind(f *flow) bool {
	up, err := open(netip.AddrPortFrom(r.target.Addr(), 0))
	if err != nil {
		return false
	}
	f.up = up
	r.running.Go(func() { r.answers(up, f.client) })
	return true
}

// forgetOldest drops the mapping that has not been used for longest. r.mu is held.
func (r *Relay) forgetOldest() {
	var oldest *flow
	for _, f := range r.flows {
		if oldest == nil || f.used < oldest.used {
			oldest = f
		}
	}
	delete(r.flows, oldest.client)
	_ = oldest.up.Close() // nothing is buffered that could be lost with it
}

// answers passes on what the target sends to one mapping, until the socket is closed. What comes from
// elsewhere is none of the sender's business.
func (r *Relay) answers(up *net.UDPConn, client netip.AddrPort) {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := up.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !r.isTarget(from) {
			continue
		}
		r.lanes[Back].take(slices.Clone(buf[:n]), func(data []byte) {
			_, _ = r.front.WriteToUDPAddrPort(data, client) // as in toTarget
		})
	}
}

// isTarget compares without the form in which the system reports an IPv4 address.
func (r *Relay) isTarget(from netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) == r.target
}

// Rebind gives every sender a new source port towards the target, as a NAT does that has lost its table.
// Packets that the target sends to an old port are lost. It returns how many senders there were.
func (r *Relay) Rebind() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0
	}
	n := len(r.flows)
	for client, f := range r.flows {
		old := f.up
		// The new socket is opened while the old one still holds its port, so that the two differ.
		if !r.bind(f) {
			delete(r.flows, client)
		}
		_ = old.Close()
	}
	return n
}
