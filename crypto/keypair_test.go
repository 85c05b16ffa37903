package crypto

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// leaks reports whether text contains the secret in any of the usual forms.
func leaks(text string, seed [32]byte) bool {
	low := strings.ToLower(text)
	for _, form := range []string{
		string(seed[:]), hex.EncodeToString(seed[:]), hex.EncodeToString(seed[:8]),
		strings.Trim(fmt.Sprint(seed[:8]), "[]"), strings.ToLower(fmt.Sprintf("%#v", seed[:4])[7:]),
	} {
		if strings.Contains(low, strings.ToLower(strings.TrimSuffix(form, "}"))) {
			return true
		}
	}
	return false
}

// TestKeypair_NeverPrints tries every way a key pair gets into a log by mistake:
// all verbs, with and without pointer, inside structs, maps and slices.
func TestKeypair_NeverPrints(t *testing.T) {
	seed := seedOf("entity")
	k := keyOf("entity")
	n, err := NodeKeypairFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		Name   string
		Key    *EntityKeypair
		hidden *EntityKeypair
		node   NodeKeypair
	}
	h := holder{"x", k, k, *n}
	for _, v := range []any{k, *k, n, *n, h, &h, []any{k, *k, n}, map[string]*EntityKeypair{"k": k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%p"} {
			if text := fmt.Sprintf(verb, v); leaks(text, seed) {
				t.Errorf("%s of %T prints the secret: %s", verb, v, text)
			}
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", v)
		if leaks(log.String(), seed) {
			t.Errorf("slog of %T prints the secret: %s", v, log.String())
		}
	}
	if !strings.Contains(k.String(), k.Public().String()) || k.GoString() != k.String() {
		t.Errorf("String = %s, want the public half in it", k)
	}
	if !strings.Contains(n.GoString(), n.ID().String()) {
		t.Errorf("GoString = %s, want the fingerprint in it", n.GoString())
	}
}

// TestLeaks: the detector above does detect.
func TestLeaks(t *testing.T) {
	seed := seedOf("entity")
	for _, verb := range []string{"%v", "%x", "%X", "%s", "%#v"} {
		if !leaks(fmt.Sprintf(verb, seed[:]), seed) {
			t.Errorf("%s is not recognized", verb)
		}
	}
}

// TestKeypair_NeverMarshals: encoders that work by reflection get an error.
func TestKeypair_NeverMarshals(t *testing.T) {
	k, n := keyOf("entity"), nodeKeyOf("A")
	for _, v := range []any{k, *k, n, *n, struct{ Key *EntityKeypair }{k}} {
		if _, err := json.Marshal(v); !errors.Is(err, ErrSecret) {
			t.Errorf("json of %T: got %v, want ErrSecret", v, err)
		}
		if err := gob.NewEncoder(new(bytes.Buffer)).Encode(v); !errors.Is(err, ErrSecret) {
			t.Errorf("gob of %T: got %v, want ErrSecret", v, err)
		}
	}
	for _, err := range []error{second(k.MarshalText()), second(n.MarshalText())} {
		if !errors.Is(err, ErrSecret) {
			t.Errorf("MarshalText: got %v", err)
		}
	}
}

// TestKeypair_Wipe: the secret's memory is zeroed, through every copy.
func TestKeypair_Wipe(t *testing.T) {
	k := keyOf("entity")
	memory, duplicate := k.secret.key(), *k
	public := k.Public()
	k.Wipe()
	k.Wipe()
	if !bytes.Equal(memory, make([]byte, 64)) {
		t.Error("the secret is still in memory")
	}
	if k.CanSign() || duplicate.CanSign() {
		t.Error("a wiped pair says it can sign")
	}
	if k.Public() != public {
		t.Error("the public half is gone")
	}
	if _, err := k.Sign(DomainHead, nil); !errors.Is(err, ErrCannotSign) {
		t.Errorf("Sign: got %v, want ErrCannotSign", err)
	}
	if _, err := MarshalEntityKey(k, ""); !errors.Is(err, ErrCannotSign) {
		t.Errorf("MarshalEntityKey: got %v, want ErrCannotSign", err)
	}
}

// TestKeypair_PublicOnly verifies, cannot sign, and needs no wiping.
func TestKeypair_PublicOnly(t *testing.T) {
	k := keyOf("entity")
	p := PublicOnly(k.Public())
	p.Wipe()
	if p.CanSign() || p.Public() != k.Public() {
		t.Error("want the public half and nothing else")
	}
	if _, err := p.Sign(DomainHead, nil); !errors.Is(err, ErrCannotSign) {
		t.Errorf("Sign: got %v, want ErrCannotSign", err)
	}
	if _, err := MarshalEntityKey(p, ""); !errors.Is(err, ErrCannotSign) {
		t.Errorf("MarshalEntityKey: got %v, want ErrCannotSign", err)
	}
}

// TestKeypair_Equal compares identities and the ability to sign.
func TestKeypair_Equal(t *testing.T) {
	a, again, b := keyOf("a"), keyOf("a"), keyOf("b")
	var none *EntityKeypair
	for _, test := range []struct {
		name string
		x, y *EntityKeypair
		want bool
	}{
		{"same seed", a, again, true},
		{"other seed", a, b, false},
		{"public half only", a, PublicOnly(a.Public()), false},
		{"both public", PublicOnly(a.Public()), PublicOnly(a.Public()), true},
		{"nil", a, none, false},
		{"nil and nil", none, none, true},
	} {
		if test.x.Equal(test.y) != test.want {
			t.Errorf("%s: want %v", test.name, test.want)
		}
	}
	n := nodeKeyOf("A")
	if !n.Equal(nodeKeyOf("A")) || n.Equal(nodeKeyOf("B")) || n.Equal(a) || n.Equal((*NodeKeypair)(nil)) {
		t.Error("node keys compare wrongly")
	}
}

// TestD5_SeedsMakeThePublicHalf: a pair is what crypto/ed25519 makes of a seed.
func TestD5_SeedsMakeThePublicHalf(t *testing.T) {
	seed := seedOf("entity")
	want := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	if got := keyOf("entity").Public(); !bytes.Equal(got[:], want) {
		t.Errorf("got %s, want %x", got, want)
	}
	if _, err := KeypairFromSeed([32]byte{}); !errors.Is(err, ErrWeakKey) {
		t.Errorf("zero seed: got %v, want ErrWeakKey", err)
	}
	if _, err := NodeKeypairFromSeed([32]byte{}); !errors.Is(err, ErrWeakKey) {
		t.Errorf("zero seed: got %v, want ErrWeakKey", err)
	}
}

// TestGenerate: two keys differ and can sign.
func TestGenerate(t *testing.T) {
	a, err := GenerateEntityKeypair()
	if err != nil {
		t.Fatal(err)
	}
	b, err := GenerateEntityKeypair()
	if err != nil {
		t.Fatal(err)
	}
	if a.Equal(b) || !a.CanSign() || a.Public().Check() != nil {
		t.Error("want two different keys that can sign")
	}
	n, err := GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	if CheckPublicKey(n.ID()) != nil {
		t.Error("weak node key")
	}
}

// TestNodeKeypair_Signer: as crypto/tls uses it.
func TestNodeKeypair_Signer(t *testing.T) {
	k := nodeKeyOf("A")
	sig, err := k.Sign(nil, []byte("message"), crypto.Hash(0))
	if err != nil || !ed25519.Verify(k.Public().(ed25519.PublicKey), []byte("message"), sig) {
		t.Fatalf("the signature does not verify: %v", err)
	}
	if _, err := k.Sign(nil, make([]byte, 64), crypto.SHA512); err == nil {
		t.Error("signed a hash")
	}
	k.Public().(ed25519.PublicKey)[0] ^= 1
	if k.ID() != nodeOf("A") {
		t.Error("Public gave away the id's memory")
	}
	k.Wipe()
	if _, err := k.Sign(nil, nil, nil); !errors.Is(err, ErrCannotSign) {
		t.Errorf("got %v, want ErrCannotSign", err)
	}
}

// TestNodeKeypair_ResetKey: a node that was restarted with its key has the
// secret of the one before, whichever version of ferry that was.
func TestNodeKeypair_ResetKey(t *testing.T) {
	k := nodeKeyOf("A")
	sig, err := k.Sign(nil, []byte("ferry/v1/stateless-reset\x00"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.ResetKey(); err != nil || got != sha256.Sum256(sig) {
		t.Errorf("got %x, %v", got, err)
	}
	k.Wipe()
	if _, err := k.ResetKey(); !errors.Is(err, ErrCannotSign) {
		t.Errorf("got %v, want ErrCannotSign", err)
	}
}

// TestKeypair_Concurrent: signing and wiping at once yields good signatures or
// ErrCannotSign, never a signature by a half-wiped key.
func TestKeypair_Concurrent(t *testing.T) {
	k := keyOf("entity")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				sig, err := k.Sign(DomainHead, []byte("s"))
				if errors.Is(err, ErrCannotSign) {
					return
				}
				if !k.Public().Verify(DomainHead, []byte("s"), sig) {
					t.Error("a signature does not verify")
					return
				}
			}
		})
	}
	wg.Go(k.Wipe)
	wg.Wait()
}

// TestKeypair_FirstSignatureLeavesNothing: a pair that signed once takes the memory of one that never did.
// The library's expanded form of a key would add some 300 bytes.
func TestKeypair_FirstSignatureLeavesNothing(t *testing.T) {
	const count = 4000
	keys := make([]*EntityKeypair, count)
	for i := range keys {
		seed := [32]byte{1, byte(i), byte(i >> 8)}
		keys[i], _ = KeypairFromSeed(seed)
	}
	before := liveHeap()
	for _, k := range keys {
		if _, err := k.Sign(DomainHead, nil); err != nil {
			t.Fatal(err)
		}
	}
	grown := int64(0)
	for range 100 { // what the collector finds, it gives back a little later
		if grown = (liveHeap() - before) / count; grown < 50 {
			break
		}
		runtime.Gosched()
	}
	if grown >= 50 {
		t.Errorf("each signature left %d bytes", grown)
	}
	runtime.KeepAlive(keys)
}

// liveHeap returns the bytes that a collection leaves.
func liveHeap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// BenchmarkKeypair_FirstSignature is what a birth signs.
func BenchmarkKeypair_FirstSignature(b *testing.B) {
	seed := [32]byte{1}
	b.ReportAllocs()
	for i := range b.N {
		seed[1], seed[2], seed[3] = byte(i), byte(i>>8), byte(i>>16)
		b.StopTimer()
		k, _ := KeypairFromSeed(seed)
		b.StartTimer()
		if _, err := k.Sign(DomainHead, nil); err != nil {
			b.Fatal(err)
		}
	}
}
