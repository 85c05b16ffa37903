package peer

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// counter adds up what it is sent.
type counter struct{ sum, events uint64 }

func (c *counter) Process(ev daemon.Event) ([][]byte, error) {
	c.sum += uint64(len(ev.Payload))
	c.events++
	return [][]byte{binary.BigEndian.AppendUint64(nil, c.sum)}, nil
}

type counterView [16]byte

func (v counterView) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(v[:])
	return int64(n), err
}

func (c *counter) Snapshot() (io.WriterTo, error) {
	var v counterView
	binary.BigEndian.PutUint64(v[:8], c.sum)
	binary.BigEndian.PutUint64(v[8:], c.events)
	return v, nil
}

func (c *counter) Restore(r io.Reader) error {
	var v counterView
	if _, err := io.ReadFull(r, v[:]); err != nil {
		return err
	}
	c.sum, c.events = binary.BigEndian.Uint64(v[:8]), binary.BigEndian.Uint64(v[8:])
	return nil
}

func (c *counter) Inspect([]byte) ([]byte, error) {
	return fmt.Appendf(nil, "%d %d", c.sum, c.events), nil
}

// mesh starts n nodes on loopback that all trust each other. Each may change its configuration first.
func mesh(t *testing.T, n int, change ...func(i int, cfg *Config)) []*Peer {
	t.Helper()
	rights := make(map[crypto.NodeID]wire.Rights)
	keys := make([]*crypto.NodeKeypair, n)
	for i := range keys {
		key, err := crypto.GenerateNodeKeypair()
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
		rights[key.ID()] = wire.AllRights
	}
	peers := make([]*Peer, n)
	for i := range peers {
		cfg := Config{Key: keys[i], Name: fmt.Sprintf("n%d", i), Listen: "127.0.0.1:0", Authorize: AllowOnly(rights)}
		for _, f := range change {
			f(i, &cfg)
		}
		p, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		if err := p.RegisterKind("counter", func() daemon.Daemon { return new(counter) }); err != nil {
			t.Fatal(err)
		}
		peers[i] = p
	}
	for _, p := range peers {
		for _, q := range peers {
			p.Learn(q.ID(), q.Addrs()...)
		}
	}
	return peers
}

// TestMoveRound moves a daemon around and back, over QUIC and over the in-memory twin, while a producer on a
// third node follows it.
func TestMoveRound(t *testing.T) {
	t.Run("quic", func(t *testing.T) { moveRound(t, mesh(t, 3)) })
	t.Run("hub", func(t *testing.T) {
		hub := transport.NewHub()
		moveRound(t, mesh(t, 3, func(_ int, cfg *Config) { cfg.Network, cfg.Listen = hub.Listen, "" }))
	})
}

func moveRound(t *testing.T, peers []*Peer) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := peers[0].Spawn(ctx, "counter", SpawnOptions{Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	producer := peers[2].Producer(d.Origin, ProducerOptions{Via: peers[0].ID()})
	if r, err := producer.Submit(ctx, []byte("abc")); err != nil || r.Sequence != 1 {
		t.Fatalf("submit: %+v, %v", r, err)
	}
	at := peers[0]
	for hop, to := range []*Peer{peers[1], peers[2], peers[0], peers[1]} {
		m, err := at.Migrate(ctx, MigrateRequest{Origin: d.Origin, Target: to.ID()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Wait(ctx)
		if err != nil {
			t.Fatalf("hop %d: %+v: %v", hop, s, err)
		}
		t.Logf("hop %d: blackout %v, transfer %v", hop, s.Stats.Blackout, s.Stats.Transfer)
		r, err := producer.Submit(ctx, []byte("abc"))
		if err != nil || r.Holder != to.ID() {
			t.Fatalf("hop %d: submit: %+v, %v", hop, r, err)
		}
		at = to
	}
	got, err := at.Inspect(ctx, d.Origin, nil)
	if err != nil || string(got) != "15 5" {
		t.Fatalf("state %q, %v", got, err)
	}
	host, _ := at.Host(d.Origin)
	if err := host.Passport().Verify(); err != nil || len(host.Passport().Handovers) != 4 {
		t.Fatalf("passport of %d handovers: %v", len(host.Passport().Handovers), err)
	}
}
