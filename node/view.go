package node

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// This file is what the core shows: copies of its state for status pages and for the shell.

// Peer is a node as this one knows it.
type Peer struct {
	ID       crypto.NodeID
	Name     string
	Addrs    []string
	Sessions int
	Rights   wire.Rights // of its newest session
	Remote   string
	LastErr  error
}

// Peers lists the nodes this one knows, in the order of their ids.
func (c *Core) Peers() []Peer {
	list := make([]Peer, 0, len(c.peers))
	for _, p := range c.peers {
		v := Peer{ID: p.id, Name: p.name, Addrs: slices.Clone(p.addrs), Sessions: len(p.sessions), LastErr: p.lastErr}
		if n := len(p.sessions); n > 0 {
			v.Rights, v.Remote = p.sessions[n-1].rights, p.sessions[n-1].remote
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b Peer) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return list
}

// DaemonView is a daemon as this node knows it: one that serves here, one that its journal has and that is not
// back yet, or the tombstone of one that left.
type DaemonView struct {
	Daemon
	Moving    bool               // on its way to another node
	Migration wire.MigrationID   // while it moves
	Holder    crypto.NodeID      // this node, or where it went
	Left      bool               // a tombstone
	Expires   time.Time          // of a tombstone
	Handover  crypto.CausalEvent // of a tombstone
	Dormant   bool               // in the journal, and not brought back yet
	Damage    error              // why a dormant one cannot be
}

// Daemons lists the daemons and tombstones of this node in the order of their origins.
func (c *Core) Daemons() []DaemonView {
	origins := slices.Collect(maps.Keys(c.daemons))
	origins = slices.AppendSeq(origins, maps.Keys(c.dormant))
	origins = slices.AppendSeq(origins, maps.Keys(c.tombstones))
	slices.Sort(origins)
	list := make([]DaemonView, 0, len(origins))
	for _, origin := range slices.Compact(origins) {
		v, _ := c.Daemon(origin)
		list = append(list, v)
	}
	return list
}

// Daemon describes one daemon or tombstone; false if this node knows of none.
func (c *Core) Daemon(origin uint64) (DaemonView, bool) {
	if d := c.daemons[origin]; d != nil {
		v := DaemonView{Daemon: d.Daemon, Holder: c.cfg.Node}
		if d.source != nil {
			v.Moving, v.Migration = true, d.source.m.Ref().Migration
		}
		return v, true
	}
	if d := c.dormant[origin]; d != nil {
		return DaemonView{
			Daemon:  Daemon{Entity: d.Entity, Origin: d.Origin, Kind: d.Kind, Name: d.Name, Durability: d.Durability},
			Dormant: true, Damage: d.Err,
		}, true
	}
	if t := c.tombstones[origin]; t != nil {
		return DaemonView{
			Daemon: Daemon{Entity: t.entity, Origin: origin, Kind: t.kind, Name: t.name, Epoch: t.epoch},
			Holder: t.node, Left: true, Expires: t.expires, Handover: t.handover,
		}, true
	}
	return DaemonView{}, false
}

// Named lists the daemons and tombstones that have a name, in no order. It looks at every name and at nothing else.
func (c *Core) Named(name string) (list []DaemonView) {
	add := func(origin uint64, has string) {
		if has == name {
			v, _ := c.Daemon(origin)
			list = append(list, v)
		}
	}
	for origin, d := range c.daemons {
		add(origin, d.Name)
	}
	for origin, d := range c.dormant {
		add(origin, d.Name)
	}
	for origin, t := range c.tombstones {
		if c.daemons[origin] == nil && c.dormant[origin] == nil {
			add(origin, t.name)
		}
	}
	return list
}

// Serving returns how many daemons are here, those included that the journal has and that are not back yet.
func (c *Core) Serving() int { return len(c.daemons) + len(c.dormant) }

// Counters returns what the node has counted since it started.
func (c *Core) Counters() Counters { return c.stats }
