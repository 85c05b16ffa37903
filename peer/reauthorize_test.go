package peer

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// TestReauthorizeCountsAtOnce gives a connected peer the right it was refused for, and takes it away again.
func TestReauthorizeCountsAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	peers := mesh(t, 1)
	home := peers[0]
	var rights atomic.Uint32
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	open, err := New(Config{Key: key, Listen: "127.0.0.1:0", Authorize: func(crypto.NodeID) (wire.Rights, bool) { return wire.Rights(rights.Load()), true }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { open.Close() })
	if err := open.RegisterKind("counter", func() daemon.Daemon { return new(counter) }); err != nil {
		t.Fatal(err)
	}
	home.Learn(open.ID(), open.Addrs()...)
	d, err := home.Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	move := func() error {
		m, err := home.Migrate(ctx, MigrateRequest{Origin: d.Origin, Target: open.ID()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Wait(ctx)
		return err
	}
	change := func(to wire.Rights) {
		rights.Store(uint32(to))
		if err := open.Reauthorize(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := move(); !errors.Is(err, wire.ErrRefused) {
		t.Fatalf("without the right: %v", err)
	}
	change(wire.RightMigrateIn)
	change(0)
	if err := move(); !errors.Is(err, wire.ErrRefused) {
		t.Fatalf("with the right taken away again: %v", err)
	}
	change(wire.RightMigrateIn)
	if err := move(); err != nil {
		t.Fatalf("with the right: %v", err)
	}
	p, err := home.Passport(d.Origin)
	if err != nil || p.Verify() != nil || len(p.Handovers) != 1 {
		t.Fatalf("the passport left behind has %d handovers: %v, %v", len(p.Handovers), err, p.Verify())
	}
}
