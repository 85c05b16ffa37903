package kinds

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// The chain depends on every part and on nothing else.
func TestChainStep(t *testing.T) {
	base := chainStep(crypto.Digest{}, 1, []byte("ab"))
	if base != chainStep(crypto.Digest{}, 1, []byte("ab")) {
		t.Error("not a function")
	}
	for what, other := range map[string]crypto.Digest{
		"another start":    chainStep(crypto.Digest{1}, 1, []byte("ab")),
		"another sequence": chainStep(crypto.Digest{}, 2, []byte("ab")),
		"another payload":  chainStep(crypto.Digest{}, 1, []byte("ac")),
		"a longer payload": chainStep(crypto.Digest{}, 1, []byte("ab\x00")),
		"an empty payload": chainStep(crypto.Digest{}, 1, nil),
	} {
		if other == base {
			t.Errorf("%s gives the same digest", what)
		}
	}
}

// Two events that exchanged their payloads do not cancel out, whatever their numbers.
func TestFingerprintTellsExchanges(t *testing.T) {
	a, b := []byte("a"), []byte("b")
	for seq := uint64(1); seq < 200; seq++ {
		if fingerprint(seq, a)+fingerprint(seq+auditSums, b) == fingerprint(seq, b)+fingerprint(seq+auditSums, a) {
			t.Errorf("%d and %d cancel out", seq, seq+auditSums)
		}
	}
}

// mix is the finalizer of splitmix64: its published first outputs for seed 1234567.
func TestMix(t *testing.T) {
	const step = 0x9e3779b97f4a7c15
	state := uint64(1234567)
	for _, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423} {
		if got := mix(state); got != want {
			t.Errorf("mix(%d) = %d, want %d", state, got, want)
		}
		state += step
	}
}

// Every kind of pair is counted where it belongs.
func TestTallyCounters(t *testing.T) {
	var got tally
	for _, seq := range []uint64{2, 5, 3, 5, 1, 1, 6} {
		got.record(seq, nil)
	}
	if got.applied != 7 || got.duplicates != 2 || got.reordered != 2 || got.overflow != 0 {
		t.Errorf("%d applied, %d duplicates, %d reordered, %d overflowed", got.applied, got.duplicates, got.reordered, got.overflow)
	}
	if !got.adds() {
		t.Error("the counters do not add up")
	}
}

// A number found no room, came again, and is counted as what it can be known to be.
func TestTallyOverflowTwice(t *testing.T) {
	var got tally
	for seq := range uint64(MaxAuditSpans) {
		got.record(2*seq, nil)
	}
	got.record(1000, nil)
	got.record(1000, nil)
	if got.overflow != 2 || got.duplicates != 0 || !got.adds() {
		t.Errorf("%d overflowed, %d duplicates", got.overflow, got.duplicates)
	}
	got.record(1, nil) // joins the first two
	got.record(1000, nil)
	if got.overflow != 2 || !got.seen.has(1000) || got.reordered != 1 {
		t.Errorf("%d overflowed, %d reordered, %v", got.overflow, got.reordered, got.seen)
	}
}

// Counters that contradict each other do not decode.
func TestTallyContradictions(t *testing.T) {
	for what, broken := range map[string]tally{
		"nothing applied":          {},
		"more numbers than events": {applied: 1, seen: spans{{1, 2}}},
		"fewer numbers":            {applied: 3, seen: spans{{1, 2}}},
		"too many duplicates":      {applied: 2, duplicates: 1, seen: spans{{1, 2}}},
		"too many overflowed":      {applied: 2, overflow: 3},
		"too many reordered":       {applied: 2, reordered: 3, seen: spans{{1, 2}}},
		"a wrapped sum":            {applied: 1, duplicates: ^uint64(0), overflow: 1, seen: spans{{1, 1}}},
	} {
		if broken.adds() {
			t.Errorf("%s: adds up", what)
		}
	}
}
