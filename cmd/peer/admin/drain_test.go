package admin

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// gone tells a node of another one, by a name and at an address where nobody is.
func gone(ctx context.Context, t *testing.T, r *rig) {
	t.Helper()
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Learn(ctx, client.LearnRequest{Key: key.ID().Hex(), Name: "gone", Addrs: []string{"127.0.0.1:9"}}); err != nil {
		t.Fatal(err)
	}
}

// refused fails unless err is a problem of the kind and code.
func refused(t *testing.T, what string, err error, kind string, code int) {
	t.Helper()
	var p *client.Problem
	if !errors.As(err, &p) || p.Kind != kind || p.Code != code || p.Outcome == "" || p.Next == "" {
		t.Errorf("%s: %+v, want %s with code %d, what is so now and what to do next", what, err, kind, code)
	}
}

// TestDrainRefuses: what cannot be done is found out before the gate is shut.
func TestDrainRefuses(t *testing.T) {
	ctx := testContext(t)
	r := newRig(t, "alpha")
	if _, err := r.Spawn(ctx, "kv", "notes"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		req  client.DrainRequest
		kind string
		code int
	}{
		{client.DrainRequest{}, "no_target", client.CodeUnknown},
		{client.DrainRequest{To: []string{"nowhere"}}, "unknown_node", client.CodeUnknown},
		{client.DrainRequest{To: []string{"alpha"}}, "bad_request", client.CodeUsage},
		{client.DrainRequest{Deadline: -1}, "bad_request", client.CodeUsage},
		{client.DrainRequest{MaxParallel: maxDrainParallel + 1}, "bad_request", client.CodeUsage},
	} {
		_, err := r.StartDrain(ctx, c.req)
		refused(t, "drain", err, c.kind, c.code)
	}
	_, err := r.Client.Drain(ctx)
	refused(t, "how far", err, "no_drain", client.CodeUnknown)
	_, err = r.CancelDrain(ctx)
	refused(t, "cancel", err, "no_drain", client.CodeUnknown)
	if _, err := r.Spawn(ctx, "kv", "more"); err != nil {
		t.Errorf("nothing was begun, and a birth is refused: %v", err)
	}
}

// TestDrainHoldsUntilItIsCancelled: while it runs there is no second, nobody is born or comes in, and who watches it is told of the
// end.
func TestDrainHoldsUntilItIsCancelled(t *testing.T) {
	ctx := testContext(t)
	a, b := newRig(t, "alpha"), newRig(t, "bravo")
	introduce(ctx, t, a, b)
	gone(ctx, t, a)
	for r, name := range map[*rig]string{a: "notes", b: "visitor"} {
		if _, err := r.Spawn(ctx, "kv", name); err != nil {
			t.Fatal(err)
		}
	}
	d, err := a.StartDrain(ctx, client.DrainRequest{To: []string{"gone"}, MaxParallel: 2})
	if err != nil || d.Total != 1 || d.State != client.DrainRunning {
		t.Fatalf("%+v, %v", d, err)
	}
	_, err = a.StartDrain(ctx, client.DrainRequest{})
	refused(t, "a second", err, "draining", client.CodeRefused)
	_, err = a.StartDrain(ctx, client.DrainRequest{To: []string{"gone"}, MaxParallel: 2})
	refused(t, "the same again", err, "draining", client.CodeRefused)
	for _, other := range []client.DrainRequest{{To: []string{"bravo"}}, {Deadline: time.Minute}, {MaxParallel: 3}} {
		_, err = a.StartDrain(ctx, other)
		refused(t, "another", err, "draining_otherwise", client.CodeRefused)
	}
	_, err = a.Spawn(ctx, "kv", "late")
	refused(t, "a birth", err, "node_draining", client.CodeRefused)
	if st, err := a.Status(ctx); err != nil || st.Drain == nil || st.Drain.State != client.DrainRunning || len(st.Drain.Daemons) > 0 {
		t.Errorf("status: %+v, %v", st.Drain, err)
	}
	refused(t, "an arrival", arrive(ctx, t, b), "refused", client.CodeRefused)
	told := make(chan client.Drain, 1)
	go a.WatchDrain(ctx, func(d client.Drain) {
		if d.State != client.DrainRunning {
			told <- d
		}
	})
	if d, err := a.CancelDrain(ctx); err != nil || d.State != client.DrainCancelled || d.Left() != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = a.Client.Drain(ctx)
	refused(t, "how far", err, "no_drain", client.CodeUnknown)
	if _, err := a.Spawn(ctx, "kv", "late"); err != nil {
		t.Errorf("after it a birth is refused: %v", err)
	}
	if err := arrive(ctx, t, b); err != nil {
		t.Errorf("after it an arrival is refused: %v", err)
	}
}

// arrive moves the visitor from b to alpha, and returns why that has failed.
func arrive(ctx context.Context, t *testing.T, b *rig) error {
	t.Helper()
	m, err := b.Migrate(ctx, client.MigrateRequest{Daemon: "visitor", Target: "alpha"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Watch(ctx, m.ID, nil)
	return err
}

// TestDrainEndsWithTheNode: Close waits for all that the drain has begun, and a watch of it ends.
func TestDrainEndsWithTheNode(t *testing.T) {
	ctx := testContext(t)
	r := newRig(t, "alpha")
	gone(ctx, t, r)
	if _, err := r.Spawn(ctx, "kv", "notes"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.StartDrain(ctx, client.DrainRequest{}); err != nil {
		t.Fatal(err)
	}
	r.server.Close()
	if d, err := r.WatchDrain(ctx, func(client.Drain) {}); err != nil || d.State != client.DrainCancelled {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestGateAtTheDirectory: a peer that may ask the directory by migrate-in alone keeps that; the others lose it.
func TestGateAtTheDirectory(t *testing.T) {
	for _, c := range []struct {
		keeper, shut bool
		has, want    wire.Rights
	}{
		{false, false, wire.AllRights, wire.AllRights},
		{false, true, wire.AllRights, wire.AllRights &^ wire.RightMigrateIn},
		{false, true, wire.RightMigrateIn, 0},
		{true, true, wire.RightSubmit | wire.RightMigrateIn, wire.RightSubmit | wire.RightMigrateIn},
		{true, true, wire.RightMigrateOut | wire.RightMigrateIn, wire.RightMigrateOut},
	} {
		g := NewGate(func(crypto.NodeID) (wire.Rights, bool) { return c.has, true }, c.keeper)
		g.shut.Store(c.shut)
		if got, known := g.Authorize(crypto.NodeID{}); got != c.want || !known {
			t.Errorf("keeper %v, shut %v, %v: %v", c.keeper, c.shut, c.has, got)
		}
	}
}

// TestDrainTargetsAreNodesThatHoldDaemons: not a client that may only submit, whether it can be reached or not, unless the operator has
// named it to this node.
func TestDrainTargetsAreNodesThatHoldDaemons(t *testing.T) {
	ctx := testContext(t)
	r, other := newRig(t, "alpha"), newRig(t, "bravo").peer
	r.peer.Learn(other.ID(), other.Addrs()...)
	for _, c := range []struct {
		rights wire.Rights
		named  string
		want   int
	}{
		{wire.RightSubmit, "", 0},
		{wire.RightSubmit | wire.RightMigrateIn, "", 1},
		{wire.RightMigrateOut, "", 1},
		{wire.RightSubmit, "bravo", 1},
	} {
		id := other.ID().Hex()
		if err := r.Authorize(ctx, client.AuthorizeRequest{Key: id, Name: "listed", Rights: c.rights.String()}); err != nil {
			t.Fatal(err)
		}
		if c.named != "" {
			if _, err := r.Learn(ctx, client.LearnRequest{Key: id, Name: c.named, Addrs: other.Addrs()}); err != nil {
				t.Fatal(err)
			}
		}
		r.server.gate.shut.Store(true) // what it leaves of the rights does not count
		list, err := r.server.drainTargets(ctx)
		if err != nil || len(list) != c.want {
			t.Errorf("with %v, named %q: %d targets, %v; want %d", c.rights, c.named, len(list), err, c.want)
		}
		r.server.gate.shut.Store(false)
	}
}
