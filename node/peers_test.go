package node_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// visitor is a session as the core sees it.
type visitor struct {
	c  *node.Core
	at time.Time
	id node.SessionID
}

// visit begins a session with a greeting.
func visit(c *node.Core, at time.Time, id node.SessionID, peer crypto.NodeID) visitor {
	v := visitor{c, at, id}
	c.Step(at, node.SessionUp{Session: id, Peer: peer, Rights: wire.AllRights})
	v.say(&wire.Hello{Versions: subproto.Supported(), Boot: 1})
	return v
}

func (v visitor) say(m wire.Message) node.Effects {
	frame := wire.AppendFrame(nil, m)
	h, body, _, err := wire.SplitFrame(frame)
	if err != nil {
		panic(err)
	}
	return v.c.Step(v.at, node.Frame{Session: v.id, Header: h, Body: body})
}

// Targets that an orchestrator has invented are dialed a few at a time, make room for each other in the table of
// peers, and do not keep a newcomer from being served. What the operator has said stays.
func TestInventedTargetsMakeRoom(t *testing.T) {
	const targets, most, dials = 10_000, 4_096, 256
	now := time.Unix(1_700_000_000, 0)
	c := node.New(node.Config{Node: ids[0], Boot: 1})
	c.Step(now, node.Learn{Peer: ids[1], Addrs: []string{"kept:1"}})
	c.Step(now, node.Serve{Daemon: node.Daemon{Entity: genesis.Entity, Origin: genesis.Head().Origin, Kind: "model", Epoch: 1}})
	hostile := visit(c, now, 1, ids[2])
	dialed := 0
	for n := range uint64(targets) {
		var target crypto.NodeID
		binary.BigEndian.PutUint64(target[:], n+1)
		ref := wire.Ref{Migration: wire.MigrationID(target[:16]), Origin: genesis.Head().Origin, Epoch: 1}
		dialed += len(hostile.say(&wire.TakeSnapshot{Ref: ref, Target: target, Addrs: []string{"nowhere:1"}}).Dials)
		hostile.say(&wire.Cancel{Ref: ref})
	}
	if dialed != dials {
		t.Errorf("%d targets are being dialed, want %d", dialed, dials)
	}
	kept := false
	for _, p := range c.Peers() {
		kept = kept || p.ID == ids[1] && len(p.Addrs) == 1
	}
	if n := len(c.Peers()); n > most || !kept {
		t.Errorf("%d peers are known; the one that the operator named: %v", n, kept)
	}
	newcomer := visit(c, now, 2, crypto.NodeID{'n'})
	if calls := newcomer.say(&wire.Open{Origin: genesis.Head().Origin}).Calls; len(calls) != 1 {
		t.Errorf("a newcomer's Open led to %+v", calls)
	}
	c.Step(now, node.SessionDown{Session: 2, Err: wire.ErrUnreachable})
}
