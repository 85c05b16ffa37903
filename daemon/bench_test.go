package daemon

import (
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// idle does nothing at all, so that the benchmarks measure the Host.
type idle struct{}

func (idle) Process(Event) ([][]byte, error) { return nil, nil }
func (idle) Snapshot() (io.WriterTo, error)  { return &tallyView{}, nil }
func (idle) Restore(io.Reader) error         { return nil }

func idleHost(t testing.TB, n uint64) *Host {
	t.Helper()
	h, err := NewHost(idle{}, testKey(t, n), "idle", HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestSubmitDoesNotAllocate pins the cost of the common case: a producer whose
// window is full, with a payload of ordinary size.
func TestSubmitDoesNotAllocate(t *testing.T) {
	h := idleHost(t, 0)
	payload := make([]byte, 128)
	seq := uint64(0)
	step := func() {
		seq++
		if _, err := h.Submit(producer(1), seq, payload); err != nil {
			t.Fatal(err)
		}
	}
	for range ProducerWindow {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("an event costs %v allocations, want none", n)
	}
	items := []wire.Submission{{Payload: payload}, {Payload: payload}}
	dst := make([]Receipt, 0, len(items))
	batch := func() {
		for i := range items {
			seq++
			items[i].Seq = seq
		}
		if _, err := h.SubmitBatch(producer(1), 0, items, dst[:0]); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, batch); n != 0 {
		t.Errorf("a batch costs %v allocations, want none", n)
	}
}

// TestIdleHostMemory measures what one more host costs, key included.
func TestIdleHostMemory(t *testing.T) {
	const count = 2000
	hosts := make([]*Host, count)
	before := heap()
	for i := range hosts {
		hosts[i] = idleHost(t, uint64(i))
	}
	each := (heap() - before) / count
	t.Logf("%d bytes for an idle host", each)
	if each > 1024 {
		t.Errorf("an idle host takes %d bytes, want at most 1024", each)
	}
	runtime.KeepAlive(hosts)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkSubmit(b *testing.B) {
	for _, size := range []int{0, 128, 4096} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			h := idleHost(b, 0)
			payload := make([]byte, size)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := h.Submit(producer(i%100), uint64(i+1), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSubmitBatch is a full frame of one producer; the figures are for one event.
func BenchmarkSubmitBatch(b *testing.B) {
	h := idleHost(b, 0)
	items, dst := make([]wire.Submission, wire.MaxBatch), make([]Receipt, 0, wire.MaxBatch)
	payload, seq := make([]byte, 64), uint64(0)
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(items) {
		for j := range items {
			seq++
			items[j] = wire.Submission{Seq: seq, Payload: payload}
		}
		if _, err := h.SubmitBatch(producer(i/len(items)%100), 0, items, dst); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubmitOutputs(b *testing.B) {
	h, _ := birth(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := h.Submit(producer(i%100), uint64(i+1), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSubmitEvicting has every event evict a producer.
func BenchmarkSubmitEvicting(b *testing.B) {
	h := idleHost(b, 0)
	h.producers = fullTable()
	h.head.Sequence = MaxProducers * ProducerWindow
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := h.SubmitSince(producer(MaxProducers+i), h.head.Sequence, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDuplicate(b *testing.B) {
	h := idleHost(b, 0)
	for i := range 64 {
		if _, err := h.Submit(producer(1), uint64(i+1), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if r, err := h.Submit(producer(1), uint64(i%64+1), nil); err != nil || !r.Duplicate {
			b.Fatal(err)
		}
	}
}

// fullTable returns a table with every producer and every entry it can have.
func fullTable() *producers {
	t := newProducers(MaxProducers)
	for i := range MaxProducers * ProducerWindow {
		t.record(&Event{
			Link:     crypto.CausalLink{Sequence: uint64(i + 1)},
			Producer: producer(i % MaxProducers), ProducerSeq: uint64(i/MaxProducers + 1),
		}, nil)
	}
	return t
}

// BenchmarkTableView is the part of Snapshot that submissions wait for.
func BenchmarkTableView(b *testing.B) {
	t := fullTable()
	b.ReportAllocs()
	for b.Loop() {
		t.view()
	}
}

// BenchmarkSnapshotFullTable writes a snapshot that is all producer table.
func BenchmarkSnapshotFullTable(b *testing.B) {
	h := idleHost(b, 0)
	h.producers = fullTable()
	s, err := h.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	n, _ := s.Len()
	b.SetBytes(n)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSnapshotState writes 16 MiB of state.
func BenchmarkSnapshotState(b *testing.B) {
	h, d := birth(b)
	d.state = make([]byte, 16<<20)
	s, err := h.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(16 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRegistryHost(b *testing.B) {
	for _, count := range []int{1, 1000, 20_000} {
		b.Run(fmt.Sprintf("%d", count), func(b *testing.B) {
			r, origins := NewRegistry(), make([]uint64, count)
			for i := range origins {
				h := &Host{origin: crypto.OriginOf(crypto.EntityID(producer(i)))}
				origins[i] = h.origin
				if err := r.Register(h); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, ok := r.Host(origins[i%count]); !ok {
						b.Fatal("lost a host")
					}
				}
			})
		})
	}
}
