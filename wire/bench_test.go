package wire

import (
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// benchBatch is the batch that a busy daemon ships: 64 events of 128 bytes.
func benchBatch() *BufferedEvents {
	m := &BufferedEvents{Ref: Ref{Origin: 1, Epoch: 1}}
	for i := range MaxBatch {
		ev := goldenEvent(crypto.EventInput)
		ev.Link.Sequence, ev.Payload = uint64(i), run(0, 128)
		m.Events = append(m.Events, ev)
	}
	return m
}

func TestBatchesAllocateNothing(t *testing.T) {
	m := benchBatch()
	frame := AppendFrame(nil, m)
	if allocs := testing.AllocsPerRun(100, func() { frame = AppendFrame(frame[:0], m) }); allocs > 0 {
		t.Errorf("encoding into a reused buffer: %.0f allocations", allocs)
	}
	var reused BufferedEvents
	body := frame[headerLen:]
	allocs := testing.AllocsPerRun(100, func() {
		if err := DecodeEvents(body, &reused); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("decoding into a reused slice: %.0f allocations", allocs)
	}
	if len(reused.Events) != MaxBatch || reused.Events[63].Link.Sequence != 63 {
		t.Errorf("decoded %d events", len(reused.Events))
	}
}

func TestDecodeEventsRefuses(t *testing.T) {
	var m BufferedEvents
	body := bodyOf(benchBatch())
	for _, c := range []struct {
		body []byte
		want error
	}{
		{body[:len(body)-1], codec.ErrTruncated},
		{append(body, 0), codec.ErrTrailing},
		{make([]byte, MaxBatchBytes+1), ErrTooLarge},
	} {
		frame := (*FrameError)(nil)
		if err := DecodeEvents(c.body, &m); !errors.Is(err, c.want) || !errors.As(err, &frame) {
			t.Errorf("%d bytes: %v, want %v", len(c.body), err, c.want)
		}
	}
}

func BenchmarkBufferedEventsEncode(b *testing.B) {
	m := benchBatch()
	frame := AppendFrame(nil, m)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		frame = AppendFrame(frame[:0], m)
	}
}

func BenchmarkBufferedEventsDecode(b *testing.B) {
	body := bodyOf(benchBatch())
	var m BufferedEvents
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := DecodeEvents(body, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeFinal(b *testing.B) {
	body := bodyOf(&Final{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(Header{TypeFinal, len(body)}, body); err != nil {
			b.Fatal(err)
		}
	}
}
