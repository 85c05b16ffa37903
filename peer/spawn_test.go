package peer

import (
	"context"
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/wire"
)

// TestSpawnWaitsForNobody: while the disk is full a birth that would have to be on it is refused, since nobody could say when it
// will have been; and whoever waits for the birth before theirs can give up.
func TestSpawnWaitsForNobody(t *testing.T) {
	p := mesh(t, 1, func(_ int, cfg *Config) { cfg.DataDir, cfg.Durability = t.TempDir(), wire.DurabilityEveryEvent })[0]
	p.diskFails(journal.ErrDiskFull)
	if _, err := p.Spawn(t.Context(), "counter", SpawnOptions{}); !errors.Is(err, journal.ErrDiskFull) {
		t.Errorf("with a full disk: %v", err)
	}
	memory := wire.DurabilityMemory
	if _, err := p.Spawn(t.Context(), "counter", SpawnOptions{Durability: &memory}); err != nil {
		t.Errorf("one that is not on the disk: %v", err)
	}
	p.diskWorks()
	p.spawning <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Spawn(ctx, "counter", SpawnOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("behind another birth: %v", err)
	}
	<-p.spawning
	if _, err := p.Spawn(t.Context(), "counter", SpawnOptions{}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
