package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// bare returns a host that is good for a registry and nothing else.
func bare(n int) *Host {
	id := crypto.EntityID(producer(n))
	return &Host{origin: crypto.OriginOf(id), passport: crypto.Passport{Entity: id}}
}

func TestRegistryKeepsTheFirst(t *testing.T) {
	r := NewRegistry()
	first, _ := birth(t)
	check(t, r.Register(first))
	same, _ := birth(t)
	err := r.Register(same)
	wantErr(t, "same entity", err, ErrOriginTaken)
	if errors.Is(err, ErrOriginCollision) {
		t.Error("the same entity counts as a collision")
	}
	// Origins are 64 bits: another entity may have the same.
	collision := bare(1)
	collision.origin = first.origin
	wantErr(t, "collision", r.Register(collision), ErrOriginCollision, ErrOriginTaken)
	if h, ok := r.Host(first.origin); !ok || h != first || r.Len() != 1 {
		t.Error("the first host is gone")
	}
	if r.Remove(same) || !r.Remove(first) || r.Remove(first) || r.Len() != 0 {
		t.Error("Remove takes another host than its own")
	}
}

func TestRegistryUnregister(t *testing.T) {
	r := NewRegistry()
	_, err := r.Unregister(7)
	wantErr(t, "empty registry", err, wire.ErrDaemonNotFound)
	h := bare(1)
	check(t, r.Register(h))
	if got, err := r.Unregister(h.origin); got != h || err != nil {
		t.Errorf("unregister: %p, %v", got, err)
	}
	if _, ok := r.Host(h.origin); ok {
		t.Error("still there")
	}
	check(t, r.Register(h))
}

func TestRegistryHosts(t *testing.T) {
	r := NewRegistry()
	var want []uint64
	for i := range 500 {
		h := bare(i)
		want = append(want, h.origin)
		check(t, r.Register(h))
	}
	slices.Sort(want)
	var got []uint64
	for _, h := range r.Hosts() {
		got = append(got, h.Origin())
	}
	if !slices.Equal(got, want) || r.Len() != 500 {
		t.Errorf("%d hosts, Len %d", len(got), r.Len())
	}
}

// TestRegistryShards: neither hashed origins nor ones that differ only at one
// end crowd into few shards.
func TestRegistryShards(t *testing.T) {
	for _, shift := range []int{0, 20, 52} {
		r, used := NewRegistry(), make(map[*shard]int)
		for i := range uint64(4096) {
			used[r.shard(i<<shift)]++
		}
		for _, n := range used {
			if n > 3*4096/shardCount {
				t.Errorf("shift %d: %d of 4096 origins in one shard", shift, n)
			}
		}
	}
}

// TestRegistryRace: of many hosts for one origin exactly one gets in.
func TestRegistryRace(t *testing.T) {
	r := NewRegistry()
	for i := range 50 {
		var wg sync.WaitGroup
		var won atomic.Int32
		for range 8 {
			wg.Go(func() {
				if r.Register(bare(i)) == nil {
					won.Add(1)
				}
				r.Len()
				r.Hosts()
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d hosts of one origin registered", won.Load())
		}
	}
}

func TestFactories(t *testing.T) {
	f := NewFactories()
	byKind, byOrigin := new(tally), new(tally)
	_, err := f.Lookup(1, "tally")
	wantErr(t, "nothing registered", err, wire.ErrFactoryNotFound)
	check(t, f.RegisterKind("tally", func() Daemon { return byKind }))
	check(t, f.RegisterKind("alpha", func() Daemon { return mute{} }))
	wantErr(t, "kind again", f.RegisterKind("tally", func() Daemon { return nil }), ErrKindTaken)
	wantErr(t, "nil factory", f.RegisterKind("beta", nil), ErrConfig)
	wantErr(t, "long kind", f.RegisterKind(string(make([]byte, 65)), func() Daemon { return nil }), ErrConfig)
	if got := fmt.Sprint(f.Kinds()); got != "[alpha tally]" {
		t.Errorf("kinds %v", got)
	}
	orchestrator := node(4)
	e := Expectation{New: func() Daemon { return byOrigin }, Orchestrator: &orchestrator, Config: HostConfig{Node: node(2)}}
	check(t, f.Expect(1, e))
	wantErr(t, "expected again", f.Expect(1, e), ErrExpected)
	wantErr(t, "nil factory", f.Expect(2, Expectation{}), ErrConfig)
	orchestrator = node(5)
	for range 2 { // looking it up does not use it up
		got, err := f.Lookup(1, "tally")
		check(t, err)
		if d, err := got.Build(); d != byOrigin || err != nil || *got.Orchestrator != node(4) || got.Config.Node != node(2) {
			t.Errorf("expectation %+v builds %v, %v", got, d, err)
		}
	}
	if _, ok := f.Expected(1); !ok {
		t.Error("origin 1 is not expected")
	}
	f.Remove(1)
	f.Remove(1)
	if _, ok := f.Expected(1); ok {
		t.Error("origin 1 is still expected")
	}
	got, err := f.Lookup(1, "tally")
	if d, _ := got.Build(); d != byKind || err != nil {
		t.Errorf("after Remove the kind does not count: %v, %v", d, err)
	}
}

func TestT4_FailingFactory(t *testing.T) {
	for _, e := range []Expectation{{New: func() Daemon { return nil }}, {New: func() Daemon { panic("no") }}} {
		d, err := e.Build()
		wantErr(t, "build", err, wire.ErrStateFailed)
		if d != nil {
			t.Error("a daemon all the same")
		}
	}
}

// Example of a whole move is in the package documentation; this is it, run.
func TestMoveAsDocumented(t *testing.T) {
	source, _ := birth(t)
	submit(t, source, producer(1), 1, "before")
	snap, err := source.Snapshot()
	check(t, err)
	var stream bytes.Buffer
	_, err = snap.WriteTo(&stream)
	check(t, err)
	since := submit(t, source, producer(1), 2, "meanwhile").Event
	read, err := ReadSnapshot(&stream)
	check(t, err)
	d := new(tally)
	target, err := Restore(read, d, testKey(t, 1), HostConfig{Node: node(2)})
	check(t, err)
	check(t, target.Replay(since))
	head, err := source.Freeze()
	check(t, err)
	if target.Head() != head {
		t.Fatal("the target's head is not the source's")
	}
	ev, err := source.HandOver(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	check(t, target.Replay(ev))
	check(t, target.Activate(node(2)))
	source.Retire()
	submit(t, target, producer(1), 3, "after")
	if string(d.state) != "beforemeanwhileafter" {
		t.Errorf("state %q", d.state)
	}
}
