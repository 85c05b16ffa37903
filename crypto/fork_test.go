package crypto

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/ferrymesh/ferry/codec"
)

// TestC3_Forks: drawings that contradict each other, and where; and those that
// merely differ in length.
func TestC3_Forks(t *testing.T) {
	for _, test := range []struct {
		name, a, b string
		epoch      uint64 // 0 for no fork
	}{
		{"the same", "g-a->B", "g-a->B", 0},
		{"births only", "g", "g", 0},
		{"one goes on", "g-a->B", "g-a->B-b->C-c", 0},
		{"nothing yet", "g", "g->B", 0},
		{"two targets", "g-a->B", "g-a->C", 2},
		{"same target, other head", "g-a->B", "g-b->B", 2},
		{"same target, one event more", "g-a->B", "g-a-b->B", 2},
		{"other outputs", "g-a*->B", "g-a->B", 2},
		{"signed and forced", "g-a->B", "g-a-!B", 2},
		{"decided, one goes on", "g-a-=B", "g-a-=B-b-=C", 0},
		{"decided twice, two targets", "g-a-=B", "g-a-=C", 2},
		{"decided twice, other head", "g-a-=B", "g-a-b-=B", 2},
		{"signed and decided", "g-a->B", "g-a-=C", 2},
		{"the same, signed and decided", "g-a->B", "g-a-=B", 2},
		{"forced and decided", "g-a-!B", "g-a-=B", 2},
		{"after a decision", "g-=B->C-=D", "g-=B->C->E", 4},
		{"later", "g-a->B-b->C-c->D", "g-a->B-b->C-d->D", 4},
		{"the first difference counts", "g->B->C->D", "g->B->E->D->F", 3},
		{"one side shorter", "g->B->C->D->E->F", "g->B->D", 3},
	} {
		a, b := draw(t, test.a).passport, draw(t, test.b).passport
		for _, pair := range [][2]Passport{{a, b}, {b, a}} {
			fork, found := FindFork(pair[0], pair[1])
			if found != (test.epoch != 0) {
				t.Errorf("%s: found %v", test.name, found)
				continue
			}
			if !found {
				continue
			}
			if err := fork.Verify(); err != nil {
				t.Errorf("%s: the evidence does not verify: %v", test.name, err)
			}
			if fork.Epoch() != test.epoch || fork.B.Epoch() != test.epoch {
				t.Errorf("%s: at epoch %d, want %d", test.name, fork.Epoch(), test.epoch)
			}
		}
	}
}

// TestC3_TwoBirths: two genesis records of one entity are a fork of epoch 1,
// whatever came after.
func TestC3_TwoBirths(t *testing.T) {
	a := birth(t, "counter", PublicKey{})
	b := birth(t, "counter", keyOf("administrator").Public())
	b.input(t, "a")
	b.handOver(t, "B", false)
	fork, found := FindFork(a.passport, b.passport)
	if !found || fork.Epoch() != 1 || len(fork.B.Handovers) != 0 {
		t.Fatalf("found %v: %+v", found, fork)
	}
	if err := fork.Verify(); err != nil {
		t.Error(err)
	}
}

// TestC3_OtherEntities do not contradict each other.
func TestC3_OtherEntities(t *testing.T) {
	a := draw(t, "g-a->B").passport
	g, err := SignGenesis(keyOf("other"), "counter", PublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	b := NewPassport(g)
	if _, found := FindFork(a, b); found {
		t.Error("a fork between two entities")
	}
	if err := (Fork{A: a, B: b}).Verify(); !errors.Is(err, ErrNoFork) {
		t.Errorf("got %v, want ErrNoFork", err)
	}
}

// TestC3_Forgery: a passport that does not verify accuses nobody, and neither
// does a signature that was merely altered.
func TestC3_Forgery(t *testing.T) {
	a := draw(t, "g-a->B").passport
	forged := a.Clone()
	forged.Handovers[0].To = nodeOf("C")
	altered := a.Clone()
	altered.Handovers[0].Signature[0] ^= 1
	for name, b := range map[string]Passport{"forged statement": forged, "altered signature": altered} {
		if _, found := FindFork(a, b); found {
			t.Errorf("%s: found a fork", name)
		}
		if err := (Fork{A: a, B: b}).Verify(); !errors.Is(err, ErrNoFork) {
			t.Errorf("%s: got %v, want ErrNoFork", name, err)
		}
	}
}

// TestC3_EvidenceIsExact: evidence ends with the difference, has one, and each
// half of it counts.
func TestC3_EvidenceIsExact(t *testing.T) {
	a, b := draw(t, "g->B->C").passport, draw(t, "g->D").passport
	good, found := FindFork(a, b)
	if !found {
		t.Fatal("no fork")
	}
	badA, badB := good.A.Clone(), good.B.Clone()
	badA.Handovers[0].Signature[9] ^= 1
	badB.Handovers[0].Signature[9] ^= 1
	for name, f := range map[string]Fork{
		"not cut":    {A: a, B: b},
		"no dispute": {A: a, B: a},
		"bad A":      {A: badA, B: good.B},
		"bad B":      {A: good.A, B: badB},
		"empty":      {},
	} {
		if err := f.Verify(); !errors.Is(err, ErrNoFork) {
			t.Errorf("%s: got %v, want ErrNoFork", name, err)
		}
	}
	if err := (Fork{A: badA, B: good.B}).Verify(); !errors.Is(err, ErrBadPassport) {
		t.Errorf("a bad passport in it: got %v, want ErrBadPassport too", err)
	}
	// The evidence outlives what it was found in.
	a.Handovers[0].Epoch = 77
	if err := good.Verify(); err != nil {
		t.Error("the evidence shares memory with the passports")
	}
}

// TestC3_EvidenceTravels: round trip, every truncation, every bit.
func TestC3_EvidenceTravels(t *testing.T) {
	t.Parallel()
	fork, found := FindFork(draw(t, "g-a->B").passport, draw(t, "g-a->C").passport)
	if !found {
		t.Fatal("no fork")
	}
	b := AppendFork(nil, fork)
	if !IsFork(b) || IsFork(AppendPassport(nil, fork.A)) || IsFork(b[:4]) {
		t.Error("evidence is not told from a passport")
	}
	got, err := ParseFork(b)
	if err != nil || !reflect.DeepEqual(got, fork) || !bytes.Equal(AppendFork(nil, got), b) {
		t.Fatalf("round trip: %v", err)
	}
	for n := range len(b) {
		if _, err := ParseFork(b[:n]); !errors.Is(err, ErrNoFork) {
			t.Fatalf("%d of %d bytes: got %v", n, len(b), err)
		}
	}
	if _, err := ParseFork(append(b, 0)); !errors.Is(err, codec.ErrTrailing) {
		t.Errorf("trailing byte: got %v", err)
	}
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		f, err := ParseFork(b)
		if err == nil {
			err = f.Verify()
		}
		if !errors.Is(err, ErrNoFork) {
			t.Errorf("bit %d of byte %d: got %v", bit%8, bit/8, err)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}
