package node_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// A node that restarts with a handover in the log of a copy finishes what it had begun. If a directory was to decide, that holds for
// the entry it has decided and for a forced one; a plain one, however it came into the log, makes nobody the holder
// (protocol §4.14.6).
func TestDirectory_DecidesBeforeARestartToo(t *testing.T) {
	for name, served := range map[string]bool{"plain": false, "decided": true, "forced": true} {
		disk := crashdisk.New()
		x := process(t, disk, ids[1])
		arriveAt(t, x, name)
		if err := x.Journal.Wait(x.Journal.Last()); err != nil {
			t.Fatal(err)
		}
		if err := x.Journal.Close(); err != nil {
			t.Fatal(err)
		}
		x = process(t, disk, ids[1])
		copies := slices.Collect(maps.Keys(x.Journal.State().Copies))
		if len(copies) != 1 {
			t.Fatalf("%s: copies %v", name, copies)
		}
		origin := x.Journal.State().Copies[copies[0]].Origin
		result, _ := x.Run(node.Call{Origin: origin, Op: node.Revive{Copy: copies[0]}})
		r := result.(node.Revived)
		if (r.Err == nil && r.Arrival != nil) != served {
			t.Errorf("%s: comes back as %+v", name, r)
		}
		if _, ok := x.Registry.Host(origin); ok != served {
			t.Errorf("%s: registered: %v", name, ok)
		}
		if err := x.Journal.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// arriveAt brings a daemon for which a directory decides to the node, up to an entry of its log that gives it to the node.
func arriveAt(t *testing.T, x *node.Executor, form string) {
	t.Helper()
	admin := mustKey(3)
	source, err := daemon.NewHost(blank{}, mustKey(1), "model", daemon.HostConfig{Administrator: admin.Public()})
	if err != nil {
		t.Fatal(err)
	}
	view, err := source.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	var stream bytes.Buffer
	if _, err := view.WriteTo(&stream); err != nil {
		t.Fatal(err)
	}
	id := wire.MigrationID{1}
	call := node.Call{Origin: source.Origin(), Migration: id}
	msg := &wire.Prepare{
		Ref: wire.Ref{Migration: id, Origin: source.Origin(), Epoch: 1}, Entity: source.EntityID(), Kind: "model",
		Orchestrator: ids[2], Durability: wire.DurabilityEveryEvent, Directory: true,
	}
	call.Op = target.CallPrepare{Request: target.Request{Source: ids[0], Prepare: msg, Key: mustKey(2)}}
	x.Run(call)
	restored := x.Restore(
		target.CallRestore{Key: mustKey(2), Migration: id, Entity: source.EntityID(), Source: ids[0], Orchestrator: ids[2]},
		&stream, func(crypto.Head) {}, x.Journal.Wait)
	if restored.Err != nil {
		t.Fatal(restored.Err)
	}
	call.Op = target.CallReplay{Events: []crypto.CausalEvent{givenAway(t, source, admin, form)}}
	if result, _ := x.Run(call); result.(target.Replayed).Err != nil {
		t.Fatalf("%s: %v", form, result.(target.Replayed).Err)
	}
}

// givenAway is a handover of the daemon to the node, in one of its forms.
func givenAway(t *testing.T, source *daemon.Host, admin *crypto.EntityKeypair, form string) crypto.CausalEvent {
	t.Helper()
	key, h := mustKey(1), crypto.Handover{
		From: ids[0], To: ids[1], Epoch: 2, Head: source.Head(), Next: nextKey.Public(), Previous: source.Passport().Genesis.Digest(),
	}
	if form == "forced" {
		key, h.Forced = admin, true
	}
	ev, _, err := crypto.SignHandover(key, h)
	if form == "decided" {
		var cert crypto.FreezeCert
		cert, err = crypto.SignFreezeCert(key, crypto.FreezeCert{
			From: h.From, To: h.To, Epoch: 2, Attempt: crypto.Attempt{Epoch: 1, Boot: 1, Count: 1}, Head: h.Head, Next: h.Next, Previous: h.Previous,
		})
		if err == nil {
			ev, _, err = crypto.Accept(nextKey, cert)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return ev
}
