package crypto

import (
	"errors"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/codec"
)

// TestGenesis_SignVerify with and without an administrator and a kind.
func TestGenesis_SignVerify(t *testing.T) {
	for _, admin := range []PublicKey{{}, keyOf("administrator").Public()} {
		for _, kind := range []string{"", "counter", strings.Repeat("k", MaxKind)} {
			g, err := SignGenesis(keyOf("entity"), kind, admin)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Verify(); err != nil {
				t.Errorf("kind %q: %v", kind, err)
			}
			if g.Entity != EntityID(keyOf("entity").Public()) || g.Kind != kind || g.Administrator != admin {
				t.Errorf("fields: %+v", g)
			}
		}
	}
}

// TestGenesis_Refused: what cannot be signed or verified, and why.
func TestGenesis_Refused(t *testing.T) {
	k, long := keyOf("entity"), strings.Repeat("k", MaxKind+1)
	if _, err := SignGenesis(k, long, PublicKey{}); !errors.Is(err, ErrBadGenesis) {
		t.Errorf("long kind: got %v, want ErrBadGenesis", err)
	}
	if _, err := SignGenesis(PublicOnly(k.Public()), "k", PublicKey{}); !errors.Is(err, ErrCannotSign) {
		t.Errorf("no secret: got %v, want ErrCannotSign", err)
	}
	g, err := SignGenesis(k, "k", PublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(g *Genesis){
		"entity":        func(g *Genesis) { g.Entity = EntityID(keyOf("other").Public()) },
		"administrator": func(g *Genesis) { g.Administrator = keyOf("other").Public() },
		"kind":          func(g *Genesis) { g.Kind = "K" },
		"signature":     func(g *Genesis) { g.Signature[5] ^= 4 },
	} {
		bad := g
		change(&bad)
		if err := bad.Verify(); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s changed: got %v, want ErrBadSignature", name, err)
		}
	}
	g.Kind = long
	if err := g.Verify(); !errors.Is(err, ErrBadGenesis) {
		t.Errorf("long kind: got %v, want ErrBadGenesis", err)
	}
}

// TestGenesis_Head: sequence 0 of the entity's own origin, and no outputs.
func TestGenesis_Head(t *testing.T) {
	c := draw(t, "g-a")
	g := c.passport.Genesis
	want := Head{Origin: OriginOf(g.Entity), Digest: g.Digest()}
	if g.Head() != want || c.events[0].Link.Parent != g.Digest() {
		t.Errorf("got %+v, want %+v", g.Head(), want)
	}
	signed := g.Digest()
	g.Signature[0] ^= 1
	if g.Digest() != signed {
		t.Error("the digest depends on the signature")
	}
	g.Kind += "x"
	if g.Digest() == signed {
		t.Error("the digest does not depend on the kind")
	}
}

// TestGenesis_RoundTrip and every truncation.
func TestGenesis_RoundTrip(t *testing.T) {
	g := draw(t, "g").passport.Genesis
	b := AppendGenesis(nil, g)
	c := codec.NewCursor(b)
	if got := DecodeGenesis(&c); got != g || c.Finish() != nil {
		t.Errorf("got %+v, want %+v", got, g)
	}
	for n := range len(b) {
		c := codec.NewCursor(b[:n])
		if DecodeGenesis(&c); !errors.Is(c.Finish(), codec.ErrTruncated) {
			t.Errorf("%d bytes decode", n)
		}
	}
}
