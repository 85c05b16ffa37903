package crypto

import (
	"encoding"
	"encoding/json"
	"strings"
	"testing"
)

// textual is what all 32-byte types have in common.
type textual interface {
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}

// newTextual returns a variable of each type, set to the same good key.
func newTextual() map[string]textual {
	key := nodeOf("A")
	d, e, p, n, r := Digest(key), EntityID(key), PublicKey(key), key, ProducerID(key)
	return map[string]textual{"Digest": &d, "EntityID": &e, "PublicKey": &p, "NodeID": &n, "ProducerID": &r}
}

// TestText_RoundTrip: 64 lower-case hex digits and nothing else.
func TestText_RoundTrip(t *testing.T) {
	for name, v := range newTextual() {
		text, err := v.MarshalText()
		if err != nil || string(text) != nodeOf("A").Hex() {
			t.Fatalf("%s: %s, %v", name, text, err)
		}
		if err := v.UnmarshalText(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, bad := range []string{
			"", string(text[:63]), string(text) + "0", strings.ToUpper(string(text)),
			" " + string(text[1:]), "g" + string(text[1:]), "0x" + string(text[2:]),
		} {
			if v.UnmarshalText([]byte(bad)) == nil {
				t.Errorf("%s reads %q", name, bad)
			}
		}
	}
}

// TestText_MapKeys: the types work as keys of JSON objects.
func TestText_MapKeys(t *testing.T) {
	b, err := json.Marshal(map[NodeID]Digest{nodeOf("A"): {1}})
	if err != nil {
		t.Fatal(err)
	}
	var back map[NodeID]Digest
	if err := json.Unmarshal(b, &back); err != nil || back[nodeOf("A")] != (Digest{1}) {
		t.Errorf("%s reads back as %v, %v", b, back, err)
	}
}

// TestText_ZeroPublicKey: "none" has a text, which only PublicKey accepts.
func TestText_ZeroPublicKey(t *testing.T) {
	zero := []byte(strings.Repeat("0", 64))
	p := keyOf("a").Public()
	if err := p.UnmarshalText(zero); err != nil || !p.IsZero() {
		t.Errorf("got %v, %v", p, err)
	}
	if new(NodeID).UnmarshalText(zero) == nil || new(EntityID).UnmarshalText(zero) == nil {
		t.Error("a zero id was read")
	}
	if _, err := ParsePublicKey(string(zero)); err == nil {
		t.Error("ParsePublicKey reads zero")
	}
}

// TestTypes_Zero: IsZero of each.
func TestTypes_Zero(t *testing.T) {
	zero := Digest{}.IsZero() && EntityID{}.IsZero() && PublicKey{}.IsZero() &&
		NodeID{}.IsZero() && ProducerID{}.IsZero() && Signature{}.IsZero()
	set := Digest{1}.IsZero() || EntityID{1}.IsZero() || PublicKey{1}.IsZero() ||
		NodeID{1}.IsZero() || ProducerID{1}.IsZero() || Signature{1}.IsZero()
	if !zero || set {
		t.Error("IsZero is wrong somewhere")
	}
}

// TestTypes_ForPeople: lengths of the short forms, and that each is the
// beginning of the long one.
func TestTypes_ForPeople(t *testing.T) {
	key := nodeOf("A")
	for long, short := range map[string]string{
		Digest(key).String():                        Digest(key).Short(),
		EntityID(keyOf("b").Public()).String():      EntityID(keyOf("b").Public()).Short(),
		ProducerID(seedOf("c")).String():            ProducerID(seedOf("c")).Short(),
		strings.TrimPrefix(key.String(), "SHA256:"): key.Short(),
		PublicKey(keyOf("d").Public()).String():     keyOf("d").Public().String()[:8],
		Signature{1}.String():                       "01000000",
	} {
		if len(short) != 8 || !strings.HasPrefix(long, short) {
			t.Errorf("short form %q of %q", short, long)
		}
	}
	if len(key.String()) != len("SHA256:")+43 {
		t.Errorf("fingerprint %q", key)
	}
}

// TestDeriveProducer: the node itself without a label; otherwise one id for
// each node and label.
func TestDeriveProducer(t *testing.T) {
	a, b := nodeOf("A"), nodeOf("B")
	if DeriveProducer(a, "") != ProducerID(a) {
		t.Error("the empty label is not the node itself")
	}
	seen := map[ProducerID]string{}
	for _, node := range []NodeID{a, b} {
		for _, label := range []string{"", "x", "y", "xy", strings.Repeat("long", 100)} {
			p := DeriveProducer(node, label)
			if other, taken := seen[p]; taken {
				t.Errorf("label %q: same id as %q", label, other)
			}
			if seen[p] = label; DeriveProducer(node, label) != p {
				t.Error("not a function of its arguments")
			}
		}
	}
}

// TestOriginOf_Frozen: handles are part of the protocol.
func TestOriginOf_Frozen(t *testing.T) {
	id := EntityID(keyOf("entity").Public())
	if got, want := OriginOf(id), uint64(0x245693403b04aee2); got != want {
		t.Errorf("OriginOf(%s) = %016x, want %016x", id.Short(), got, want)
	}
	id[0] ^= 1
	if OriginOf(id) == OriginOf(EntityID(keyOf("entity").Public())) {
		t.Error("two ids have one origin")
	}
	if n := testing.AllocsPerRun(100, func() { OriginOf(id) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
