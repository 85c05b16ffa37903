package node_test

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// TestComplaintIsNeverAnswered: a SessionError (protocol §3.2.2) about a migration of another daemon, from whoever takes part
// in it, is not answered in any role: the answer would be answered with the next.
func TestComplaintIsNeverAnswered(t *testing.T) {
	for name, begin := range map[string]func(c *node.Core) wire.Ref{
		"source": func(c *node.Core) wire.Ref {
			ref := wire.Ref{Migration: wire.MigrationID{5}, Origin: 7, Epoch: 1}
			c.Step(benchTime, node.Serve{Daemon: node.Daemon{Origin: ref.Origin, Epoch: 1}})
			step(c, 2, &wire.TakeSnapshot{Ref: ref, Target: crypto.NodeID{2}, Addrs: []string{"t:1"}})
			return ref
		},
		"target": func(c *node.Core) wire.Ref {
			step(c, 1, arrival(0))
			return arrival(0).Ref
		},
		"orchestrator": func(c *node.Core) wire.Ref {
			ref := wire.Ref{Migration: wire.MigrationID{5}, Origin: 7}
			c.Step(benchTime, node.Migrate{Migration: ref.Migration, Origin: ref.Origin, Source: crypto.NodeID{2}, Target: crypto.NodeID{3}})
			return ref
		},
		"source and orchestrator": func(c *node.Core) wire.Ref {
			ref := wire.Ref{Migration: wire.MigrationID{5}, Origin: 7}
			c.Step(benchTime, node.Serve{Daemon: node.Daemon{Origin: ref.Origin, Epoch: 1}})
			c.Step(benchTime, node.Migrate{Migration: ref.Migration, Origin: ref.Origin, Target: crypto.NodeID{2}})
			return ref
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := withPeers()
			ref := begin(c)
			if _, ok := c.Migration(ref.Migration); !ok {
				t.Fatal("there is no migration to complain about")
			}
			for _, session := range []node.SessionID{1, 2} {
				msg := &wire.SessionError{Subject: wire.TypeProgress, Origin: ref.Origin + 1, Migration: ref.Migration, Reason: wire.ReasonStaleEpoch}
				if n := len(step(c, session, msg).Sends); n != 0 {
					t.Errorf("a complaint over session %d is answered with %d frames", session, n)
				}
			}
			if m, _ := c.Migration(ref.Migration); name != "orchestrator" && m.Outcome != 0 {
				t.Errorf("a complaint about another daemon ends the migration: %v", m.Outcome)
			}
		})
	}
}

// withPeers is node 1, with sessions 1 with node 2 and 2 with node 3, which may do everything.
func withPeers() *node.Core { return peered(false) }

// withDirectory is withPeers with a directory.
func withDirectory() *node.Core { return peered(true) }

func peered(directory bool) *node.Core {
	c := node.New(node.Config{
		Node: crypto.NodeID{1}, Boot: 1, Directory: directory, Admit: func(*wire.Prepare) error { return nil },
		NewKey: func() (*crypto.EntityKeypair, error) { return crypto.KeypairFromSeed([32]byte{1}) },
	})
	for i := range node.SessionID(2) {
		c.Step(benchTime, node.SessionUp{Session: i + 1, Peer: crypto.NodeID{byte(i) + 2}, Rights: wire.AllRights})
		step(c, i+1, &wire.Hello{Versions: versions, Boot: 1})
	}
	return c
}
