package attack

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// inventions make a message about a daemon that nobody has, of each type that a peer can send unasked.
var inventions = []func(crypto.EntityID, wire.Ref) wire.Message{
	func(_ crypto.EntityID, ref wire.Ref) wire.Message {
		return &wire.Submit{Origin: ref.Origin, Items: inventedItems}
	},
	func(_ crypto.EntityID, ref wire.Ref) wire.Message { return &wire.Open{Origin: ref.Origin, Label: "x"} },
	func(entity crypto.EntityID, ref wire.Ref) wire.Message {
		for entity[31] = 0; crypto.CheckPublicKey(entity) != nil; entity[31]++ { // every other number is a key
		}
		ref.Origin = crypto.OriginOf(entity)
		return &wire.Prepare{Ref: ref, Entity: entity, Kind: "no such kind"}
	},
	func(_ crypto.EntityID, ref wire.Ref) wire.Message {
		return &wire.Forward{Ref: ref, Items: inventedItems}
	},
	func(entity crypto.EntityID, ref wire.Ref) wire.Message {
		return &wire.TakeSnapshot{Ref: ref, Target: crypto.NodeID(entity), Addrs: []string{"192.0.2.1:1"}}
	},
	func(_ crypto.EntityID, ref wire.Ref) wire.Message {
		return &wire.Final{Ref: ref, Attempt: inventedAttempt, Head: crypto.Head{Origin: ref.Origin, Sequence: 1}}
	},
	func(_ crypto.EntityID, ref wire.Ref) wire.Message {
		return &wire.Ask{Ref: ref, Attempt: inventedAttempt}
	},
	func(_ crypto.EntityID, ref wire.Ref) wire.Message { return &wire.Cancel{Ref: ref} },
	func(_ crypto.EntityID, ref wire.Ref) wire.Message {
		return &wire.Aborted{Ref: ref, Attempt: inventedAttempt}
	},
	func(_ crypto.EntityID, ref wire.Ref) wire.Message { return &wire.BufferedEvents{Ref: ref} },
}

var (
	inventedAttempt = wire.Attempt{Epoch: 1, Boot: 1, Count: 1}
	inventedItems   = []wire.Submission{{Seq: 1, Payload: []byte("x")}}
)

// A peer with all rights but to administer names a million daemons, each another and none of them here. Nothing
// of them is kept but the last few thousand refusals.
func TestAMillionInventedOrigins(t *testing.T) {
	v := attacked(t, wire.RightSubmit|wire.RightMigrateIn|wire.RightMigrateOut)
	const origins, batch = 1_000_000 / raceFactor, 1000
	c := v.call(v.attacker)
	c.listen(isMark)
	c.greeted()
	to := bufio.NewWriterSize(c.submit, 32<<10)
	for n := range uint64(origins) {
		// One message of each origin, of each type in its turn.
		err := c.say(to, inventions[n%uint64(len(inventions))](invented(n)))
		// Who does not wait for answers is disconnected, and comes no further than that.
		if err == nil && n%batch == batch-1 {
			err = errors.Join(c.say(to, mark), to.Flush())
			hears[*wire.Answer](c)
		}
		if err != nil {
			t.Fatalf("origin %d: %v", n, err)
		}
	}
	v.serves()
	f := v.within("a million invented origins", bound{heap: 16 << 20, peak: 64 << 20, goroutines: 2 * goroutinesPerSession, files: 4})
	if f.Migrations > v.calm.Migrations || f.Peers > v.calm.Peers+1 {
		t.Errorf("%d migrations and %d peers are remembered", f.Migrations, f.Peers)
	}
}

// An orchestrator that asks for moves to nodes that do not exist, and takes each request back, makes the node dial
// and remember no more of them than its limits say.
func TestMovesToInventedTargets(t *testing.T) {
	v := attacked(t, wire.RightMigrateOut)
	c := v.call(v.attacker)
	c.listen(isMark)
	const targets, batch = 6_000 / raceFactor, 50
	nobody, err := net.ListenPacket("udp", "127.0.0.1:0") // hears every call and answers none
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nobody.Close() }()
	addrs := slices.Repeat([]string{nobody.LocalAddr().String()}, wire.MaxAddrs)
	for n := range uint64(targets) {
		entity, ref := invented(n)
		ref.Origin = v.Prey
		err := c.say(c.control, &wire.TakeSnapshot{Ref: ref, Target: crypto.NodeID(entity), Addrs: addrs})
		if err == nil {
			err = c.say(c.control, &wire.Cancel{Ref: ref})
		}
		if err == nil && n%batch == batch-1 {
			err = c.say(c.control, mark)
			hears[*wire.Answer](c)
		}
		if err != nil {
			t.Fatalf("target %d: %v", n, err)
		}
	}
	v.serves()
	v.admits()
	f := v.within("moves to invented targets", bound{heap: 64 << 20, peak: 256 << 20, goroutines: 8 * maxDials, files: 4})
	if f.Peers > maxPeers+maxDials {
		t.Errorf("%d peers are remembered", f.Peers)
	}
	t.Logf("%d peers and %d migrations are remembered", f.Peers, f.Migrations)
}

// Limits of package node: nodes whose addresses are remembered, and that are dialed at once.
const (
	maxPeers = 4096
	maxDials = 256
)
