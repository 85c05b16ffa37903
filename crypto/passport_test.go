package crypto

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
)

// TestC2_VerifiesOffline: drawn passports verify after a trip through bytes,
// with nothing but themselves.
func TestC2_VerifiesOffline(t *testing.T) {
	for _, text := range []string{
		"g", "g-a", "g->B", "g-a->B", "g->B->C->D", "g-a->B-b*-c->A-d->B->C-e",
		"g-!B", "g-a->B-b-!C-c->D", "g-!B-!C",
		"g-=B", "g-a*-=B-=C-b->D-=B-!C-=D-c",
	} {
		c := draw(t, text)
		p, err := ParsePassport(AppendPassport(nil, c.passport))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := p.Verify(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if p.Entity != EntityID(keyOf("entity").Public()) {
			t.Errorf("%s: entity %s", text, p.Entity.Short())
		}
	}
}

// TestC2_EverySingleBit: whatever bit of an encoded passport is flipped, it no
// longer decodes or no longer verifies.
func TestC2_EverySingleBit(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"g", "g-a->B", "g-a->B-b-!C", "g-=B-a->C"} {
		b := AppendPassport(nil, draw(t, text).passport)
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			p, err := ParsePassport(b)
			if err == nil {
				err = p.Verify()
			}
			if !errors.Is(err, ErrBadPassport) {
				t.Errorf("%s: bit %d of byte %d: got %v", text, bit%8, bit/8, err)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// TestC2_EveryRule breaks one rule of the chain of handovers at a time, signing
// the result properly, so that only the rule itself can notice.
func TestC2_EveryRule(t *testing.T) {
	c := draw(t, "g-a->B-b")
	entry := c.passport.Handovers[0].Head.Sequence + 1
	for name, test := range map[string]struct {
		change func(h *Handover)
		want   error
	}{
		"nothing":              {func(h *Handover) {}, nil},
		"epoch skipped":        {func(h *Handover) { h.Epoch++ }, ErrBadHandover},
		"epoch repeated":       {func(h *Handover) { h.Epoch-- }, ErrBadHandover},
		"other predecessor":    {func(h *Handover) { h.Previous[0] ^= 1 }, ErrBadHandover},
		"genesis again":        {func(h *Handover) { h.Previous = c.passport.Genesis.Digest() }, ErrBadHandover},
		"other origin":         {func(h *Handover) { h.Head.Origin++ }, ErrBadHandover},
		"head before the last": {func(h *Handover) { h.Head.Sequence = entry - 1 }, ErrBadHandover},
		"head at the last":     {func(h *Handover) { h.Head.Sequence = entry }, ErrBadHandover},
		"not from the holder":  {func(h *Handover) { h.From = nodeOf("A") }, ErrBadHandover},
		"to nobody":            {func(h *Handover) { h.To = NodeID{} }, ErrBadHandover},
		"weak next key":        {func(h *Handover) { h.Next = smallOrder[4] }, ErrWeakKey},
		"forced, by the epoch": {func(h *Handover) { h.Forced = true }, ErrBadSignature},
		"snapshot from ahead":  {func(h *Handover) { h.SnapshotSequence = 99 }, ErrBadHandover},
		"decided, by the epoch": {func(h *Handover) {
			h.Decided, h.Attempt.Epoch = true, 2
		}, ErrBadSignature},
		"both forms": {func(h *Handover) {
			h.Decided, h.Attempt.Epoch, h.Forced = true, 2, true
		}, ErrBadHandover},
		"attempt, plain":        {func(h *Handover) { h.Attempt.Count = 1 }, ErrBadHandover},
		"acceptance, plain":     {func(h *Handover) { h.Acceptance[0] = 1 }, ErrBadHandover},
		"far ahead is possible": {func(h *Handover) { h.Head.Sequence = 1 << 40 }, nil},
	} {
		h := c.next("C", false)
		test.change(&h)
		h.Signature, _ = c.key.Sign(h.domain(), h.appendStatement(nil))
		_, appendErr := c.passport.Append(h)
		whole := c.passport.Clone()
		whole.Handovers = append(whole.Handovers, h)
		for _, err := range []error{appendErr, whole.Verify()} {
			var pe *PassportError
			switch {
			case test.want == nil && err != nil:
				t.Errorf("%s: %v", name, err)
			case test.want != nil && (!errors.Is(err, test.want) || !errors.Is(err, ErrBadPassport)):
				t.Errorf("%s: got %v, want %v", name, err, test.want)
			case test.want != nil && (!errors.As(err, &pe) || pe.Epoch != 3):
				t.Errorf("%s: the error does not name epoch 3: %v", name, err)
			}
		}
	}
}

// TestC2_FormerHolder: the key of an epoch that has ended certifies nothing any
// more, though it did sign validly in its time.
func TestC2_FormerHolder(t *testing.T) {
	c := draw(t, "g-a->B-b")
	former := keyOf("entity")
	_, h, err := SignHandover(former, c.next("E", false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.passport.Append(h); !errors.Is(err, ErrBadSignature) {
		t.Errorf("got %v, want ErrBadSignature", err)
	}
	if c.passport.Superseded(h.Event()) {
		t.Error("a handover to a future epoch counts as superseded")
	}
	past := h
	past.Epoch = 2
	ev, past, err := SignHandover(former, past)
	if err != nil {
		t.Fatal(err)
	}
	if !c.passport.Superseded(ev) {
		t.Error("what the former holder signed for its own time is not superseded")
	}
	past.Signature[0] ^= 1
	if c.passport.Superseded(past.Event()) {
		t.Error("a forged handover counts as superseded")
	}
}

// TestC2_NoAdministrator: without one there are no forced handovers, whoever
// signs them.
func TestC2_NoAdministrator(t *testing.T) {
	c := birth(t, "counter", PublicKey{})
	for _, signer := range []*EntityKeypair{keyOf("administrator"), c.key} {
		_, h, err := SignHandover(signer, c.next("B", true))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.passport.Append(h); !errors.Is(err, ErrBadHandover) {
			t.Errorf("got %v, want ErrBadHandover", err)
		}
	}
}

// TestC2_OtherGenesis: a genesis of another entity, or another one of the same.
func TestC2_OtherGenesis(t *testing.T) {
	c := draw(t, "g-a->B")
	p := c.passport.Clone()
	p.Entity = EntityID(keyOf("other").Public())
	if err := p.Verify(); !errors.Is(err, ErrWrongKey) {
		t.Errorf("other entity: got %v, want ErrWrongKey", err)
	}
	p = c.passport.Clone()
	p.Genesis = birth(t, "another kind", PublicKey{}).passport.Genesis
	if err := p.Verify(); !errors.Is(err, ErrBadHandover) {
		t.Errorf("other birth: got %v, want ErrBadHandover", err)
	}
}

// TestPassport_Accessors: epochs, keys and holders along a journey.
func TestPassport_Accessors(t *testing.T) {
	c := draw(t, "g")
	if _, ok := c.passport.Holder(); ok || c.passport.Epoch() != 1 || c.passport.Key() != c.key.Public() {
		t.Error("a passport without handovers")
	}
	c = draw(t, "g->B->C")
	p := c.passport
	if holder, ok := p.Holder(); !ok || holder != nodeOf("C") || p.Epoch() != 3 {
		t.Errorf("holder %v, epoch %d", holder, p.Epoch())
	}
	want := map[uint64]PublicKey{
		1: keyOf("entity").Public(),
		2: keyOf(epochKey(2, "B")).Public(),
		3: keyOf(epochKey(3, "C")).Public(),
	}
	for epoch := range uint64(6) {
		key, ok := p.KeyAt(epoch)
		if key != want[epoch] || ok != (epoch >= 1 && epoch <= 3) {
			t.Errorf("KeyAt(%d) = %s, %v", epoch, key, ok)
		}
	}
	if p.Key() != want[3] || p.Key() != c.key.Public() {
		t.Error("Key is not the current epoch's")
	}
}

// TestPassport_AppendCopies: two appends to one passport do not overwrite each
// other, and a clone shares nothing.
func TestPassport_AppendCopies(t *testing.T) {
	c := draw(t, "g-a->B")
	base := c.passport
	base.Handovers = append(make([]Handover, 0, 10), base.Handovers...)
	var both []Passport
	for _, to := range []string{"C", "D"} {
		_, h, err := SignHandover(c.key, c.next(to, false))
		if err != nil {
			t.Fatal(err)
		}
		p, err := base.Append(h)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, p)
	}
	if both[0].Handovers[1].To != nodeOf("C") || both[1].Handovers[1].To != nodeOf("D") || len(base.Handovers) != 1 {
		t.Error("the appends share memory")
	}
	clone := base.Clone()
	clone.Handovers[0].Epoch = 99
	if base.Handovers[0].Epoch == 99 {
		t.Error("the clone shares memory")
	}
}

// TestPassport_Full: the limit holds for appending, verifying and reading.
func TestPassport_Full(t *testing.T) {
	p := draw(t, "g").passport
	p.Handovers = make([]Handover, MaxHandovers)
	if _, err := p.Append(Handover{}); !errors.Is(err, ErrPassportFull) {
		t.Errorf("Append: got %v, want ErrPassportFull", err)
	}
	p.Handovers = make([]Handover, MaxHandovers+1)
	if err := p.Verify(); !errors.Is(err, ErrPassportFull) {
		t.Errorf("Verify: got %v, want ErrPassportFull", err)
	}
	if _, err := ParsePassport(AppendPassport(nil, p)); !errors.Is(err, ErrPassportFull) || !errors.Is(err, ErrBadPassport) {
		t.Errorf("ParsePassport: got %v, want ErrPassportFull", err)
	}
}

// BenchmarkPassport_Verify is a journey of some hops.
func BenchmarkPassport_Verify(b *testing.B) {
	for _, hops := range []int{1, 16} {
		b.Run(fmt.Sprintf("%dhops", hops), func(b *testing.B) {
			c := draw(b, "g-a")
			for range hops {
				c.handOver(b, "B", false)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := c.passport.Verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAppendVerified: everything but the signature is looked at.
func TestAppendVerified(t *testing.T) {
	c := draw(t, "g-a->B-b")
	_, good, err := SignHandover(c.key, c.next("C", false))
	if err != nil {
		t.Fatal(err)
	}
	long, err := c.passport.Append(good)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := c.passport.AppendVerified(good); err != nil || !reflect.DeepEqual(p, long) {
		t.Errorf("%+v, %v; Append gives %+v", p, err, long)
	}
	for name, change := range map[string]func(*Handover){
		"epoch":       func(h *Handover) { h.Epoch++ },
		"predecessor": func(h *Handover) { h.Previous[0] ^= 1 },
		"origin":      func(h *Handover) { h.Head.Origin++ },
		"past head":   func(h *Handover) { h.Head.Sequence = 0 },
		"no holder":   func(h *Handover) { h.From[0] ^= 1 },
	} {
		h := good
		change(&h)
		if _, err := c.passport.AppendVerified(h); !errors.Is(err, ErrBadHandover) {
			t.Errorf("%s: got %v, want ErrBadHandover", name, err)
		}
	}
	if _, err := long.AppendVerified(good); !errors.Is(err, ErrBadHandover) {
		t.Errorf("the same again: got %v, want ErrBadHandover", err)
	}
}
