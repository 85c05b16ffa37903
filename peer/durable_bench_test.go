package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// BenchmarkDurable measures what every-event costs: 64 producers, each with one submission under way, against the same at
// memory, and against a program that appends the same 64 bytes to a preallocated file and syncs it, on the same
// disk in the same run. An operation is one round of all producers. It reports
//
//	rate/raw     acknowledged events a second over appends with a sync a second
//	added/sync   the median latency that durability adds, in syncs
func BenchmarkDurable(b *testing.B) {
	const producers = 64
	dir := b.TempDir()
	memory := newBench(b, wire.DurabilityMemory, filepath.Join(dir, "memory"), producers)
	durable := newBench(b, wire.DurabilityEveryEvent, filepath.Join(dir, "durable"), producers)
	raw := newRaw(b, dir)
	for b.Loop() {
		memory.round(b)
		durable.round(b)
		for range 8 {
			raw.round(b)
		}
	}
	each := raw.total.Seconds() / float64(len(raw.took))
	rate := float64(len(durable.took)) / durable.total.Seconds()
	b.ReportMetric(rate*each, "rate/raw")
	b.ReportMetric((median(durable.took)-median(memory.took)).Seconds()/median(raw.took).Seconds(), "added/sync")
	b.ReportMetric(rate, "events/s")
}

// samples are the latencies of one contender and the time in which it did all of them.
type samples struct {
	took  []time.Duration
	total time.Duration
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

type benchNode struct {
	samples
	producers []*Producer
}

func newBench(b *testing.B, level wire.Durability, dir string, producers int) *benchNode {
	key, err := crypto.GenerateNodeKeypair()
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		b.Fatal(err)
	}
	p, err := New(Config{Key: key, Listen: "127.0.0.1:0", DataDir: dir, Durability: level})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	if err := p.RegisterKind("counter", func() daemon.Daemon { return new(counter) }); err != nil {
		b.Fatal(err)
	}
	d, err := p.Spawn(context.Background(), "counter", SpawnOptions{})
	if err != nil {
		b.Fatal(err)
	}
	n := &benchNode{}
	for i := range producers {
		n.producers = append(n.producers, p.Producer(d.Origin, ProducerOptions{Label: fmt.Sprint(i)}))
	}
	n.round(b) // opens the producers
	n.samples = samples{}
	return n
}

// round lets every producer submit 16 times, one after the other.
func (n *benchNode) round(b *testing.B) {
	const times = 16
	payload := make([]byte, 64)
	took := make([]time.Duration, len(n.producers)*times)
	began := time.Now()
	var wg sync.WaitGroup
	for i, p := range n.producers {
		wg.Go(func() {
			for k := range times {
				at := time.Now()
				if _, err := p.Submit(context.Background(), payload); err != nil {
					b.Error(err)
				}
				took[i*times+k] = time.Since(at)
			}
		})
	}
	wg.Wait()
	n.total += time.Since(began)
	n.took = append(n.took, took...)
}

type rawFile struct {
	samples
	f   *os.File
	off int64
}

func newRaw(b *testing.B, dir string) *rawFile {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err == nil {
		_, err = f.Write(make([]byte, 16<<20))
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return &rawFile{f: f}
}

func (r *rawFile) round(b *testing.B) {
	at := time.Now()
	_, err := r.f.WriteAt(make([]byte, 64), r.off)
	if err == nil {
		err = r.f.Sync()
	}
	if err != nil {
		b.Fatal(err)
	}
	took := time.Since(at)
	r.off = (r.off + 64) % (16 << 20)
	r.total += took
	r.took = append(r.took, took)
}
