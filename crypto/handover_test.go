package crypto

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// signNext signs a handover that fits the end of the chain.
func signNext(t testing.TB, c *chain, forced bool) (CausalEvent, Handover) {
	t.Helper()
	key := c.key
	if forced {
		key = keyOf("administrator")
	}
	ev, h, err := SignHandover(key, c.next("B", forced))
	if err != nil {
		t.Fatal(err)
	}
	return ev, h
}

// TestHandover_SignParse: the entry follows the head it names, and every reader
// sees what the signer saw.
func TestHandover_SignParse(t *testing.T) {
	c := draw(t, "g-a-b*")
	for _, forced := range []bool{false, true} {
		ev, signed := signNext(t, c, forced)
		signer := c.key.Public()
		if forced {
			signer = keyOf("administrator").Public()
		}
		parsed, err := ParseHandover(ev, signer)
		if err != nil || parsed != signed {
			t.Errorf("forced %v: got %+v, %v, want %+v", forced, parsed, err, signed)
		}
		if err := c.head().CheckLink(ev.Link); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(parsed.Event(), ev) {
			t.Errorf("Event: got %+v, want %+v", parsed.Event(), ev)
		}
		if (ev.Kind == EventForced) != forced || !ev.Producer.IsZero() || ev.ProducerSeq != 0 {
			t.Errorf("entry %+v", ev)
		}
		if len(ev.Payload) != HandoverSize {
			t.Errorf("payload of %d bytes, want %d", len(ev.Payload), HandoverSize)
		}
	}
}

// TestHandover_EveryBit: a flipped bit anywhere in the payload is refused, and
// so is a change of the entry around it.
func TestHandover_EveryBit(t *testing.T) {
	c := draw(t, "g-a")
	ev, _ := signNext(t, c, false)
	refused := func(what string, ev CausalEvent) {
		t.Helper()
		_, err := ParseHandover(ev, c.key.Public())
		if !errors.Is(err, ErrBadHandover) && !errors.Is(err, ErrBadSignature) && !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	for bit := range 8 * len(ev.Payload) {
		bad := ev
		bad.Payload = append([]byte(nil), ev.Payload...)
		bad.Payload[bit/8] ^= 1 << (bit % 8)
		refused("payload bit", bad)
	}
	for name, change := range map[string]func(e *CausalEvent){
		"origin":       func(e *CausalEvent) { e.Link.Origin++ },
		"sequence":     func(e *CausalEvent) { e.Link.Sequence++ },
		"parent":       func(e *CausalEvent) { e.Link.Parent[0] ^= 1 },
		"input":        func(e *CausalEvent) { e.Kind = EventInput },
		"forced":       func(e *CausalEvent) { e.Kind = EventForced },
		"unknown kind": func(e *CausalEvent) { e.Kind = 9 },
		"producer":     func(e *CausalEvent) { e.Producer[0] = 1 },
		"producer seq": func(e *CausalEvent) { e.ProducerSeq = 1 },
		"trailing":     func(e *CausalEvent) { e.Payload = append(append([]byte(nil), e.Payload...), 0) },
		"empty":        func(e *CausalEvent) { e.Payload = nil },
	} {
		bad := ev
		change(&bad)
		refused(name, bad)
	}
	for n := range len(ev.Payload) {
		bad := ev
		bad.Payload = ev.Payload[:n]
		_, err := ParseHandover(bad, c.key.Public())
		if !errors.Is(err, ErrBadHandover) {
			t.Errorf("first %d bytes: got %v, want ErrBadHandover", n, err)
		}
	}
}

// TestHandover_WrongSigner: other keys, and the right key under the wrong form.
func TestHandover_WrongSigner(t *testing.T) {
	c := draw(t, "g-a")
	plain, _ := signNext(t, c, false)
	forced, _ := signNext(t, c, true)
	if _, err := ParseHandover(plain, keyOf("other").Public()); !errors.Is(err, ErrBadSignature) {
		t.Errorf("other key: got %v", err)
	}
	if _, err := ParseHandover(forced, c.key.Public()); !errors.Is(err, ErrBadSignature) {
		t.Errorf("forced, by the epoch's key: got %v", err)
	}
	if _, err := ParseHandover(plain, PublicKey{}); !errors.Is(err, ErrWeakKey) {
		t.Errorf("no key: got %v", err)
	}
}

// TestHandover_Static: each rule that needs no key is enforced by signer and
// reader alike.
func TestHandover_Static(t *testing.T) {
	c := draw(t, "g-a")
	for name, test := range map[string]struct {
		change func(h *Handover)
		want   error
	}{
		"epoch 0":            {func(h *Handover) { h.Epoch = 0 }, ErrBadHandover},
		"epoch 1":            {func(h *Handover) { h.Epoch = 1 }, ErrBadHandover},
		"no new holder":      {func(h *Handover) { h.To = NodeID{} }, ErrBadHandover},
		"end of the log":     {func(h *Handover) { h.Head.Sequence = math.MaxUint64 }, ErrBadHandover},
		"snapshot too new":   {func(h *Handover) { h.SnapshotSequence = h.Head.Sequence + 1 }, ErrBadHandover},
		"no next key":        {func(h *Handover) { h.Next = PublicKey{} }, ErrWeakKey},
		"next key off curve": {func(h *Handover) { h.Next = PublicKey{2} }, ErrWeakKey},
	} {
		h := c.next("B", false)
		test.change(&h)
		if _, _, err := SignHandover(c.key, h); !errors.Is(err, test.want) {
			t.Errorf("%s, signing: got %v, want %v", name, err, test.want)
		}
		if _, err := ParseHandover(forgedHandover(c, h), c.key.Public()); !errors.Is(err, test.want) {
			t.Errorf("%s, parsing: got %v, want %v", name, err, test.want)
		}
	}
	if _, _, err := SignHandover(PublicOnly(c.key.Public()), c.next("B", false)); !errors.Is(err, ErrCannotSign) {
		t.Errorf("no secret: got %v, want ErrCannotSign", err)
	}
}

// TestHandover_Time: nanoseconds in UTC, none at all, and times that have no
// encoding.
func TestHandover_Time(t *testing.T) {
	c := draw(t, "g-a")
	zone := time.FixedZone("east", 3600)
	for _, test := range []struct {
		name string
		give time.Time
		want time.Time
	}{
		{"none", time.Time{}, time.Time{}},
		{"UTC", time.Unix(1, 2).UTC(), time.Unix(1, 2).UTC()},
		{"a zone", time.Unix(1, 2).In(zone), time.Unix(1, 2).UTC()},
		{"before 1970", time.Unix(-5, 1).UTC(), time.Unix(-5, 1).UTC()},
		{"1970 itself", time.Unix(0, 0).UTC(), time.Time{}},
	} {
		h := c.next("B", false)
		h.Time = test.give
		ev, signed, err := SignHandover(c.key, h)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParseHandover(ev, c.key.Public())
		if err != nil || parsed.Time != test.want || signed != parsed {
			t.Errorf("%s: got %v, %v, want %v", test.name, parsed.Time, err, test.want)
		}
	}
	h := c.next("B", false)
	h.Time = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, _, err := SignHandover(c.key, h); !errors.Is(err, ErrBadHandover) {
		t.Errorf("year 2500: got %v, want ErrBadHandover", err)
	}
}

// TestHandover_Digest covers every field but the signatures.
func TestHandover_Digest(t *testing.T) {
	_, base := signNext(t, draw(t, "g-a"), false)
	other := base
	other.Signature[3] ^= 1
	if other.Digest() != base.Digest() {
		t.Error("the digest depends on the signature")
	}
	seen := map[Digest]string{base.Digest(): "unchanged"}
	for name, change := range map[string]func(h *Handover){
		"from":     func(h *Handover) { h.From[0] ^= 1 },
		"to":       func(h *Handover) { h.To[0] ^= 1 },
		"epoch":    func(h *Handover) { h.Epoch++ },
		"origin":   func(h *Handover) { h.Head.Origin++ },
		"sequence": func(h *Handover) { h.Head.Sequence++ },
		"digest":   func(h *Handover) { h.Head.Digest[0] ^= 1 },
		"outputs":  func(h *Handover) { h.Head.Outputs[0] ^= 1 },
		"next":     func(h *Handover) { h.Next[0] ^= 1 },
		"snapshot": func(h *Handover) { h.SnapshotSequence++ },
		"previous": func(h *Handover) { h.Previous[0] ^= 1 },
		"time":     func(h *Handover) { h.Time = h.Time.Add(1) },
		"forced":   func(h *Handover) { h.Forced = true },
		"decided":  func(h *Handover) { h.Decided = true },
		"attempt":  func(h *Handover) { h.Decided, h.Attempt.Count = true, 7 },
	} {
		h := base
		change(&h)
		if with, taken := seen[h.Digest()]; taken {
			t.Errorf("%s: same digest as %s", name, with)
		}
		seen[h.Digest()] = name
	}
}

// TestHandover_UnknownForm: forms to come are refused by this version.
func TestHandover_UnknownForm(t *testing.T) {
	_, h := signNext(t, draw(t, "g-a"), false)
	b := AppendHandover(nil, h)
	for _, form := range []byte{0, 4, 255} {
		b[0] = form
		c := codec.NewCursor(b)
		if decodeHandover(&c); !errors.Is(c.Err(), ErrBadHandover) {
			t.Errorf("form %d: got %v", form, c.Err())
		}
	}
}

// BenchmarkHandover_Sign and BenchmarkHandover_Parse are one hop's cost.
func BenchmarkHandover_Sign(b *testing.B) {
	c := draw(b, "g-a")
	h := c.next("B", false)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := SignHandover(c.key, h); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandover_Parse checks form and signature.
func BenchmarkHandover_Parse(b *testing.B) {
	c := draw(b, "g-a")
	ev, _ := signNext(b, c, false)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseHandover(ev, c.key.Public()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSign is one signature of a head, the smallest statement.
func BenchmarkSign(b *testing.B) {
	c := draw(b, "g-a")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := SignHead(c.key, c.head(), 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckPublicKey is what a decoded key costs before it is used.
func BenchmarkCheckPublicKey(b *testing.B) {
	key := keyOf("entity").Public()
	b.ReportAllocs()
	for b.Loop() {
		if key.Check() != nil {
			b.Fatal("weak")
		}
	}
}
