package sim

import (
	"encoding/binary"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// checkHeads: whoever is at one sequence has the same log and has computed the same outputs, dark copies included.
func (c *Cluster) checkHeads(origin uint64, j *chronicle) {
	for _, n := range c.nodes {
		host, ok := n.Host(origin)
		if !ok {
			continue
		}
		head := host.Head()
		switch first, ok := j.heads[head.Sequence]; {
		case !ok:
			j.heads[head.Sequence] = head
		case first != head:
			c.Failf("%s has another head of %s at %d than an earlier copy", n.Name, j.daemon.Name, head.Sequence)
		}
	}
}

// follows checks that an event is neither one that this copy has applied already nor one behind another that it
// has not.
func (t *tape) follows(ev daemon.Event) {
	j := t.l.c.logs[ev.Link.Origin]
	if len(t.entries) == 0 || j.wild {
		return
	}
	last := t.entries[len(t.entries)-1].sequence
	if ev.Link.Sequence <= last {
		t.l.c.Failf("a copy of %s applies %d after %d", j.daemon.Name, ev.Link.Sequence, last)
	}
	for seq := last + 1; seq < ev.Link.Sequence; seq++ { // handovers lie in between
		if _, ok := j.at[seq]; ok {
			t.l.c.Failf("a copy of %s applies %d without %d", j.daemon.Name, ev.Link.Sequence, seq)
		}
	}
}

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
