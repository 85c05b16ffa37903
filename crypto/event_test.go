package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// sampleEvent has every field set to something else.
func sampleEvent(payload []byte) CausalEvent {
	return CausalEvent{
		Link:     CausalLink{Origin: 0x0102030405060708, Sequence: 9, Parent: Digest(seedOf("parent"))},
		Kind:     EventInput,
		Producer: ProducerID(seedOf("producer")), ProducerSeq: 77,
		Payload: payload,
	}
}

// payloadSizes surrounds every size at which the hashing takes another path.
var payloadSizes = []int{0, 1, 54, 55, 56, 63, 64, 127, 128, 511, 512, 513, 1000, 16_383, 16_384, 65_536, MaxPayload}

// TestC1_StreamingAgrees: a payload of any size has the same digest in one piece
// and streamed, however it is cut.
func TestC1_StreamingAgrees(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for _, size := range payloadSizes {
		e := sampleEvent(bytes.Repeat([]byte{0xa5}, size))
		h, err := NewEventHasher(e, size)
		if err != nil {
			t.Fatal(err)
		}
		for rest := e.Payload; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			if _, err := h.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		got, err := h.Sum()
		if err != nil || got != e.Digest() {
			t.Errorf("%d bytes: streaming %s (%v), one-shot %s", size, got.Short(), err, e.Digest().Short())
		}
	}
}

// TestEventHasher_Length: the announced length is binding in both directions.
func TestEventHasher_Length(t *testing.T) {
	for _, length := range []int{-1, MaxPayload + 1} {
		if _, err := NewEventHasher(CausalEvent{}, length); !errors.Is(err, ErrLength) {
			t.Errorf("length %d: got %v, want ErrLength", length, err)
		}
	}
	h, err := NewEventHasher(sampleEvent(nil), 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Sum(); !errors.Is(err, ErrLength) {
		t.Errorf("3 bytes missing: got %v", err)
	}
	if n, err := h.Write([]byte("abcd")); n != 0 || !errors.Is(err, ErrLength) {
		t.Errorf("1 byte too many: got %d, %v", n, err)
	}
	// The refused piece has left no trace.
	if _, err := h.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Sum(); err != nil || got != sampleEvent([]byte("abc")).Digest() {
		t.Errorf("after a refused write: %v, %v", got, err)
	}
}

// TestEvent_DigestCommitsToEveryField changes one field at a time.
func TestEvent_DigestCommitsToEveryField(t *testing.T) {
	base := sampleEvent([]byte("payload"))
	seen := map[Digest]string{base.Digest(): "unchanged"}
	for name, change := range map[string]func(e *CausalEvent){
		"origin":       func(e *CausalEvent) { e.Link.Origin++ },
		"sequence":     func(e *CausalEvent) { e.Link.Sequence++ },
		"parent":       func(e *CausalEvent) { e.Link.Parent[31] ^= 1 },
		"kind":         func(e *CausalEvent) { e.Kind = EventHandover },
		"producer":     func(e *CausalEvent) { e.Producer[0] ^= 1 },
		"producer seq": func(e *CausalEvent) { e.ProducerSeq++ },
		"payload":      func(e *CausalEvent) { e.Payload = []byte("Payload") },
		"shorter":      func(e *CausalEvent) { e.Payload = []byte("payloa") },
		"empty":        func(e *CausalEvent) { e.Payload = nil },
	} {
		e := base
		change(&e)
		if other, taken := seen[e.Digest()]; taken {
			t.Errorf("%s: same digest as %s", name, other)
		}
		seen[e.Digest()] = name
	}
}

// TestEvent_DigestIsOfTheEncoding: the digest is SHA-256 of tag and encoding,
// for all sizes, so that the bytes sent are the bytes hashed.
func TestEvent_DigestIsOfTheEncoding(t *testing.T) {
	for _, size := range payloadSizes {
		e := sampleEvent(bytes.Repeat([]byte{1}, size))
		want := sha256Of(tagEvent, AppendEvent(nil, e))
		if e.Digest() != want {
			t.Errorf("%d bytes: the digest is not of the encoding", size)
		}
	}
}

// TestEvent_RoundTrip: decoding gives the event back, and its length is known.
func TestEvent_RoundTrip(t *testing.T) {
	for _, size := range payloadSizes {
		e := sampleEvent(bytes.Repeat([]byte{2}, size))
		if size == 0 {
			e.Payload = nil
		}
		b := AppendEvent(nil, e)
		c := codec.NewCursor(b)
		got := DecodeEvent(&c)
		if err := c.Finish(); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%d bytes: got %+v, %v", size, got, err)
		}
		if len(b) != e.EncodedLen() {
			t.Errorf("%d bytes: EncodedLen %d, want %d", size, e.EncodedLen(), len(b))
		}
		if size > 0 && &got.Payload[0] != &b[len(b)-size] {
			t.Error("the payload has been copied")
		}
	}
	if n := (CausalEvent{}).EncodedLen(); n != MinEventSize {
		t.Errorf("MinEventSize is %d, want %d", MinEventSize, n)
	}
}

// TestD2_EventTruncatedAnywhere: no prefix of an encoding decodes.
func TestD2_EventTruncatedAnywhere(t *testing.T) {
	b := AppendEvent(nil, sampleEvent([]byte("payload")))
	for n := range len(b) {
		c := codec.NewCursor(b[:n])
		DecodeEvent(&c)
		if err := c.Finish(); !errors.Is(err, codec.ErrTruncated) && !errors.Is(err, ErrBadEvent) {
			t.Errorf("%d of %d bytes: got %v", n, len(b), err)
		}
	}
}

// TestD2_EventRefused: unknown kinds, and payloads above the limit before their
// bytes are looked for.
func TestD2_EventRefused(t *testing.T) {
	for _, kind := range []EventKind{0, 4, 255} {
		e := sampleEvent(nil)
		e.Kind = kind
		c := codec.NewCursor(AppendEvent(nil, e))
		if DecodeEvent(&c); !errors.Is(c.Err(), ErrBadEvent) {
			t.Errorf("kind %d: got %v, want ErrBadEvent", kind, c.Err())
		}
	}
	c := codec.NewCursor((&CausalEvent{Kind: EventInput}).appendPrefix(nil, MaxPayload+1))
	if DecodeEvent(&c); !errors.Is(c.Err(), codec.ErrLimit) {
		t.Errorf("payload above the limit: got %v", c.Err())
	}
}

// TestEvents_OneByOne: many events at a time are the same bytes, and the same
// events again, as one at a time. What the events held before is gone.
func TestEvents_OneByOne(t *testing.T) {
	var events, used []CausalEvent
	var want []byte
	for i, size := range payloadSizes {
		e := sampleEvent(bytes.Repeat([]byte{3}, size))
		e.Link.Sequence = uint64(i)
		if size == 0 {
			e.Payload = nil
		}
		events, want = append(events, e), AppendEvent(want, e)
		used = append(used, sampleEvent([]byte("from the batch before")))
	}
	if got := AppendEvents(nil, events); !bytes.Equal(got, want) {
		t.Error("many events are not encoded as each of them is")
	}
	c := codec.NewCursor(want)
	if DecodeEvents(&c, used); c.Finish() != nil || !reflect.DeepEqual(used, events) {
		t.Errorf("many events do not decode to what they were: %v", c.Err())
	}
}

// TestD2_EventsRefused: the first of many that is wrong fails the cursor, and
// none after it is looked at.
func TestD2_EventsRefused(t *testing.T) {
	events := []CausalEvent{sampleEvent(nil), sampleEvent([]byte("unknown")), sampleEvent(nil)}
	events[1].Kind = 9
	b := AppendEvents(nil, events)
	for n := range len(b) {
		c, into := codec.NewCursor(b[:n]), make([]CausalEvent, len(events))
		DecodeEvents(&c, into)
		if err := c.Err(); !errors.Is(err, codec.ErrTruncated) && !errors.Is(err, ErrBadEvent) {
			t.Errorf("%d of %d bytes: got %v", n, len(b), err)
		}
		if !reflect.DeepEqual(into[2], CausalEvent{}) {
			t.Errorf("%d of %d bytes: an event was read after the failure", n, len(b))
		}
	}
}

// TestEventKind_Frozen pins numbers and names.
func TestEventKind_Frozen(t *testing.T) {
	for kind, want := range map[EventKind]string{1: "input", 2: "handover", 3: "forced", 9: "kind 9"} {
		if kind.String() != want {
			t.Errorf("kind %d is %q, want %q", uint8(kind), kind, want)
		}
	}
	if EventInput != 1 || EventHandover != 2 || EventForced != 3 {
		t.Error("the kinds have moved")
	}
}

// TestEvent_NoAlloc: chain steps allocate nothing, whatever the payload's size.
func TestEvent_NoAlloc(t *testing.T) {
	for _, size := range payloadSizes {
		e, head := sampleEvent(make([]byte, size)), Head{}
		outputs := [][]byte{make([]byte, 100)}
		if n := testing.AllocsPerRun(100, func() { head = head.Append(e, outputs) }); n != 0 {
			t.Errorf("%d bytes: %v allocations, want 0", size, n)
		}
	}
}

// BenchmarkEvent_Digest is the chain's own cost per event.
func BenchmarkEvent_Digest(b *testing.B) {
	for _, size := range []int{64, 256, 512, 513, 4 << 10, MaxPayload} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			e := sampleEvent(make([]byte, size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				e.Link.Parent = e.Digest()
			}
		})
	}
}

// BenchmarkHead_Append is a whole chain step: link check, digest and outputs.
func BenchmarkHead_Append(b *testing.B) {
	for _, size := range []int{64, 256} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			e, head := sampleEvent(make([]byte, size)), Head{}
			outputs := [][]byte{make([]byte, 32)}
			b.ReportAllocs()
			for b.Loop() {
				e.Link, _ = head.Next()
				if head.CheckLink(e.Link) != nil {
					b.Fatal("link refused")
				}
				head = head.Append(e, outputs)
			}
		})
	}
}
