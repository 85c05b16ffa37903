package sim

import (
	"bytes"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/target"
)

// succeed is told of a holder or an epoch that was not there a step ago. An epoch has one holder for good; a
// new one begins with the very log that its predecessor closed, and so with everything that was acknowledged.
func (c *Cluster) succeed(j *chronicle, l *life, epoch uint64) {
	if n, ok := j.holders[epoch]; ok {
		if n != l.Node {
			c.Failf("%s and %s have both held %s in epoch %d", n.Name, l.Name, j.daemon.Name, epoch)
		}
		return
	}
	j.holders[epoch] = l.Node
	if epoch == 1 {
		return
	}
	host, _ := l.registry.Host(j.daemon.Origin)
	head := host.Head()
	var h crypto.Handover // its last, if there is one
	if list := host.Passport().Handovers; len(list) > 0 {
		h = list[len(list)-1]
	}
	if len(j.moves) == 0 || j.moves[len(j.moves)-1].head != h.Head || h.Head.Append(h.Event(), nil) != head {
		c.Failf("%s begins epoch %d of %s at %d, where no commit has ended the one before", l.Name, epoch, j.daemon.Name, head.Sequence)
		return
	}
	if j.acked > head.Sequence {
		c.Failf("%s begins epoch %d of %s at %d, and %d was acknowledged", l.Name, epoch, j.daemon.Name, head.Sequence, j.acked)
	}
	c.checkTape(j, l, head.Sequence)
}

// limitsEvery is how many steps pass between two looks at what a node holds.
const limitsEvery = 16

// checkLimits: what a node holds for others stays within what it was told, whatever they send (promise P6). The daemons of a
// hostile node count as well: an honest source keeps to the credits, and breaks no limit of any target.
func (c *Cluster) checkLimits(l *life) {
	limits := c.opt.Target
	if n := l.handler.ActiveCount(); limits.MaxActive > 0 && n > limits.MaxActive {
		c.Failf("%s has %d arrivals, %d are allowed", l.Name, n, limits.MaxActive)
	}
	for _, origin := range c.allOrigins() {
		events, size, ok := l.handler.Buffered(origin)
		if !ok {
			continue
		}
		if limits.MaxPendingEvents > 0 && events > limits.MaxPendingEvents+1 {
			c.Failf("%s holds %d events of %s, %d are allowed", l.Name, events, c.logs[origin].daemon.Name, limits.MaxPendingEvents)
		}
		if room := limits.MaxPendingBytes + max(maxStormPayload, int64(c.largest)); limits.MaxPendingBytes > 0 && size > room {
			c.Failf("%s holds %d bytes of %s, %d are allowed", l.Name, size, c.logs[origin].daemon.Name, room)
		}
	}
	if used := l.handler.BufferedBytes(); used > target.DefaultMaxBuffered {
		c.Failf("%s holds %d bytes for arrivals", l.Name, used)
	}
	for origin, q := range l.queues {
		if len(q.calls) > maxCalls {
			c.Failf("%s has %d calls in the queue of %x", l.Name, len(q.calls), origin)
		}
	}
}

// maxStormPayload bounds the one event beyond its limit that a target takes: the next one, unless a liar has said a larger one.
// maxCalls is far above what the work of a storm puts on a queue, and far below what would go unnoticed.
const (
	maxStormPayload = 1 << 10
	maxCalls        = 4096
)

// secretKey is a private key that some process has made, and its seed, for the search.
type secretKey struct {
	pair *crypto.EntityKeypair
	seed [32]byte
}

// newKey makes the key of an epoch, and remembers where it was made.
func (l *life) newKey() (*crypto.EntityKeypair, error) {
	pair, err := l.c.newKey()
	if err != nil {
		return nil, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, err
	}
	l.secrets = append(l.secrets, secretKey{pair, seed})
	l.c.seeds = append(l.c.seeds, seed)
	return pair, nil
}

// checkLeak: no private key leaves the process that made it (promise P7).
func (c *Cluster) checkLeak(l *life, data []byte) {
	for i := range c.seeds {
		if bytes.Contains(data, c.seeds[i][:]) {
			c.Failf("%s sends a private key", l.Name)
		}
	}
}

// checkKeys: at rest no process can sign for an epoch that is over.
func (c *Cluster) checkKeys() {
	for _, origin := range c.origins() {
		j := c.logs[origin]
		holders, epoch := c.holders(origin)
		if len(holders) == 0 {
			continue
		}
		host, _ := holders[0].registry.Host(origin)
		p := host.Passport()
		for old := uint64(1); old < epoch; old++ {
			if key, ok := p.KeyAt(old); ok {
				c.checkWiped(j, old, key)
			}
		}
	}
}

func (c *Cluster) checkWiped(j *chronicle, epoch uint64, key crypto.PublicKey) {
	for _, n := range c.nodes {
		if n.life == nil {
			continue
		}
		for _, s := range n.life.secrets {
			if s.pair.Public() == key && s.pair.CanSign() {
				c.Failf("%s can still sign for %s in epoch %d", n.Name, j.daemon.Name, epoch)
			}
		}
		if n.life.keepsSeed(j.daemon.Origin, key) {
			c.Failf("%s has the key of %s in epoch %d on its disk", n.Name, j.daemon.Name, epoch)
		}
	}
}

// keepsSeed reports whether what would come back from the disk can sign with a key.
func (l *life) keepsSeed(origin uint64, key crypto.PublicKey) bool {
	if l.journal == nil {
		return false
	}
	for _, copied := range l.journal.State().Copies {
		if copied.Origin != origin {
			continue
		}
		if pair, err := crypto.KeypairFromSeed(copied.Seed); err != nil || pair.Public() == key {
			return true
		}
	}
	return false
}
