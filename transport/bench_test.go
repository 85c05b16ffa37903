package transport

import (
	"context"
	"io"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/wire"
)

// The benchmarks come in pairs: ours, and the same bytes over a bare quic-go
// stream between two sockets of the same process. Compare within one run only:
// the machine's own speed varies more than the difference.

const benchBulk = 64 << 20 // bytes per transfer

// rawPair connects two bare QUIC endpoints with quic-go's own defaults.
func rawPair(b *testing.B, conf *quic.Config) (client, server *quic.Conn) {
	b.Helper()
	cert, err := selfSigned(keyOf(b, 1))
	if err != nil {
		b.Fatal(err)
	}
	l, err := quic.ListenAddr("127.0.0.1:0", serverTLS(cert), conf)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	ctx := context.Background()
	client, err = quic.DialAddr(ctx, l.Addr().String(), clientTLS(cert, keyOf(b, 1).ID()), conf)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.CloseWithError(0, "") })
	server, err = l.Accept(ctx)
	if err != nil {
		b.Fatal(err)
	}
	return client, server
}

func BenchmarkBulkRaw(b *testing.B) {
	client, server := rawPair(b, nil)
	data := make([]byte, 64<<10)
	b.SetBytes(benchBulk)
	b.ReportAllocs()
	for b.Loop() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			src, err := server.AcceptUniStream(context.Background())
			if err == nil {
				_, err = io.CopyBuffer(writerOnly{io.Discard}, src, make([]byte, 64<<10))
			}
			if err != nil {
				b.Error(err)
			}
		}()
		out, err := client.OpenUniStreamSync(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for range benchBulk / len(data) {
			if _, err := out.Write(data); err != nil {
				b.Fatal(err)
			}
		}
		if err := out.Close(); err != nil {
			b.Fatal(err)
		}
		<-done
	}
}

// writerOnly hides ReadFrom, so that a copy uses the buffer it was given.
type writerOnly struct{ io.Writer }

func BenchmarkBulkSnapshot(b *testing.B) {
	sender, receiver, at, _ := pair(b, medium{"quic", listenQUIC}, Config{})
	data := make([]byte, 64<<10)
	b.SetBytes(benchBulk)
	b.ReportAllocs()
	for b.Loop() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			got := <-receiver.snapshots
			if _, err := io.CopyBuffer(writerOnly{io.Discard}, got.r, make([]byte, 64<<10)); err != nil {
				b.Error(err)
			}
		}()
		w, err := sender.OpenSnapshot(context.Background(), at, refOf(1))
		if err != nil {
			b.Fatal(err)
		}
		for range benchBulk / len(data) {
			if _, err := w.Write(data); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		<-done
	}
}

func BenchmarkPingRaw(b *testing.B) {
	client, server := rawPair(b, nil)
	ping := progress(1, 1)
	go func() {
		st, err := server.AcceptStream(context.Background())
		buf := make([]byte, len(ping))
		for err == nil {
			if _, err = io.ReadFull(st, buf); err == nil {
				_, err = st.Write(buf)
			}
		}
	}()
	st, err := client.OpenStreamSync(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, len(ping))
	for b.Loop() {
		if _, err := st.Write(ping); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(st, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPingControl(b *testing.B) {
	one, two := join(b, medium{"quic", listenQUIC}, 1, Config{}), join(b, medium{"quic", listenQUIC}, 2, Config{})
	back := make(chan struct{})
	two.onFrame = func(f received) {
		_ = two.Send(f.id, wire.ChannelControl, wire.MigrationID{}, progress(1, 1))
	}
	one.onFrame = func(received) { back <- struct{}{} }
	at, _ := dial(b, one, two)
	for b.Loop() {
		if err := one.Send(at, wire.ChannelControl, wire.MigrationID{}, progress(1, 1)); err != nil {
			b.Fatal(err)
		}
		<-back
	}
}

// BenchmarkSmallFrames measures how queued frames are joined: 128 B each, one
// way, as fast as they go.
func BenchmarkSmallFrames(b *testing.B) {
	cfg := Config{QueueBytes: 8 << 20}
	one, two := join(b, medium{"quic", listenQUIC}, 1, cfg), join(b, medium{"quic", listenQUIC}, 2, cfg)
	arrived := make(chan struct{}, 1)
	count, want := 0, -1
	two.onFrame = func(f received) {
		if count++; count == want {
			arrived <- struct{}{}
		}
	}
	at, _ := dial(b, one, two)
	const burst = 10000
	b.SetBytes(burst * 142)
	for b.Loop() {
		count, want = 0, burst
		for range burst {
			if err := one.Send(at, wire.ChannelControl, wire.MigrationID{}, bulk(1, 92)); err != nil {
				b.Fatal(err)
			}
		}
		<-arrived
	}
}
