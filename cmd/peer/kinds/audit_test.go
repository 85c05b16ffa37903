package kinds

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// item is one event of a producer in the tests below.
type item struct {
	seq     uint64
	payload string
}

func items(n int) []item {
	list := make([]item, n)
	for i := range list {
		list[i] = item{uint64(i + 1), fmt.Sprintf("payload %d", i)}
	}
	return list
}

func auditing(list []item) Report {
	var a Audit
	for _, it := range list {
		a.Record(daemon.Event{Producer: crypto.ProducerID{7}, ProducerSeq: it.seq, Payload: []byte(it.payload)})
	}
	r, _ := a.Producer(crypto.ProducerID{7})
	return r
}

func trailing(list []item) *AuditTrail {
	var t AuditTrail
	for _, it := range list {
		t.Record(it.seq, []byte(it.payload))
	}
	return &t
}

// Planted faults are told apart and counted.
func TestAuditFindsPlantedFaults(t *testing.T) {
	sent := items(100)
	edit := func(change func(list []item) []item) []item { return change(append([]item(nil), sent...)) }
	for name, test := range map[string]struct {
		applied []item
		want    Verdict
	}{
		"nothing":           {sent, Verdict{}},
		"one lost":          {edit(func(l []item) []item { return append(l[:40], l[41:]...) }), Verdict{Lost: 1}},
		"tail lost":         {sent[:90], Verdict{Lost: 10}},
		"all lost":          {nil, Verdict{Lost: 100}},
		"two doubled":       {edit(func(l []item) []item { return append(l, l[3], l[99]) }), Verdict{Duplicated: 2}},
		"neighbors swapped": {edit(func(l []item) []item { l[10], l[11] = l[11], l[10]; return l }), Verdict{Reordered: 1}},
		"one altered":       {edit(func(l []item) []item { l[50].payload = "other"; return l }), Verdict{Altered: 1}},
		"three altered": {edit(func(l []item) []item {
			l[1].payload, l[2].payload, l[40].payload = "a", "b", "c"
			return l
		}), Verdict{Altered: 3}},
		"payloads exchanged": {edit(func(l []item) []item {
			l[20].payload, l[21].payload = l[21].payload, l[20].payload
			return l
		}), Verdict{Altered: 2}},
		"one foreign": {append(append([]item(nil), sent...), item{200, "x"}), Verdict{Foreign: 1}},
		"lost, doubled and altered": {edit(func(l []item) []item {
			l[60].payload = "other"
			return append(append(l[:5], l[6:]...), l[7])
		}), Verdict{Lost: 1, Duplicated: 1, Altered: 1}},
	} {
		if got := Compare(trailing(sent), auditing(test.applied)); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// Random faults against exact bookkeeping.
func TestAuditModel(t *testing.T) {
	rng := seeded(t)
	for range 300 {
		sent := items(1 + rng.IntN(200))
		applied, want := damage(rng, sent)
		got := Compare(trailing(sent), auditing(applied))
		if got != want {
			t.Fatalf("%d sent, %d applied: %+v, want %+v", len(sent), len(applied), got, want)
		}
	}
}

// damage loses, repeats and moves a few events.
func damage(rng *rand.Rand, sent []item) (applied []item, want Verdict) {
	for _, it := range sent {
		if rng.IntN(40) == 0 {
			want.Lost++
			continue
		}
		applied = append(applied, it)
		if rng.IntN(40) == 0 {
			want.Duplicated++
			applied = append(applied, it)
		}
	}
	rng.Shuffle(len(applied)*rng.IntN(2), func(i, j int) { applied[i], applied[j] = applied[j], applied[i] })
	seen, highest := map[uint64]bool{}, uint64(0)
	for _, it := range applied {
		if !seen[it.seq] && it.seq < highest {
			want.Reordered++
		}
		seen[it.seq], highest = true, max(highest, it.seq)
	}
	return applied, want
}

// The chain is what its definition says, for short payloads and long ones.
func TestAuditChain(t *testing.T) {
	var a Audit
	var want crypto.Digest
	for i, size := range []int{0, 1, 15, inlinePayload, inlinePayload + 1, 256 << 10} {
		payload := bytes.Repeat([]byte{byte(i)}, size)
		a.Record(daemon.Event{ProducerSeq: uint64(i), Payload: payload})
		want = sha256.Sum256(append(binary.BigEndian.AppendUint64(want[:], uint64(i)), payload...))
	}
	if r, _ := a.Producer(crypto.ProducerID{}); r.Chain != want {
		t.Errorf("chain %v, want %v", r.Chain, want)
	}
}

func TestAuditSpanOverflow(t *testing.T) {
	var sent []item
	for i := range MaxAuditSpans + 6 {
		sent = append(sent, item{uint64(3 * i), "x"})
	}
	r := auditing(sent)
	if r.Overflow != 6 || len(r.Spans) != MaxAuditSpans {
		t.Errorf("%d overflowed, %d spans", r.Overflow, len(r.Spans))
	}
	if v := Compare(trailing(sent), r); !v.Clean() {
		t.Errorf("equal chains, but %+v", v)
	}
	if v := Compare(trailing(sent), auditing(sent[1:])); v.Undecided == 0 || v.Clean() {
		t.Errorf("nothing undecided: %+v", v)
	}
}

func TestAuditProducerOverflow(t *testing.T) {
	var a Audit
	for i := range MaxAuditProducers + 5 {
		var id crypto.ProducerID
		binary.BigEndian.PutUint64(id[:], uint64(i))
		a.Record(daemon.Event{Producer: id, ProducerSeq: 1})
	}
	if a.Overflow() != 5 || len(a.Producers()) != MaxAuditProducers {
		t.Errorf("%d overflowed, %d producers", a.Overflow(), len(a.Producers()))
	}
	raw := a.Append(nil)
	b, err := DecodeAudit(raw)
	if err != nil || !bytes.Equal(b.Append(nil), raw) || len(raw) > maxAuditBytes {
		t.Errorf("round trip of %d bytes: %v", len(raw), err)
	}
}

func randomAudit(rng *rand.Rand) *Audit {
	a := new(Audit)
	for range rng.IntN(100) {
		id := crypto.ProducerID{byte(rng.IntN(4))}
		a.Record(daemon.Event{Producer: id, ProducerSeq: ^uint64(0) - rng.Uint64N(40), Payload: []byte{byte(rng.IntN(256))}})
	}
	return a
}

func TestAuditRoundTrip(t *testing.T) {
	rng := seeded(t)
	for range 200 {
		a := randomAudit(rng)
		raw := a.Append(nil)
		b, err := DecodeAudit(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw, b.Append(nil)) {
			t.Fatal("decoded, and encoded differently")
		}
		for i := range raw {
			if _, err := DecodeAudit(raw[:i]); err == nil {
				t.Fatalf("decoded %d of %d bytes", i, len(raw))
			}
		}
		for _, id := range a.Producers() {
			x, _ := a.Producer(id)
			y, _ := b.Producer(id)
			if !reflect.DeepEqual(x, y) {
				t.Fatalf("%+v and %+v", x, y)
			}
		}
	}
}

// What decodes at all re-encodes to the same bytes.
func TestAuditCanonical(t *testing.T) {
	rng := seeded(t)
	for range 3000 {
		raw := randomAudit(rng).Append(nil)
		raw[rng.IntN(len(raw))] ^= 1 << rng.IntN(8)
		if a, err := DecodeAudit(raw); err == nil && !bytes.Equal(a.Append(nil), raw) {
			t.Fatalf("%x is not canonical", raw)
		} else if err != nil {
			mustFail(t, err, ErrSnapshot, "altered")
		}
	}
}

// A report survives JSON, which is how it leaves a node.
func TestReportJSON(t *testing.T) {
	r := auditing(append(items(5), item{1 << 63, "far"}))
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(r, back) {
		t.Errorf("%s came back as %+v, %v", raw, back, err)
	}
	if err := new(Sums).UnmarshalText([]byte("00")); err == nil {
		t.Error("short sums were read")
	}
}

func TestTrailReport(t *testing.T) {
	list := items(9)
	if got, want := trailing(list).Report(crypto.ProducerID{7}), auditing(list); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Recording the next event of a known producer does not allocate.
func TestAuditAllocations(t *testing.T) {
	var a Audit
	ev := daemon.Event{Producer: crypto.ProducerID{1}, Payload: make([]byte, 100)}
	if n := testing.AllocsPerRun(100, func() {
		ev.ProducerSeq++
		a.Record(ev)
	}); n > 0 {
		t.Errorf("%v allocations per event", n)
	}
}
