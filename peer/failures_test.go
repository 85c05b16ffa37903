package peer

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// staying starts a daemon on the first node, asks for a move that must fail before the commit, and checks
// promise P5: the outcome is "stayed", the reason is the expected one, and the daemon serves on as if nothing
// had happened.
func staying(t *testing.T, peers []*Peer, kind string, target crypto.NodeID, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p := peers[0]
	d, err := p.Spawn(ctx, kind, SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Migrate(ctx, MigrateRequest{Origin: d.Origin, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Wait(ctx)
	if s.Outcome != wire.OutcomeStayed || !errors.Is(err, want) {
		t.Errorf("outcome %v, %v; want stayed, %v", s.Outcome, err, want)
	}
	if r, err := p.Submit(ctx, d.Origin, []byte("on")); err != nil || r.Sequence != 1 || r.Holder != p.ID() {
		t.Errorf("after the failure: %+v, %v", r, err)
	}
	if v, err := p.Daemon(ctx, d.Origin); err != nil || v.Moving || v.Left {
		t.Errorf("after the failure: %+v, %v", v, err)
	}
}

func TestStays_UnknownKind(t *testing.T) {
	peers := mesh(t, 2)
	if err := peers[0].RegisterKind("rare", func() daemon.Daemon { return new(counter) }); err != nil {
		t.Fatal(err)
	}
	staying(t, peers, "rare", peers[1].ID(), wire.ErrFactoryNotFound)
}

func TestStays_NobodyKnowsTheAddress(t *testing.T) {
	stranger, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	staying(t, mesh(t, 1), "counter", stranger.ID(), wire.ErrUnreachable)
}

// TestStays_AnotherKeyAtTheAddress: the address answers, with a key that is not the target's.
func TestStays_AnotherKeyAtTheAddress(t *testing.T) {
	stranger, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	peers := mesh(t, 2)
	peers[0].Learn(stranger.ID(), peers[1].Addrs()...)
	staying(t, peers, "counter", stranger.ID(), wire.ErrUnreachable)
}

func TestStays_NoRightToArrive(t *testing.T) {
	peers := mesh(t, 2, func(i int, cfg *Config) {
		if all := cfg.Authorize; i == 1 {
			cfg.Authorize = func(id crypto.NodeID) (wire.Rights, bool) {
				r, ok := all(id)
				return r &^ wire.RightMigrateIn, ok
			}
		}
	})
	staying(t, peers, "counter", peers[1].ID(), wire.ErrRefused)
}

func TestStays_AlreadyThere(t *testing.T) {
	peers := mesh(t, 1)
	staying(t, peers, "counter", peers[0].ID(), wire.ErrRefused)
}

// TestO6_NotReadyIsNotAnOutcome: while the orchestrator tries again, the end of each try at the source on the
// same node is not reported as the end of the migration.
func TestO6_NotReadyIsNotAnOutcome(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	peers := mesh(t, 2, func(_ int, cfg *Config) { cfg.Core.MaxIncoming = 1 })
	move := func(rate uint64) *Migration {
		d, err := peers[0].Spawn(ctx, "counter", SpawnOptions{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := peers[0].Migrate(ctx, MigrateRequest{Origin: d.Origin, Target: peers[1].ID(), Options: wire.Options{MaxRate: rate}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	slow := move(300) // bytes per second: it takes the target's only place for a while
	for changed := slow.Changed(); slow.Status().Phase < wire.PhaseTransfer; changed = slow.Changed() {
		<-changed
	}
	second := move(0)
	for _, m := range []*Migration{second, slow} {
		if s, err := m.Wait(ctx); err != nil || s.Outcome != wire.OutcomeMoved {
			t.Errorf("outcome %v, %v; want moved", s.Outcome, err)
		}
	}
}
