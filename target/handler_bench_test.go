package target

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// idle is a daemon that does nothing, so that a benchmark measures everything else.
type idle struct{}

func (idle) Process(daemon.Event) ([][]byte, error) { return nil, nil }
func (idle) Snapshot() (io.WriterTo, error)         { return bytes.NewReader(nil), nil }
func (idle) Restore(io.Reader) error                { return nil }

// chainOf returns a daemon as restored on a fresh handler, and the n events of payload bytes that follow.
func chainOf(tb testing.TB, n, payload int) (*Handler, uint64, []crypto.CausalEvent) {
	tb.Helper()
	host, err := daemon.NewHost(idle{}, keyOf(tb, 1), "idle", daemon.HostConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	snapshot, err := host.Snapshot()
	if err != nil {
		tb.Fatal(err)
	}
	events := make([]crypto.CausalEvent, n)
	for i := range events {
		r, err := host.Submit(crypto.ProducerID{1}, uint64(i)+1, make([]byte, payload))
		if err != nil {
			tb.Fatal(err)
		}
		events[i] = r.Event
	}
	h := New(daemon.NewRegistry(), Config{Node: nodeB})
	ctx := RestoreContext{Origin: host.Origin(), Snapshot: snapshot}
	if err := h.RestoreSnapshot(ctx, keyOf(tb, 2), func() daemon.Daemon { return idle{} }, daemon.HostConfig{}); err != nil {
		tb.Fatal(err)
	}
	return h, host.Origin(), events
}

// BenchmarkReplay replays in batches of 64; the figures are per event. sha256 hashes as many bytes as an
// event's digest does: what no replay can do without.
func BenchmarkReplay(b *testing.B) {
	for _, payload := range []int{0, 64, 128, 256, 1024} {
		b.Run(fmt.Sprintf("%dB", payload), func(b *testing.B) {
			benchReplay(b, payload, func(h *Handler, origin uint64, batch []crypto.CausalEvent) error {
				_, err := h.ReplayEvents(origin, batch)
				return err
			})
		})
		b.Run(fmt.Sprintf("%dB/sha256", payload), func(b *testing.B) {
			buf := make([]byte, 16+crypto.MinEventSize+payload)
			for b.Loop() {
				sha256.Sum256(buf)
			}
		})
	}
	b.Run("128B/reversed_batches", func(b *testing.B) {
		benchReplay(b, 128, func(h *Handler, origin uint64, batch []crypto.CausalEvent) (err error) {
			for i := len(batch) - 1; i >= 0 && err == nil; i-- {
				_, err = h.BufferEvent(origin, batch[i])
			}
			return err
		})
	})
}

func benchReplay(b *testing.B, payload int, replay func(*Handler, uint64, []crypto.CausalEvent) error) {
	b.ReportAllocs()
	h, origin, events := chainOf(b, b.N, payload)
	b.ResetTimer()
	for len(events) > 0 {
		n := min(wire.MaxBatch, len(events))
		if err := replay(h, origin, events[:n]); err != nil {
			b.Fatal(err)
		}
		events = events[n:]
	}
	if seq, _ := h.ReplayedThrough(origin); seq != uint64(b.N) {
		b.Fatalf("replayed through %d of %d", seq, b.N)
	}
}

// BenchmarkHandlerShards looks up 10,000 origins from as many goroutines as there are cores, by number of
// shards.
func BenchmarkHandlerShards(b *testing.B) {
	const origins = 10_000
	for _, shards := range []int{1, 16, 64, 128, 256, 1024, 4096} {
		b.Run(fmt.Sprint(shards), func(b *testing.B) {
			h := New(daemon.NewRegistry(), Config{Node: nodeB, Shards: shards})
			for i := range uint64(origins) {
				h.shard(i * i).claim(&record{origin: i * i})
			}
			var start atomic.Uint64
			b.RunParallel(func(pb *testing.PB) {
				for i := start.Add(4999); pb.Next(); i++ {
					if n := i % origins; !h.IsMigrating(n * n) {
						b.Fail()
					}
				}
			})
		})
	}
}
