package peer

import (
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// maxDeparted is how many daemons that left are remembered for their passports. A passport of ten moves
// takes about 4 KiB; the oldest is forgotten first.
const maxDeparted = 4_096

// departed remembers the hosts of daemons that this node has handed over. A host that has retired has
// dropped its daemon, its tables and its key, and still answers for its passport.
type departed struct {
	mu    sync.Mutex
	hosts map[uint64]*daemon.Host
	order []uint64 // origins, oldest first, each once
}

// note keeps a host whose handover is being committed. If the commit fails the host is still registered,
// and Passport prefers that one.
func (d *departed) note(h *daemon.Host) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hosts == nil {
		d.hosts = make(map[uint64]*daemon.Host)
	}
	if _, again := d.hosts[h.Origin()]; !again {
		d.order = append(d.order, h.Origin())
	}
	d.hosts[h.Origin()] = h
	if len(d.order) > maxDeparted {
		delete(d.hosts, d.order[0])
		d.order = d.order[1:]
	}
}

func (d *departed) host(origin uint64) *daemon.Host {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hosts[origin]
}

// Passport returns the passport of a daemon that is at this node, or that left it since the node was
// started: then it ends with the handover by which it left. The error is wire.ErrDaemonNotFound for one
// that this node never had or has forgotten.
func (p *Peer) Passport(origin uint64) (crypto.Passport, error) {
	if h, ok := p.registry.Host(origin); ok {
		return h.Passport(), nil
	}
	if h := p.departed.host(origin); h != nil {
		return h.Passport(), nil
	}
	return crypto.Passport{}, wire.ErrDaemonNotFound
}
