package crypto

import (
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/codec"
)

// TestSignedHead_EveryEpoch signs each head of a journey with the key of each
// epoch: exactly those within the epoch verify.
func TestSignedHead_EveryEpoch(t *testing.T) {
	c := draw(t, "g-a-b*->B-c-d->C-e")
	keys := []*EntityKeypair{keyOf("entity"), keyOf(epochKey(2, "B")), keyOf(epochKey(3, "C"))}
	// Epoch 1 spans 0 … 3, epoch 2 from its handover at 3 to the next at 6.
	first, last := []uint64{0, 3, 6}, []uint64{3, 6, 7}
	for sequence, head := range c.heads {
		for i, key := range keys {
			s, err := SignHead(key, head, uint64(i+1))
			if err != nil {
				t.Fatal(err)
			}
			within := uint64(sequence) >= first[i] && uint64(sequence) <= last[i]
			err = s.Verify(c.passport)
			if within && err != nil || !within && !errors.Is(err, ErrHeadMismatch) {
				t.Errorf("head %d at epoch %d: got %v", sequence, i+1, err)
			}
		}
	}
}

// TestSignedHead_Refused: everything that can be wrong with one.
func TestSignedHead_Refused(t *testing.T) {
	c := draw(t, "g-a->B-b")
	good, err := SignHead(c.key, c.head(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := good.Verify(c.passport); err != nil {
		t.Fatal(err)
	}
	sign := func(k *EntityKeypair, epoch uint64, change func(h *Head)) SignedHead {
		h := c.head()
		change(&h)
		s, err := SignHead(k, h, epoch)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	same := func(*Head) {}
	entry := c.heads[2]
	for name, test := range map[string]struct {
		s    SignedHead
		want error
	}{
		"former key":         {sign(keyOf("entity"), 2, same), ErrBadSignature},
		"other origin":       {sign(c.key, 2, func(h *Head) { h.Origin++ }), ErrOrigin},
		"epoch to come":      {sign(c.key, 3, same), ErrWrongKey},
		"epoch 0":            {sign(c.key, 0, same), ErrWrongKey},
		"epoch of the past":  {sign(c.key, 1, same), ErrBadSignature},
		"not the handover":   {sign(c.key, 2, func(h *Head) { *h = entry; h.Digest[0] ^= 1 }), ErrHeadMismatch},
		"other outputs":      {sign(c.key, 2, func(h *Head) { *h = entry; h.Outputs[0] ^= 1 }), ErrHeadMismatch},
		"before the genesis": {sign(keyOf("entity"), 1, func(h *Head) { *h = c.heads[0]; h.Digest[0] ^= 1 }), ErrHeadMismatch},
		"not the frozen one": {sign(keyOf("entity"), 1, func(h *Head) { *h = c.heads[1]; h.Digest[0] ^= 1 }), ErrHeadMismatch},
	} {
		if err := test.s.Verify(c.passport); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	bad := c.passport.Clone()
	bad.Handovers[0].Signature[0] ^= 1
	if err := good.Verify(bad); !errors.Is(err, ErrBadPassport) {
		t.Errorf("passport that does not verify: got %v, want ErrBadPassport", err)
	}
	if _, err := SignHead(PublicOnly(c.key.Public()), c.head(), 2); !errors.Is(err, ErrCannotSign) {
		t.Errorf("no secret: got %v, want ErrCannotSign", err)
	}
}

// TestSignedHead_RoundTrip, every truncation and every bit.
func TestSignedHead_RoundTrip(t *testing.T) {
	c := draw(t, "g-a->B-b*")
	s, err := SignHead(c.key, c.head(), 2)
	if err != nil {
		t.Fatal(err)
	}
	b := AppendSignedHead(nil, s)
	if len(b) != SignedHeadSize {
		t.Errorf("%d bytes, want %d", len(b), SignedHeadSize)
	}
	cur := codec.NewCursor(b)
	if got := DecodeSignedHead(&cur); got != s || cur.Finish() != nil {
		t.Errorf("got %+v, want %+v", got, s)
	}
	for n := range len(b) {
		cur := codec.NewCursor(b[:n])
		if DecodeSignedHead(&cur); !errors.Is(cur.Finish(), codec.ErrTruncated) {
			t.Errorf("%d bytes decode", n)
		}
	}
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		cur := codec.NewCursor(b)
		if err := DecodeSignedHead(&cur).VerifyKey(c.key.Public()); !errors.Is(err, ErrBadSignature) {
			t.Errorf("bit %d of byte %d: got %v", bit%8, bit/8, err)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}
