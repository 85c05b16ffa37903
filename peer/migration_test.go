package peer

import (
	"context"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// A request under the id of a migration that is over is told how it ended, and moves nothing.
func TestMigrateRepeatedAfterItsEnd(t *testing.T) {
	peers := mesh(t, 2)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := peers[0].Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	req := MigrateRequest{ID: wire.MigrationID{7}, Origin: d.Origin, Target: peers[1].ID()}
	for range 3 {
		m, err := peers[0].Migrate(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := m.Wait(ctx); err != nil || s.Outcome != wire.OutcomeMoved || s.Stats.Epoch != 2 {
			t.Fatalf("%+v, %v", s, err)
		}
	}
}
