package crypto

import (
	"errors"
	"strings"
	"testing"
)

// TestDomain_Frozen pins numbers of signed statements to their tags. Adding one
// adds a line here; no line ever changes.
func TestDomain_Frozen(t *testing.T) {
	frozen := map[Domain]string{
		1: "ferry/v1/genesis",
		2: "ferry/v1/handover",
		3: "ferry/v1/forced",
		4: "ferry/v1/head",
		5: "ferry/v1/replay-complete",
		6: "ferry/v1/freeze",
		7: "ferry/v1/accept",
		8: "ferry/v1/stateless-reset",
	}
	if len(frozen) != int(domainEnd)-1 {
		t.Errorf("%d domains are registered, %d are frozen", domainEnd-1, len(frozen))
	}
	for d, want := range frozen {
		if d.String() != want || domainTags[d] != want+"\x00" {
			t.Errorf("domain %d has tag %q, want %q", d, domainTags[d], want)
		}
	}
	if Domain(0).valid() || domainEnd.valid() || Domain(99).String() != "domain 99" {
		t.Error("unregistered domains pass for registered")
	}
}

// TestDomain_TagsAreDistinct: no tag is another, nor the beginning of another;
// this includes the tags of what is only hashed.
func TestDomain_TagsAreDistinct(t *testing.T) {
	tags := append([]string{}, domainTags[1:]...)
	tags = append(tags, tagEvent, tagOutputs, tagGenesis, tagStatement, tagOrigin, tagProducer, tagKeyFile)
	for i, a := range tags {
		if strings.Count(a, "\x00") != 1 || !strings.HasSuffix(a, "\x00") {
			t.Errorf("%q does not end with its only zero byte", a)
		}
		for j, b := range tags {
			if i != j && strings.HasPrefix(a, b) {
				t.Errorf("%q begins with %q", a, b)
			}
		}
	}
}

// TestD5_OneDomainOnly: each signature verifies under its own domain and under
// no other, for equal statements.
func TestD5_OneDomainOnly(t *testing.T) {
	k := keyOf("entity")
	statement := []byte("the same statement")
	for made := Domain(1); made < domainEnd; made++ {
		sig, err := k.Sign(made, statement)
		if err != nil {
			t.Fatal(err)
		}
		for used := Domain(0); used <= domainEnd; used++ {
			if got, want := k.Public().Verify(used, statement, sig), used == made; got != want {
				t.Errorf("signed as %v, verifies as %v: %v", made, used, got)
			}
		}
	}
	for _, d := range []Domain{0, domainEnd, 255} {
		if _, err := k.Sign(d, statement); !errors.Is(err, ErrDomain) {
			t.Errorf("domain %d: got %v, want ErrDomain", d, err)
		}
	}
}

// TestD5_OneStatementOnly offers each signed record's signature to every other
// verifier of the package.
func TestD5_OneStatementOnly(t *testing.T) {
	c := draw(t, "g-a")
	plain := c.next("B", false)
	forced := c.next("B", true)
	// Every statement signed by the same key, so that only the domain differs.
	_, plain, err := SignHandover(c.key, plain)
	if err != nil {
		t.Fatal(err)
	}
	_, forced, err = SignHandover(c.key, forced)
	if err != nil {
		t.Fatal(err)
	}
	head, err := SignHead(c.key, c.head(), 1)
	if err != nil {
		t.Fatal(err)
	}
	// The certificate names the same key, so that it signs the acceptance too.
	cert := c.cert("B")
	cert.Next = c.key.Public()
	e := evidence(t, c.key, c.key, cert)
	sigs := []Signature{
		c.passport.Genesis.Signature, plain.Signature, forced.Signature, head.Signature,
		e.Cert.Signature, e.Acceptance,
	}
	for i, sig := range sigs {
		g, p, f, h := c.passport.Genesis, plain, forced, head
		g.Signature, p.Signature, f.Signature, h.Signature = sig, sig, sig, sig
		cert, accepted := e, e
		cert.Cert.Signature, accepted.Acceptance = sig, sig
		for j, err := range []error{
			g.Verify(), p.verify(c.key.Public()), f.verify(c.key.Public()), h.VerifyKey(c.key.Public()),
			cert.Verify(c.key.Public()), accepted.Verify(c.key.Public()),
		} {
			if i == j && err != nil || i != j && !errors.Is(err, ErrBadSignature) {
				t.Errorf("signature %d at verifier %d: got %v", i, j, err)
			}
		}
	}
}

// TestVerify_EveryBit: no bit of key, statement or signature may change.
func TestVerify_EveryBit(t *testing.T) {
	k := keyOf("entity")
	statement := []byte("statement")
	sig, err := k.Sign(DomainHead, statement)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * 64 {
		bad := sig
		bad[bit/8] ^= 1 << (bit % 8)
		if k.Public().Verify(DomainHead, statement, bad) {
			t.Errorf("bit %d of the signature does not matter", bit)
		}
	}
	for bit := range 8 * 32 {
		bad := k.Public()
		bad[bit/8] ^= 1 << (bit % 8)
		if bad.Verify(DomainHead, statement, sig) {
			t.Errorf("bit %d of the key does not matter", bit)
		}
	}
	for bit := range 8 * len(statement) {
		bad := append([]byte(nil), statement...)
		bad[bit/8] ^= 1 << (bit % 8)
		if k.Public().Verify(DomainHead, bad, sig) {
			t.Errorf("bit %d of the statement does not matter", bit)
		}
	}
}
