package memory

import (
	"crypto/sha256"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// TestPercentGivesTheRoom: small heaps get the least room, large ones the share, to a percent of the heap.
func TestPercentGivesTheRoom(t *testing.T) {
	for _, alive := range []uint64{0, 1, 1 << 20, 4 << 20, 24 << 20, 100 << 20, 300 << 20, 1 << 30, 8 << 30, 1 << 40} {
		p := uint64(percent(alive))
		room := max(alive/100*p, 4<<20/100*p) // what the runtime makes of it, at least
		want := max(leastRoom, alive/100*roomShare)
		if off := alive/100 + 1<<10; room > want+off || alive > 4<<20 && room+off < want {
			t.Errorf("%d alive: GOGC %d is room for %d, want %d", alive, p, room, want)
		}
	}
}

// held keeps a heap alive.
var held [][]byte

// TestTuneHoldsTheHeap makes garbage beside a heap of 256 MiB and looks at how far the collector lets it go.
func TestTuneHoldsTheHeap(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	stop := Tune()
	const alive = 256 << 20
	for range alive >> 20 {
		held = append(held, make([]byte, 1<<20))
	}
	defer func() { held = nil }()
	settle()
	peak := churn(512 << 20)
	stop()
	stop() // again does nothing
	// Without the tuner it would be twice what is alive. What is allocated during a collection comes on top
	// of the room, and this test allocates faster than any node.
	if limit := uint64(alive + alive/2); peak > limit {
		t.Errorf("%d MiB alive, and the heap grew to %d MiB", alive>>20, peak>>20)
	}
	if after := debug.SetGCPercent(77); after != 77 {
		t.Errorf("the pace is %d after stop", after)
	}
}

// settle runs collections until the tuner has seen one with everything alive.
func settle() {
	for range 4 {
		runtime.GC()
		runtime.Gosched()
	}
}

// garbage keeps the compiler from dropping what churn makes.
var (
	garbage []byte
	sum     [32]byte
)

// churn makes garbage and returns the largest heap seen.
func churn(total int) (peak uint64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range total / (64 << 10) {
		garbage = make([]byte, 64<<10)
		sum = sha256.Sum256(garbage)
		metrics.Read(heap)
		peak = max(peak, heap[0].Value.Uint64())
	}
	return peak
}
