package node_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// crowd is a core with a peer, many daemons, and many migrations in both directions.
func crowd(b *testing.B, daemons, arriving int) *node.Core {
	b.Helper()
	seed := byte(0)
	c := node.New(node.Config{
		Node: crypto.NodeID{1}, Boot: 1, MaxIncoming: 1 << 20,
		NewKey: func() (*crypto.EntityKeypair, error) { seed++; return crypto.KeypairFromSeed([32]byte{seed}) },
		Admit:  func(*wire.Prepare) error { return nil },
		Source: source.Config{}, Target: target.MachineConfig{CreditEvents: 1000, CreditBytes: 1 << 20},
	})
	for i := range max(1, arriving/64+1) {
		id := node.SessionID(i + 1)
		c.Step(benchTime, node.SessionUp{Session: id, Peer: crypto.NodeID{2, byte(i), byte(i >> 8)}, Rights: wire.AllRights})
		step(c, id, &wire.Hello{Versions: versions, Boot: 1})
	}
	for i := range uint64(daemons) {
		c.Step(benchTime, node.Serve{Daemon: node.Daemon{Origin: i + 1, Epoch: 1}})
	}
	for i := range arriving {
		step(c, node.SessionID(i/64+1), arrival(i))
	}
	return c
}

var benchTime = time.Unix(1_700_000_000, 0)

var versions = []wire.VersionRange{{Subprotocol: 1, Min: 1, Max: 1}, {Subprotocol: 2, Min: 1, Max: 1}, {Subprotocol: 3, Min: 1, Max: 1}}

func arrival(i int) *wire.Prepare {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(i)+1)
	key, err := crypto.KeypairFromSeed(seed)
	if err != nil {
		panic(err)
	}
	entity := crypto.EntityID(key.Public())
	var id wire.MigrationID
	binary.BigEndian.PutUint64(id[:], uint64(i)+1)
	return &wire.Prepare{Ref: wire.Ref{Migration: id, Origin: crypto.OriginOf(entity), Epoch: 1}, Entity: entity, Orchestrator: crypto.NodeID{3}}
}

func framed(session node.SessionID, msg wire.Message) node.Frame {
	frame := wire.AppendFrame(nil, msg)
	h, err := wire.ParseHeader(frame)
	if err != nil {
		panic(err)
	}
	return node.Frame{Session: session, Header: h, Body: frame[len(frame)-h.Length:]}
}

func step(c *node.Core, session node.SessionID, msg wire.Message) node.Effects {
	return c.Step(benchTime, framed(session, msg))
}

// BenchmarkSubmit is a frame of 64 submissions on its way in, and its receipts on their way out.
func BenchmarkSubmit(b *testing.B) {
	for _, others := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("%d_others", others), func(b *testing.B) {
			c := crowd(b, others+1, others)
			msg := &wire.Submit{Origin: 1}
			for i := range uint64(wire.MaxBatch) {
				msg.Items = append(msg.Items, wire.Submission{Seq: i + 1, Payload: make([]byte, 128)})
			}
			f := framed(1, msg)
			b.ReportAllocs()
			for b.Loop() {
				for _, call := range c.Step(benchTime, f).Calls {
					c.Step(benchTime, node.Done{Call: call, Result: node.Applied{Err: wire.ErrFrozen}})
				}
			}
		})
	}
}

// BenchmarkBufferedEvents is a frame of 64 events for one of many migrations.
func BenchmarkBufferedEvents(b *testing.B) {
	for _, others := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("%d_others", others), func(b *testing.B) {
			c := crowd(b, others, others+1)
			msg := &wire.BufferedEvents{Ref: arrival(0).Ref}
			c.Step(benchTime, node.StreamOpened{Session: 1, Ref: msg.Ref, Stream: 1})
			for i := range uint64(wire.MaxBatch) {
				msg.Events = append(msg.Events, crypto.CausalEvent{
					Link: crypto.CausalLink{Origin: msg.Origin, Sequence: i + 1}, Kind: crypto.EventInput, Payload: make([]byte, 128),
				})
			}
			f := framed(1, msg)
			b.ReportAllocs()
			for b.Loop() {
				c.Step(benchTime, f)
			}
		})
	}
}

// BenchmarkPrepare is the beginning of one more migration.
func BenchmarkPrepare(b *testing.B) {
	for _, others := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("%d_others", others), func(b *testing.B) {
			c := crowd(b, 0, others)
			last := node.SessionID(others/64 + 1)
			prepare, failed := framed(last, arrival(1<<20)), framed(last, &wire.MigrationFailed{Ref: arrival(1 << 20).Ref, Reason: wire.ReasonCancelled})
			b.ReportAllocs()
			for b.Loop() {
				c.Step(benchTime, prepare)
				c.Step(benchTime, failed)
			}
		})
	}
}

// BenchmarkSessionChange is a session that ends and begins again, with many migrations that look if it is theirs.
func BenchmarkSessionChange(b *testing.B) {
	c := crowd(b, 10_000, 10_000)
	for b.Loop() {
		c.Step(benchTime, node.SessionDown{Session: 1})
		c.Step(benchTime, node.SessionUp{Session: 1, Peer: crypto.NodeID{2}, Rights: wire.AllRights})
		step(c, 1, &wire.Hello{Versions: versions, Boot: 1})
	}
}
