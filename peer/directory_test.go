package peer

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/bolt"
	"github.com/ferrymesh/ferry/wire"
)

// keptMesh is a mesh whose first node keeps the directory, in a file; the others ask it over their sessions.
func keptMesh(t *testing.T, n int) ([]*Peer, directory.Directory) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "directory.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	var keeper crypto.NodeID
	peers := mesh(t, n, func(i int, cfg *Config) {
		if i == 0 {
			cfg.Directory, keeper = db, cfg.Key.ID()
			return
		}
		cfg.Keeper = keeper
	})
	return peers, db
}

// reaches waits until a node can ask the directory.
func reaches(ctx context.Context, t *testing.T, p *Peer) directory.Directory {
	t.Helper()
	d, ok := p.Directory()
	if !ok {
		t.Fatal("the node has no directory")
	}
	for {
		_, err := d.Lookup(ctx, 1)
		if errors.Is(err, wire.ErrDaemonNotFound) {
			return d
		}
		if ctx.Err() != nil {
			t.Fatalf("the directory is not reached: %v", err)
		}
	}
}

// TestDirectory_Decides: every move is the directory's decision, its entry is in the passport, and each node can ask who
// holds the daemon, also a producer that knows nobody who does.
func TestDirectory_Decides(t *testing.T) {
	peers, db := keptMesh(t, 4)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, p := range peers {
		reaches(ctx, t, p)
	}
	d, err := peers[1].Spawn(ctx, "counter", SpawnOptions{Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	producer := peers[3].Producer(d.Origin, ProducerOptions{Via: peers[1].ID()})
	at := peers[1]
	for hop, to := range []*Peer{peers[2], peers[0], peers[1]} {
		if r, err := producer.Submit(ctx, []byte("abc")); err != nil || r.Epoch != uint64(hop+1) {
			t.Fatalf("hop %d: submit: %+v, %v", hop, r, err)
		}
		m, err := at.Migrate(ctx, MigrateRequest{Origin: d.Origin, Target: to.ID()})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := m.Wait(ctx); err != nil {
			t.Fatalf("hop %d: %+v: %v", hop, s, err)
		}
		e, err := db.Lookup(ctx, d.Origin)
		if err != nil || e.Holder != to.ID() || e.Epoch != uint64(hop+2) {
			t.Fatalf("hop %d: the directory says %+v, %v", hop, e, err)
		}
		at = to
	}
	stranger := peers[0].Producer(d.Origin, ProducerOptions{Label: "new"})
	if r, err := stranger.Submit(ctx, []byte("abc")); err != nil || r.Holder != at.ID() {
		t.Fatalf("a producer that knows nobody: %+v, %v", r, err)
	}
	host, _ := at.Host(d.Origin)
	passport := host.Passport()
	if err := passport.Verify(); err != nil || len(passport.Handovers) != 3 {
		t.Fatalf("passport of %d handovers: %v", len(passport.Handovers), err)
	}
	for _, h := range passport.Handovers {
		if !h.Decided {
			t.Errorf("epoch %d began without the directory", h.Epoch)
		}
	}
}

// TestDirectory_Away: without its directory a node serves, and neither gives birth nor moves anything: the migration ends
// before anything is frozen.
func TestDirectory_Away(t *testing.T) {
	peers, _ := keptMesh(t, 3)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reaches(ctx, t, peers[1])
	reaches(ctx, t, peers[2])
	d, err := peers[1].Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := peers[0].Close(); err != nil {
		t.Fatal(err)
	}
	m, err := peers[1].Migrate(ctx, MigrateRequest{Origin: d.Origin, Target: peers[2].ID(), Options: wire.Options{Timeout: 3 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := m.Wait(ctx); s.Outcome != wire.OutcomeStayed || err == nil {
		t.Errorf("outcome %v, %v", s.Outcome, err)
	}
	if r, err := peers[1].Submit(ctx, d.Origin, []byte("on")); err != nil || r.Holder != peers[1].ID() {
		t.Errorf("after that: %+v, %v", r, err)
	}
	if _, err := peers[1].Spawn(ctx, "counter", SpawnOptions{}); err == nil {
		t.Error("a daemon was born that the directory does not know")
	}
}

// TestDirectory_BothOrNone: a node without a directory takes no daemon that one decides about.
func TestDirectory_BothOrNone(t *testing.T) {
	peers := mesh(t, 2, func(i int, cfg *Config) {
		if i == 0 {
			cfg.Directory = directory.NewMemory()
		}
	})
	staying(t, peers, "counter", peers[1].ID(), wire.ErrRefused)
}
