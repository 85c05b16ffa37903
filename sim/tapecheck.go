package sim

import (
	"encoding/binary"

	"github.com/ferrymesh/ferry/crypto"
)

// checkTape compares the state of the holder with everything that any copy ever saw.
func (c *Cluster) checkTape(j *chronicle, l *life, head uint64) {
	host, _ := l.registry.Host(j.daemon.Origin)
	b, err := host.Inspect(nil)
	if err != nil {
		c.Failf("inspect %s at %s: %v", j.daemon.Name, l.Name, err)
		return
	}
	n, last := 0, uint64(0)
	for ; len(b) > 0; b = b[entryLen:] {
		seq := binary.BigEndian.Uint64(b)
		var digest crypto.Digest
		copy(digest[:], b[48:])
		if j.at[seq] != digest {
			c.Failf("%s at %s has another event at %d", j.daemon.Name, l.Name, seq)
		}
		if seq <= last {
			c.Failf("%s at %s has %d behind %d", j.daemon.Name, l.Name, seq, last)
		}
		last = seq
		n++
	}
	if n != len(j.at) {
		c.Failf("%s at %s has %d events, %d were applied", j.daemon.Name, l.Name, n, len(j.at))
	}
	if want := uint64(n + len(j.moves)); head != want {
		c.Failf("the head of %s is at %d, with %d events and %d handovers", j.daemon.Name, head, n, len(j.moves))
	}
}
