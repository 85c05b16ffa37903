package kinds

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// benchEvents are payloads of a kind's load, for going round and round.
func benchEvents(b *testing.B, name string, size uint64) []daemon.Event {
	load, err := NewLoad(name, 1, size)
	if err != nil {
		b.Fatal(err)
	}
	events := make([]daemon.Event, 1<<14)
	for i := range events {
		events[i] = daemon.Event{Kind: crypto.EventInput, Producer: crypto.ProducerID{1}, Payload: load.Next(nil)}
	}
	return events
}

func benchProcess(b *testing.B, d daemon.Daemon, events []daemon.Event) {
	b.ReportAllocs()
	total := 0
	seq := uint64(1)
	for b.Loop() {
		ev := events[seq%uint64(len(events))]
		seq++
		ev.Link.Sequence, ev.ProducerSeq = seq, seq
		if _, err := d.Process(ev); err != nil {
			b.Fatal(err)
		}
		total += len(ev.Payload)
	}
	b.SetBytes(int64(total / b.N))
}

func BenchmarkKV(b *testing.B) { benchProcess(b, NewKV(), benchEvents(b, "kv", 0)) }

func BenchmarkLedger(b *testing.B) {
	_, l := openLedger(b, 1<<20, 1000)
	benchProcess(b, l, benchEvents(b, "ledger", 64<<20))
}

// BenchmarkLedgerUnderView is BenchmarkLedger while a view is written without pause.
func BenchmarkLedgerUnderView(b *testing.B) {
	_, l := openLedger(b, 1<<20, 1000)
	v := shot(b, l)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				v.WriteTo(io.Discard)
			}
		}
	}()
	benchProcess(b, l, benchEvents(b, "ledger", 64<<20))
	close(stop)
	<-done
}

func BenchmarkWordCountLines(b *testing.B) {
	benchProcess(b, NewWordCount(), benchEvents(b, "wordcount", 0))
}

func BenchmarkWordCountBlocks(b *testing.B) {
	var text []byte
	for _, ev := range benchEvents(b, "wordcount", 0) {
		text = append(text, ev.Payload...)
	}
	benchProcess(b, NewWordCount(), []daemon.Event{{Payload: text[:64<<10]}})
}

func BenchmarkAudit(b *testing.B) {
	var a Audit
	ev := daemon.Event{Producer: crypto.ProducerID{1}, Payload: make([]byte, 50)}
	b.ReportAllocs()
	for b.Loop() {
		ev.ProducerSeq++
		a.Record(ev)
	}
}

func BenchmarkLedgerOpen(b *testing.B) {
	const size = 64 << 20
	b.SetBytes(size)
	for b.Loop() {
		l := NewLedger()
		if _, err := l.open(size, 1); err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}

// benchSnapshot measures the call alone, which is what stops the daemon.
func benchSnapshot(b *testing.B, d daemon.Daemon) {
	b.ReportAllocs()
	for b.Loop() {
		v, err := d.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		if c, ok := v.(io.Closer); ok {
			c.Close()
		}
	}
}

func BenchmarkLedgerSnapshot(b *testing.B) {
	_, l := openLedger(b, 1<<22, 1000) // 256 MiB
	benchSnapshot(b, l)
}

func BenchmarkKVSnapshot(b *testing.B) { benchSnapshot(b, filledKV(b)) }

func BenchmarkWordCountSnapshot(b *testing.B) {
	w := NewWordCount()
	for _, ev := range benchEvents(b, "wordcount", 0) {
		w.count(ev.Payload)
	}
	benchSnapshot(b, w)
}

func filledKV(b *testing.B) *KV {
	s := NewKV()
	f := feed(b, s)
	for _, ev := range benchEvents(b, "kv", 0) {
		f.send(string(ev.Payload))
	}
	return s
}

func benchWrite(b *testing.B, d daemon.Daemon) {
	v := shot(b, d)
	for b.Loop() {
		n, err := v.WriteTo(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n)
	}
}

func BenchmarkLedgerWrite(b *testing.B) {
	_, l := openLedger(b, 1<<20, 1000)
	benchWrite(b, l)
}

func BenchmarkKVWrite(b *testing.B) { benchWrite(b, filledKV(b)) }

func benchRestore(b *testing.B, d daemon.Daemon, make func() daemon.Daemon) {
	state := stateOf(b, d)
	b.SetBytes(int64(len(state)))
	for b.Loop() {
		back := make()
		if err := back.Restore(bytes.NewReader(state)); err != nil {
			b.Fatal(err)
		}
		if c, ok := back.(io.Closer); ok {
			c.Close()
		}
	}
}

func BenchmarkLedgerRestore(b *testing.B) {
	_, l := openLedger(b, 1<<20, 1000)
	benchRestore(b, l, func() daemon.Daemon { return NewLedger() })
}

func BenchmarkKVRestore(b *testing.B) {
	benchRestore(b, filledKV(b), func() daemon.Daemon { return NewKV() })
}

// BenchmarkLedgerPauses reports how long single transfers take at 2,000 a second while a view
// is written beside them.
func BenchmarkLedgerPauses(b *testing.B) {
	_, l := openLedger(b, 1<<20, 1000)
	v := shot(b, l)
	events := benchEvents(b, "ledger", 64<<20)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				v.WriteTo(io.Discard)
			}
		}
	}()
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	var took []time.Duration
	seq := uint64(1)
	for b.Loop() {
		<-tick.C
		ev := events[seq%uint64(len(events))]
		seq++
		ev.Link.Sequence, ev.ProducerSeq = seq, seq
		start := time.Now()
		l.Process(ev)
		took = append(took, time.Since(start))
	}
	close(stop)
	<-done
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}
