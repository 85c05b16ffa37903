package target

import (
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func TestShardIndexSpreads(t *testing.T) {
	for _, bits := range []int{0, 1, 7, 12} {
		counts := make([]int, 1<<bits)
		const n = 1 << 16
		for i := range uint64(n) {
			counts[shardIndex(i<<20, bits)]++ // low bits all alike
		}
		for i, c := range counts {
			if mean := n >> bits; c < mean/2 || c > 2*mean {
				t.Errorf("%d bits: shard %d has %d of %d", bits, i, c, n)
			}
		}
	}
}

func TestShardsAreApart(t *testing.T) {
	if size := unsafe.Sizeof(shard{}); size%128 != 0 {
		t.Errorf("a shard has %d bytes: neighbors share a cache line", size)
	}
	if size := unsafe.Sizeof(page{}); size > pageCost {
		t.Errorf("a page has %d bytes, its cost is %d", size, pageCost)
	}
}

func TestConfigDefaults(t *testing.T) {
	got := Config{Shards: 100, MaxPendingBytes: -1, MaxActive: 7}.withDefaults()
	want := Config{
		MaxPendingEvents: 1_000_000, MaxPendingBytes: 64 << 20, MaxBuffered: 256 << 20, MaxActive: 7,
		CompletedTTL: time.Hour, Shards: 128,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := (Config{Shards: 1 << 30}).withDefaults().Shards; n != maxShards {
		t.Errorf("%d shards", n)
	}
	if n := (Config{Shards: 1}).withDefaults().Shards; n != 1 {
		t.Errorf("%d shards", n)
	}
}

// The completed index is bounded; the oldest goes first.
func TestShardEvicts(t *testing.T) {
	var s shard
	for i := range uint64(maxCompletedPerShard + 3) {
		rec := &record{origin: i}
		s.claim(rec)
		s.complete(rec, &completed{at: time.Unix(int64(i), 0)})
	}
	if len(s.completed) != maxCompletedPerShard {
		t.Fatalf("%d completed", len(s.completed))
	}
	for origin, want := range map[uint64]bool{0: false, 1: false, 2: false, 3: true, maxCompletedPerShard + 2: true} {
		if _, done := s.find(origin); (done != nil) != want {
			t.Errorf("origin %d: %v", origin, done)
		}
	}
}

func TestRecordPhases(t *testing.T) {
	legal := []wire.Phase{wire.PhaseTransfer, wire.PhaseRestore, wire.PhaseReplay, wire.PhaseCutover, wire.PhaseComplete}
	for i, from := range append([]wire.Phase{0}, legal...) {
		for to := range wire.Phase(8) {
			var r record
			r.phase.Store(uint32(from))
			if want := i < len(legal) && to == legal[i]; enters(&r, to) != want {
				t.Errorf("%v to %v: want allowed %v", from, to, want)
			}
		}
	}
}

// enters reports whether the record may go there.
func enters(r *record, to wire.Phase) (ok bool) {
	defer func() { ok = recover() == nil }()
	r.enter(to)
	return
}

func TestDigests(t *testing.T) {
	var d digests
	digest := func(seq uint64) (x crypto.Digest) { x[0], x[1], x[2] = byte(seq), byte(seq>>8), 1; return x }
	for _, start := range []uint64{0, 1<<64 - 3*remembered} {
		for seq := start; seq != start+2*remembered+5; seq++ {
			x := digest(seq)
			d.set(seq, &x)
		}
		for seq := start + remembered + 5; seq != start+2*remembered+5; seq++ {
			if d.at(seq) != digest(seq) {
				t.Fatalf("the digest of %d was forgotten", seq)
			}
		}
	}
}

// The ledger is exact under contention: whoever gets the last room never finds the limit exceeded.
func TestLedger(t *testing.T) {
	const each = 7
	l := ledger{limit: 2*each - 1}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500_000 {
				if !l.reserve(each) {
					continue
				}
				if n := l.used.Load(); n != each {
					t.Errorf("%d bytes reserved of %d", n, l.limit)
					return
				}
				l.reserve(-each)
			}
		})
	}
	wg.Wait()
	if l.used.Load() != 0 {
		t.Fatalf("%d bytes left", l.used.Load())
	}
}

func TestLedgerLimitIsInclusive(t *testing.T) {
	l := ledger{limit: 10}
	if !l.reserve(7) || !l.reserve(3) || l.reserve(1) {
		t.Fatal("the limit is not inclusive")
	}
	l.add(100) // whatever the limit
	if !l.reserve(-7) || l.reserve(1) || l.used.Load() != 103 {
		t.Fatalf("used %d", l.used.Load())
	}
}
