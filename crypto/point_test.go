package crypto

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// weakKeys returns encodings that no entrance may let in: the points of small
// order, every second spelling of a point, and a y with no point.
func weakKeys(t testing.TB) map[string][32]byte {
	t.Helper()
	weak := map[string][32]byte{}
	for i, p := range smallOrder {
		weak["small order "+string(rune('0'+i))] = p
	}
	// y in p … 2²⁵⁵-1, with either sign: 19 values, the encodings of 0 … 18.
	for low := 0; low < 19; low++ {
		p := fieldPlus(low)
		weak["y = p + "+hex.EncodeToString([]byte{byte(low)})] = p
		p[31] |= 0x80
		weak["negative y = p + "+hex.EncodeToString([]byte{byte(low)})] = p
	}
	// x = 0 has no sign.
	for name, p := range map[string][32]byte{"y = 1": smallOrder[0], "y = -1": smallOrder[1]} {
		p[31] |= 0x80
		weak["negative zero x at "+name] = p
	}
	weak["off the curve"] = [32]byte{2}
	return weak
}

// fieldPlus returns p + n, least significant byte first.
func fieldPlus(n int) (b [32]byte) {
	y := new(big.Int).Add(fieldPrime, big.NewInt(int64(n)))
	y.FillBytes(b[:])
	for i, j := 0, 31; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return b
}

// TestD5_WeakPointsAreReallyWeak: Go's own verification accepts the identity as
// a key for any message, in both spellings, which is why the table exists.
func TestD5_WeakPointsAreReallyWeak(t *testing.T) {
	sig := make([]byte, 64)
	sig[0] = 1 // R = identity, S = 0
	for _, key := range [][32]byte{smallOrder[0], fieldPlus(1)} {
		if !ed25519.Verify(key[:], []byte("any message"), sig) {
			t.Errorf("crypto/ed25519 refuses %x by now", key)
		}
		if PublicKey(key).Verify(DomainHead, []byte("any message"), Signature(sig)) {
			t.Errorf("Verify accepts a forged signature by %x", key)
		}
	}
}

// TestD5_CheckPublicKey refuses each weak key, with the sentinel.
func TestD5_CheckPublicKey(t *testing.T) {
	for name, key := range weakKeys(t) {
		if err := CheckPublicKey(key); !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: got %v, want ErrWeakKey", name, err)
		}
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		if err := keyOf(name).Public().Check(); err != nil {
			t.Errorf("a good key: %v", err)
		}
	}
}

// TestD5_RefusedAtEveryEntrance offers every weak key to every function through
// which a key comes in. Keys stay out even where a valid signature vouches.
func TestD5_RefusedAtEveryEntrance(t *testing.T) {
	c := draw(t, "g-a")
	for name, key := range weakKeys(t) {
		text := hex.EncodeToString(key[:])
		h := c.next("B", false)
		h.Next = key
		_, _, signErr := SignHandover(c.key, h)
		_, parseErr := ParseHandover(mustSign(t, c), key)
		_, genesisErr := SignGenesis(keyOf("entity"), "k", key)
		errs := map[string]error{
			"ParseNodeID":          second(ParseNodeID(text)),
			"ParseEntityID":        second(ParseEntityID(text)),
			"ParsePublicKey":       second(ParsePublicKey(text)),
			"NodeID text":          new(NodeID).UnmarshalText([]byte(text)),
			"EntityID text":        new(EntityID).UnmarshalText([]byte(text)),
			"ParseAuthorizedLine":  authorizedErr(AuthorizedLine(key, nil, "x")),
			"SignHandover":         signErr,
			"ParseHandover signer": parseErr,
			"ParseHandover next":   second(ParseHandover(forgedHandover(c, h), c.key.Public())),
			"Genesis entity":       Genesis{Entity: key}.Verify(),
			"SignedHead":           SignedHead{}.VerifyKey(key),
			"PublicKey.Check":      PublicKey(key).Check(),
		}
		// Zero means "none" where none is permitted.
		if key != [32]byte{} {
			errs["Genesis administrator"] = genesisErr
			errs["PublicKey text"] = new(PublicKey).UnmarshalText([]byte(text))
		}
		for entrance, err := range errs {
			if !errors.Is(err, ErrWeakKey) {
				t.Errorf("%s at %s: got %v, want ErrWeakKey", name, entrance, err)
			}
		}
	}
}

// mustSign returns a good handover entry for the end of the chain.
func mustSign(t *testing.T, c *chain) CausalEvent {
	t.Helper()
	ev, _, err := SignHandover(c.key, c.next("B", false))
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// forgedHandover signs h without any of SignHandover's checks.
func forgedHandover(c *chain, h Handover) CausalEvent {
	h.Signature, _ = c.key.Sign(h.domain(), h.appendStatement(nil))
	return h.Event()
}

// second drops a value and keeps the error.
func second[T any](_ T, err error) error { return err }

// authorizedErr returns what ParseAuthorizedLine says of a line.
func authorizedErr(line string) error {
	_, _, _, err := ParseAuthorizedLine(line)
	return err
}

// The curve's constants: the prime p and d = -121665/121666 modulo p.
var (
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD     = func() *big.Int {
		inverse := new(big.Int).ModInverse(big.NewInt(121666), fieldPrime)
		d := new(big.Int).Mul(big.NewInt(-121665), inverse)
		return d.Mod(d, fieldPrime)
	}()
)

// TestOnCurve_AgreesWithSquareRoot compares onCurve with the definition on
// random y: x is searched with a modular square root.
func TestOnCurve_AgreesWithSquareRoot(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	on := 0
	for range 500 {
		var pub [32]byte
		for i := range pub {
			pub[i] = byte(rng.Uint32())
		}
		want := hasRoot(pub)
		if got := onCurve(pub); got != want {
			t.Fatalf("onCurve(%x) = %v, want %v", pub, got, want)
		}
		if want {
			on++
		}
	}
	if on < 150 || on > 350 {
		t.Errorf("%d of 500 random y are on the curve, want about half", on)
	}
	// Go's own keys always are.
	for i := range 50 {
		if !onCurve(keyOf(string(rune('a' + i))).Public()) {
			t.Error("a generated key is off the curve")
		}
	}
}

// hasRoot solves the curve's equation for x the slow way.
func hasRoot(pub [32]byte) bool {
	pub[31] &= 0x7f
	for i, j := 0, 31; i < j; i, j = i+1, j-1 {
		pub[i], pub[j] = pub[j], pub[i]
	}
	one := big.NewInt(1)
	y2 := new(big.Int).Exp(new(big.Int).SetBytes(pub[:]), big.NewInt(2), fieldPrime)
	v := new(big.Int).Mul(curveD, y2)
	v.Add(v, one).ModInverse(v, fieldPrime)
	x2 := new(big.Int).Sub(y2, one)
	x2.Mul(x2, v).Mod(x2, fieldPrime)
	return new(big.Int).ModSqrt(x2, fieldPrime) != nil
}

// TestIsCanonical at the border: p-1 is the last canonical y.
func TestIsCanonical(t *testing.T) {
	for n := -40; n < 19; n++ {
		if got, want := isCanonical(fieldPlus(n)), n < 0; got != want {
			t.Errorf("y = p%+d: got %v, want %v", n, got, want)
		}
	}
}
