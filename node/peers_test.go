package node_test

import (
	"encoding/binary"
	"slices"
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
	v.say(&wire.Hello{Versions: subproto.Supported(false), Boot: 1})
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

// A dial that was under way as better addresses were learned decides nothing: a move asked for in between goes on with these,
// and is told that its source cannot be reached only when they have failed too.
func TestAddressLearnedDuringDialIsTried(t *testing.T) {
	for name, before := range map[string][]string{"none was known": nil, "another was known": {"old:1"}} {
		t.Run(name, func(t *testing.T) {
			now, id := time.Unix(1_700_000_000, 0), wire.MigrationID{1}
			c := node.New(node.Config{Node: ids[0], Boot: 1})
			c.Step(now, node.Learn{Peer: ids[1], Addrs: before})
			first := c.Step(now, node.Migrate{Migration: wire.MigrationID{2}, Origin: 7, Source: ids[1], Target: ids[2]})
			wantDial(t, first, ids[1], before...)
			c.Step(now, node.Learn{Peer: ids[1], Addrs: []string{"new:1"}})
			c.Step(now, node.Migrate{Migration: id, Origin: 7, Source: ids[1], Target: ids[2]})
			wantDial(t, c.Step(now, node.DialFailed{Peer: ids[1], Err: wire.ErrUnreachable}), ids[1], "new:1")
			if m, _ := c.Migration(id); m.Outcome != 0 {
				t.Fatalf("the move has ended %v: %v, %s", m.Outcome, m.Reason, m.Detail)
			}
			last := c.Step(now, node.DialFailed{Peer: ids[1], Err: wire.ErrUnreachable})
			if m, _ := c.Migration(id); len(last.Dials) > 0 || m.Outcome != wire.OutcomeStayed || m.Reason != wire.ReasonUnreachable {
				t.Errorf("with every address tried: %d dials, the move has ended %v, %v", len(last.Dials), m.Outcome, m.Reason)
			}
		})
	}
}

// A peer that comes back from somewhere else says so in its next greeting: it is dialed there from then on, and not where it was
// before or where others have seen it. Addresses that the operator gave stay.
func TestGreetingRenewsAddresses(t *testing.T) {
	for name, c := range map[string]struct{ given, hearsay, want []string }{
		"of an earlier greeting": {want: []string{"new:1"}},
		"of others":              {hearsay: []string{"hearsay:1"}, want: []string{"new:1"}},
		"of the operator":        {given: []string{"given:1"}, want: []string{"given:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_700_000_000, 0)
			core := node.New(node.Config{Node: ids[0], Boot: 1})
			core.Step(now, node.Learn{Peer: ids[1], Addrs: c.given})
			core.Step(now, node.Serve{Daemon: node.Daemon{Entity: genesis.Entity, Origin: genesis.Head().Origin, Kind: "model", Epoch: 1}})
			core.Step(now, node.Migrate{Migration: wire.MigrationID{1}, Origin: genesis.Head().Origin, Target: ids[1], Addrs: c.hearsay})
			core.Step(now, node.CancelMigration{Migration: wire.MigrationID{1}})
			for n, at := range []string{"old:1", "new:1"} {
				id := node.SessionID(n + 1)
				core.Step(now, node.SessionUp{Session: id, Peer: ids[1], Rights: wire.AllRights})
				visitor{core, now, id}.say(&wire.Hello{Versions: subproto.Supported(false), Boot: uint64(n + 1), Addrs: []string{at}})
				core.Step(now, node.SessionDown{Session: id, Err: wire.ErrUnreachable})
			}
			again := core.Step(now, node.Migrate{Migration: wire.MigrationID{2}, Origin: 7, Source: ids[1], Target: ids[2]})
			wantDial(t, again, ids[1], c.want...)
		})
	}
}

func wantDial(t *testing.T, out node.Effects, peer crypto.NodeID, addrs ...string) {
	t.Helper()
	if len(out.Dials) != 1 || out.Dials[0].Peer != peer || !slices.Equal(out.Dials[0].Addrs, addrs) {
		t.Fatalf("dials %+v, want one of %q", out.Dials, addrs)
	}
}
