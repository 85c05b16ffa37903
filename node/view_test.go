package node_test

import (
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
)

// TestDaemonViews: what is asked for one by one is what the list has, in the order of origins.
func TestDaemonViews(t *testing.T) {
	c := node.New(node.Config{Node: crypto.NodeID{1}, Boot: 1})
	for _, origin := range []uint64{9, 3, 7} {
		name := "even"
		if origin == 7 {
			name = "odd"
		}
		c.Step(benchTime, node.Serve{Daemon: node.Daemon{Origin: origin, Epoch: 1, Name: name}})
	}
	var origins []uint64
	for _, v := range c.Daemons() {
		origins = append(origins, v.Origin)
		if one, ok := c.Daemon(v.Origin); !ok || one.Name != v.Name || one.Holder != (crypto.NodeID{1}) {
			t.Errorf("daemon %d by itself is %+v, in the list %+v", v.Origin, one, v)
		}
	}
	if !slices.Equal(origins, []uint64{3, 7, 9}) || c.Serving() != len(origins) {
		t.Errorf("the list has %d, and %d serve", origins, c.Serving())
	}
	if _, ok := c.Daemon(8); ok {
		t.Error("a daemon that is not there is described")
	}
	for name, want := range map[string]int{"even": 2, "odd": 1, "": 0} {
		if got := len(c.Named(name)); got != want {
			t.Errorf("%d daemons are named %q, want %d", got, name, want)
		}
	}
}
