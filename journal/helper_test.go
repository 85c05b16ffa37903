package journal_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/wire"
)

// chain makes the records of one copy, each following from the one before.
type chain struct {
	id   journal.CopyID
	head crypto.Head
}

func seedOf(n uint64) (seed [32]byte) {
	binary.BigEndian.PutUint64(seed[:], n)
	seed[31] = 1
	return seed
}

// origin of the copies of tests: every copy has its own.
func originOf(id journal.CopyID) uint64 { return 0x0100 + uint64(id) }

// entityOf is whose the copy is: like every entity, a key.
func entityOf(id journal.CopyID) crypto.EntityID {
	key, err := crypto.KeypairFromSeed(seedOf(uint64(id)))
	if err != nil {
		panic(err)
	}
	return crypto.EntityID(key.Public())
}

func newChain(id journal.CopyID) *chain {
	c := &chain{id: id}
	c.head = crypto.Head{Origin: originOf(id), Digest: sha256.Sum256([]byte(fmt.Sprint("genesis ", id)))}
	return c
}

func (c *chain) born() journal.Born {
	return journal.Born{Copy: c.id, Origin: c.head.Origin, Entity: entityOf(c.id), Durability: wire.DurabilityEveryEvent, Seed: seedOf(uint64(c.id))}
}

func (c *chain) preparing() journal.Preparing {
	p := wire.Prepare{Ref: wire.Ref{Migration: wire.MigrationID{1}, Origin: c.head.Origin, Epoch: 3}, Entity: entityOf(c.id), Kind: "counter", Name: "one", Size: 9, Durability: wire.DurabilityBoth}
	return journal.Preparing{Copy: c.id, Source: crypto.NodeID{5}, Addrs: []string{"a:1", "b:2"}, Prepare: p, Seed: seedOf(uint64(c.id))}
}

// base makes an inline base at the head.
func (c *chain) base(content []byte) journal.Base {
	return journal.Base{Copy: c.id, Head: c.head, Size: uint64(len(content)), Digest: sha256.Sum256(content), Inline: content}
}

func (c *chain) event(payload []byte) journal.Event {
	next, _ := c.head.Next()
	ev := crypto.CausalEvent{Link: next, Kind: crypto.EventInput, Producer: crypto.ProducerID{3}, ProducerSeq: next.Sequence, Payload: payload}
	c.head = c.head.Append(ev, [][]byte{payload})
	return journal.Event{Copy: c.id, Event: ev, Outputs: c.head.Outputs}
}

func (c *chain) handover() journal.Event {
	e := c.event([]byte("to another node"))
	// The kind is part of the digest.
	e.Event.Kind = crypto.EventHandover
	c.head.Digest = e.Event.Digest()
	return e
}

func attempt(n uint64) wire.Attempt { return wire.Attempt{Epoch: 3, Boot: 1, Count: n} }

func (c *chain) commit(n uint64) journal.Commit {
	return journal.Commit{Copy: c.id, Ref: wire.Ref{Origin: c.head.Origin, Epoch: 3}, Attempt: attempt(n), Orchestrator: crypto.NodeID{1}, Target: crypto.NodeID{2}, Addrs: []string{"t:1"}}
}

func (c *chain) promise(n uint64) journal.Promise {
	return journal.Promise{
		Copy: c.id, Ref: wire.Ref{Origin: c.head.Origin, Epoch: 3}, Orchestrator: crypto.NodeID{1}, Target: crypto.NodeID{2}, Addrs: []string{"t:1"},
		Cert: crypto.FreezeCert{Epoch: 4, Attempt: attempt(n), Head: c.head},
	}
}

func (c *chain) arrived() journal.Arrived {
	return journal.Arrived{Copy: c.id, Signed: crypto.SignedHead{Head: c.head, Epoch: 4, Signature: crypto.Signature{9}}}
}

func (c *chain) tombstone(handover crypto.CausalEvent) journal.Tombstone {
	return journal.Tombstone{Entity: entityOf(c.id), Kind: "counter", Name: "one", Ref: wire.Ref{Origin: c.head.Origin, Epoch: 3}, To: crypto.NodeID{2}, Addrs: []string{"t:1"}, Handover: handover, Expires: 77}
}

func open(t testing.TB, disk journal.Disk, cfg journal.Config) *journal.Journal {
	t.Helper()
	j, err := journal.Open(disk, cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return j
}

func wait(t testing.TB, j *journal.Journal, at journal.Position) {
	t.Helper()
	if err := j.Wait(at); err != nil {
		t.Fatalf("Wait: %v", err)
	}
}

// reopened checks that the base of a copy is there for the next process too.
func reopened(t testing.TB, disk journal.Disk, j *journal.Journal, id journal.CopyID, content []byte) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, disk, small)
	checkBase(t, j, id, content)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// payloads reads the payloads of a copy's events.
func payloads(t testing.TB, j *journal.Journal, id journal.CopyID) []string {
	t.Helper()
	var list []string
	if err := j.Events(id, func(e journal.Event) error { list = append(list, string(e.Event.Payload)); return nil }); err != nil {
		t.Fatalf("Events(%d): %v", id, err)
	}
	return list
}

func sprintf(format string, v any) string { return fmt.Sprintf(format, v) }
