package peer

import (
	"context"
	"sync"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// BenchmarkSubmit measures acknowledged events of one producer over QUIC on loopback, both ends in this
// process: one at a time, and as many as the window allows.
func BenchmarkSubmit(b *testing.B) {
	for _, mode := range []string{"one", "pipelined"} {
		b.Run(mode, func(b *testing.B) { benchmarkSubmit(b, mode == "pipelined") })
	}
}

func benchmarkSubmit(b *testing.B, pipelined bool) {
	ctx := context.Background()
	rights := make(map[crypto.NodeID]wire.Rights)
	var peers []*Peer
	for range 2 {
		key, _ := crypto.GenerateNodeKeypair()
		rights[key.ID()] = wire.AllRights
		p, err := New(Config{Key: key, Listen: "127.0.0.1:0", Authorize: AllowOnly(rights)})
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		peers = append(peers, p)
	}
	peers[0].Learn(peers[1].ID(), peers[1].Addrs()...)
	peers[1].RegisterKind("counter", func() daemon.Daemon { return new(counter) })
	d, err := peers[1].Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		b.Fatal(err)
	}
	producer := peers[0].Producer(d.Origin, ProducerOptions{Via: peers[1].ID()})
	payload := make([]byte, 64)
	if _, err := producer.Submit(ctx, payload); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if !pipelined {
		for b.Loop() {
			if _, err := producer.Submit(ctx, payload); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	var wg sync.WaitGroup
	for range b.N {
		wg.Add(1)
		producer.Go(ctx, payload, func(_ node.Receipt, err error) {
			if err != nil {
				b.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
}
