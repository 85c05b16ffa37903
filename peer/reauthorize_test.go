package peer

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/transport"
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

// guest is a peer made of nothing but a transport. It keeps what it is told.
type guest struct {
	transport.Network
	told chan wire.Message
}

func newGuest(t *testing.T) *guest {
	t.Helper()
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{told: make(chan wire.Message, 64)}
	if g.Network, err = transport.ListenQUIC(transport.Config{Key: key, Listen: "127.0.0.1:0", Authorize: AllowOnly(nil)}, g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func (g *guest) SessionUp(transport.Session)            {}
func (g *guest) SessionDown(transport.SessionID, error) {}

func (g *guest) Snapshot(_ transport.SessionID, _ wire.Ref, r transport.SnapshotReader) { r.Close() }

func (g *guest) Frame(_ transport.SessionID, _ wire.Channel, h wire.Header, body []byte) {
	if m, err := wire.Decode(h, body); err == nil {
		g.told <- m
	}
}

// enter makes a session and greets.
func (g *guest) enter(t *testing.T, at *Peer) transport.SessionID {
	t.Helper()
	id, err := g.Dial(t.Context(), at.ID(), at.Addrs())
	if err != nil {
		t.Fatal(err)
	}
	g.say(t, id, wire.ChannelControl, &wire.Hello{Versions: subproto.Supported(false), Boot: 1})
	if _, ok := (<-g.told).(*wire.Hello); !ok {
		t.Fatal("not greeted")
	}
	return id
}

func (g *guest) say(t *testing.T, id transport.SessionID, ch wire.Channel, m wire.Message) {
	t.Helper()
	if err := g.Send(id, ch, wire.MigrationID{}, wire.AppendFrame(nil, m)); err != nil {
		t.Fatal(err)
	}
}

// TestReauthorizeReachesEverySession: a peer that has made another session since the change has an older one with the rights
// of before, and they end there too.
func TestReauthorizeReachesEverySession(t *testing.T) {
	var rights atomic.Uint32
	rights.Store(uint32(wire.RightSubmit))
	open := mesh(t, 1, func(_ int, cfg *Config) {
		cfg.Authorize = func(crypto.NodeID) (wire.Rights, bool) { return wire.Rights(rights.Load()), true }
	})[0]
	d, err := open.Spawn(t.Context(), "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t)
	older := g.enter(t, open)
	rights.Store(0)
	g.enter(t, open)
	if err := open.Reauthorize(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.say(t, older, wire.ChannelSubmit, &wire.Open{Origin: d.Origin})
	if m := <-g.told; m.Type() != wire.TypeRefused {
		t.Errorf("on the older session Open is answered with %s", m.Type())
	}
}

// TestReauthorizeDuringTheHello: a peer may take seconds between its handshake and its hello. What is changed then is asked
// for once, finds no session yet, and must count for the one that comes.
func TestReauthorizeDuringTheHello(t *testing.T) {
	var rights atomic.Uint32
	rights.Store(uint32(wire.RightSubmit))
	var node atomic.Pointer[Peer]
	open := mesh(t, 1, func(_ int, cfg *Config) {
		cfg.Authorize = func(crypto.NodeID) (wire.Rights, bool) {
			before := wire.Rights(rights.Load())
			if rights.CompareAndSwap(uint32(wire.RightSubmit), 0) {
				if err := node.Load().Reauthorize(context.Background()); err != nil {
					t.Error(err)
				}
			}
			return before, true
		}
	})[0]
	node.Store(open)
	d, err := open.Spawn(t.Context(), "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t)
	id := g.enter(t, open)
	g.say(t, id, wire.ChannelSubmit, &wire.Open{Origin: d.Origin})
	if m := <-g.told; m.Type() != wire.TypeRefused {
		t.Errorf("without the right to submit, Open is answered with %s", m.Type())
	}
}
