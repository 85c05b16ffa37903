package transport

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/ferrymesh/ferry/wire"
)

// interfaceIPs lists the addresses of this machine; none if it cannot tell.
func interfaceIPs() []netip.Addr {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var ips []netip.Addr
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			ips = append(ips, prefix.Addr().Unmap())
		}
	}
	return ips
}

// reachable turns the addresses of a machine into what a peer may dial, as many
// as a message can list: those that work from elsewhere, and loopback only if
// there is nothing better.
func reachable(ips []netip.Addr, port int) []string {
	var far, near []string
	for _, ip := range ips {
		hostPort := net.JoinHostPort(ip.String(), strconv.Itoa(port))
		switch {
		case ip.IsLoopback():
			near = append(near, hostPort)
		case ip.IsGlobalUnicast():
			far = append(far, hostPort)
		}
	}
	if len(far) == 0 {
		far = near
	}
	return far[:min(len(far), wire.MaxAddrs)]
}
