package crashdisk

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Crash ends the process that has the disk open and leaves what the mode says; a full disk and failing syncs
// are over too. Open files and the lock of the process are dead from then on.
func (d *Disk) Crash(rng *rand.Rand, mode Mode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boot++
	d.locked, d.full, d.broken, d.writes = false, false, false, -1
	if mode != Kill {
		d.forget(rng, mode)
	}
	// What is there now is what is read. It is not durable because of that: until it is synced, the next crash
	// may take away what this one has left.
	if mode == Kill {
		return
	}
	d.names = maps.Clone(d.durable)
	d.ops = nil
}

// forget decides what has become durable by itself.
func (d *Disk) forget(rng *rand.Rand, mode Mode) {
	nodes := d.nodes()
	for _, n := range nodes {
		if mode == Tear {
			n.tear(rng)
		}
		n.data, n.pending, n.stuck = slices.Clone(n.durable), nil, nil
	}
	if mode != Tear {
		return
	}
	// Folders are journaled by file systems: changes reach the disk in order, and any number of the last is lost.
	// Now and then one gets ahead of the others.
	keep := rng.IntN(len(d.ops) + 1)
	for i, o := range d.ops {
		if i < keep || rng.IntN(8) == 0 {
			o.apply(d.durable)
		}
	}
}

// tear lets some of the writes since the last sync that succeeded have reached the disk, some of them in part.
func (n *node) tear(rng *rand.Rand) {
	for _, w := range append(n.stuck, n.pending...) {
		switch rng.IntN(4) {
		case 0: // lost
		case 1:
			n.durable = w.apply(n.durable)
		case 2: // up to some byte
			if w.data != nil {
				n.durable = write{w.off, w.data[:rng.IntN(len(w.data)+1)]}.apply(n.durable)
			}
		case 3: // without some bytes in the middle
			n.durable = w.holes(rng, n.durable)
		}
	}
}

// holes writes some sectors of a write and not others.
func (w write) holes(rng *rand.Rand, b []byte) []byte {
	const sector = 512
	for at := 0; at < len(w.data); {
		end := min(at+sector-int(w.off+int64(at))%sector, len(w.data))
		if rng.IntN(2) == 0 {
			b = write{w.off + int64(at), w.data[at:end]}.apply(b)
		}
		at = end
	}
	return b
}

// nodes returns every file there is, was or may be, in an order that does not depend on maps.
func (d *Disk) nodes() []*node {
	var list []*node
	add := func(n *node) {
		if n != nil && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	for _, names := range []map[string]*node{d.names, d.durable} {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			add(names[name])
		}
	}
	for _, o := range d.ops {
		add(o.n)
	}
	return list
}
