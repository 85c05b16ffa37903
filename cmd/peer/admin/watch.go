package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// watchEvery is the pace of a watch: under load a migration changes with every event, and nobody reads that
// fast. A change of phase and an outcome are told at once.
const watchEvery = 50 * time.Millisecond

// watch streams the changes of a migration until its outcome is final.
func (s *Server) watch(w http.ResponseWriter, r *http.Request) error {
	m, err := s.findMigration(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	v := &view{s: s, id: m.ID, handle: s.moves.handle(m.ID), out: json.NewEncoder(w), control: http.NewResponseController(w)}
	v.follow(r.Context())
	return nil
}

// view is one watch. A migration that was asked for here says when it changes; of one that was asked for
// elsewhere this node is looked at again and again.
type view struct {
	s       *Server
	id      wire.MigrationID
	handle  *peer.Migration
	out     *json.Encoder
	control *http.ResponseController
	last    client.Migration
	told    time.Time
}

// follow ends with the migration, with the client, or with the node, whichever is first.
func (v *view) follow(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		var changed <-chan struct{}
		if v.handle != nil {
			changed = v.handle.Changed() // before the look, so that no change is missed
		}
		if m, ok := v.look(ctx); !ok || v.tell(ctx, m) != nil || v.last.Final() {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look returns the migration as it is now; false if the node has closed or forgotten it.
func (v *view) look(ctx context.Context) (node.Migration, bool) {
	if v.handle != nil {
		if m := v.handle.Status(); m.ID == v.id {
			return m, true
		}
	}
	m, err := v.s.findMigration(ctx, v.id.String())
	return m, err == nil
}

// tell writes what is new and worth it. An error means that the client has gone.
func (v *view) tell(ctx context.Context, m node.Migration) error {
	due := time.Since(v.told) >= watchEvery
	if !due && m.Phase.String() == v.last.Phase && outcomes[m.Outcome] == v.last.Outcome {
		return nil
	}
	b, err := v.s.bookFor(ctx, m)
	if err != nil {
		return err
	}
	now := migrationOf(b, m)
	if reflect.DeepEqual(now, v.last) {
		return nil
	}
	v.last, v.told = now, time.Now()
	if err := v.out.Encode(now); err != nil {
		return err
	}
	return v.control.Flush()
}
