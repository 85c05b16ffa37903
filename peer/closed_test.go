package peer

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// TestClosedRefusesAlways: the inbox of a node that has closed has room, and nobody reads it. Whoever put something there was told,
// every other time, that it had been taken.
func TestClosedRefusesAlways(t *testing.T) {
	p := mesh(t, 1, func(_ int, cfg *Config) { cfg.DataDir, cfg.Durability = t.TempDir(), wire.DurabilityEveryEvent })[0]
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Spawn(t.Context(), "counter", SpawnOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("a daemon is born: %v", err)
	}
	for i := range 100 {
		if err := p.RegisterKind(fmt.Sprint("kind ", i), func() daemon.Daemon { return new(counter) }); !errors.Is(err, ErrClosed) {
			t.Fatalf("kind %d is registered: %v", i, err)
		}
		if _, err := p.Migrate(t.Context(), MigrateRequest{Origin: 1, Target: crypto.NodeID{1}}); !errors.Is(err, ErrClosed) {
			t.Fatalf("move %d is asked for: %v", i, err)
		}
	}
}

// closing is a daemon that counts in closed how many of its views were closed.
type closing struct {
	counter
	closed *int
}

type closingView struct {
	io.WriterTo
	closed *int
}

func (c *closing) Snapshot() (io.WriterTo, error) {
	v, err := c.counter.Snapshot()
	return closingView{v, c.closed}, err
}

func (v closingView) Close() error {
	*v.closed++
	return nil
}

// TestClosedLeavesNoView: the view that is being copied when the node closes is closed by whoever copies it, since nobody else
// will.
func TestClosedLeavesNoView(t *testing.T) {
	p := mesh(t, 1)[0]
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	closed := 0
	key, err := crypto.GenerateEntityKeypair()
	if err != nil {
		t.Fatal(err)
	}
	host, err := daemon.NewHost(&closing{closed: &closed}, key, "closing", daemon.HostConfig{Now: now, Node: p.ID()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		view, err := host.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		p.startCopy(node.Copy{Ref: wire.Ref{Migration: wire.MigrationID{byte(i)}, Origin: host.Origin(), Epoch: 1}, Snapshot: view})
		p.wg.Wait()
		if closed != i+1 {
			t.Fatalf("of %d views %d are closed", i+1, closed)
		}
	}
}
