package peer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
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

// The addresses of a target go into frames and into the records of a commit. What their readers could not read is refused when the
// move is asked for; in the middle of one it would end the process of the source, or be sent for ever.
func TestMigrateChecksAddresses(t *testing.T) {
	p := mesh(t, 1)[0]
	for what, addrs := range map[string][]string{
		"too many for a frame":  slices.Repeat([]string{"a:1"}, wire.MaxAddrs+1),
		"too many for a record": slices.Repeat([]string{"a:1"}, 65),
		"too long":              {strings.Repeat("a", wire.MaxAddr+1)},
		"not printable":         {"far\n:1"},
		"empty":                 {""},
	} {
		_, err := p.Migrate(t.Context(), MigrateRequest{Origin: 1, Target: crypto.NodeID{'t'}, Addrs: addrs})
		if !errors.Is(err, wire.ErrTooLarge) && !errors.Is(err, wire.ErrBadFrame) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
