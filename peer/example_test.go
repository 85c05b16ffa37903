package peer_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

type Counter struct{ n uint64 }

func (c *Counter) Process(ev daemon.Event) ([][]byte, error) { // deterministic: same events, same state
	c.n += uint64(len(ev.Payload))
	return [][]byte{binary.BigEndian.AppendUint64(nil, c.n)}, nil
}

func (c *Counter) Snapshot() (io.WriterTo, error) { // quick: a frozen view, written later
	return bytes.NewReader(binary.BigEndian.AppendUint64(nil, c.n)), nil
}

func (c *Counter) Restore(r io.Reader) error { return binary.Read(r, binary.BigEndian, &c.n) }

// start runs a node that spawns and takes in counters. dir is for its journal.
func start(key *crypto.NodeKeypair, listen, dir string, friends map[crypto.NodeID]wire.Rights) (*peer.Peer, error) {
	p, err := peer.New(peer.Config{
		Key: key, Listen: listen, DataDir: dir, Authorize: peer.AllowOnly(friends),
		Durability: wire.DurabilityEveryEvent, // what daemons spawned here keep: all that was acknowledged
	})
	if err != nil {
		return nil, err
	}
	return p, p.RegisterKind("counter", func() daemon.Daemon { return new(Counter) })
}

func run(ctx context.Context, p *peer.Peer, other crypto.NodeID, addr string) error {
	p.Learn(other, addr)
	d, err := p.Spawn(ctx, "counter", peer.SpawnOptions{Name: "visits"})
	if err != nil {
		return err
	}
	if _, err := p.Submit(ctx, d.Origin, []byte("hello")); err != nil { // wherever the daemon is
		return err
	}
	m, err := p.Migrate(ctx, peer.MigrateRequest{Origin: d.Origin, Target: other})
	if err != nil {
		return err
	}
	_, err = m.Wait(ctx) // nil: moved and verified
	return err
}

// The program of the README, on two nodes of one machine.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	friends := make(map[crypto.NodeID]wire.Rights)
	var nodes [2]*peer.Peer
	for i := range nodes {
		key, err := crypto.GenerateNodeKeypair()
		must(err)
		dir, err := os.MkdirTemp("", "ferry")
		must(err)
		defer os.RemoveAll(dir)
		friends[key.ID()] = wire.RightSubmit | wire.RightMigrateIn
		nodes[i], err = start(key, "127.0.0.1:0", dir, friends)
		must(err)
		defer nodes[i].Close()
	}
	must(run(ctx, nodes[0], nodes[1].ID(), nodes[1].Addrs()[0]))
	daemons, err := nodes[1].Daemons(ctx)
	must(err)
	fmt.Println(daemons[0].Name, "serves at its second holder")
	// Output: visits serves at its second holder
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
