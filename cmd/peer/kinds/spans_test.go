package kinds

import (
	"math"
	"reflect"
	"testing"
)

func TestSpansCoalesce(t *testing.T) {
	const top = math.MaxUint64
	for _, test := range []struct {
		add  []uint64
		want spans
	}{
		{[]uint64{1, 2, 3}, spans{{1, 3}}},
		{[]uint64{3, 1, 2}, spans{{1, 3}}},
		{[]uint64{5, 1}, spans{{1, 1}, {5, 5}}},
		{[]uint64{1, 5, 4, 2}, spans{{1, 2}, {4, 5}}},
		{[]uint64{0, top, 1, top - 1}, spans{{0, 1}, {top - 1, top}}},
		{[]uint64{top, 0}, spans{{0, 0}, {top, top}}},
	} {
		var s spans
		for _, n := range test.add {
			if !s.add(n, 8) || !s.has(n) {
				t.Errorf("%v: %d was not added", test.add, n)
			}
		}
		if !reflect.DeepEqual(s, test.want) || s.count() != uint64(len(test.add)) {
			t.Errorf("%v: %v with %d, want %v", test.add, s, s.count(), test.want)
		}
	}
}

func TestSpansBound(t *testing.T) {
	var s spans
	for n := uint64(0); n < 6; n += 2 {
		s.add(n, 3)
	}
	if s.add(10, 3) || s.has(10) {
		t.Error("a fourth span was added")
	}
	if !s.add(1, 3) || !s.add(10, 3) {
		t.Error("a joined span made no room")
	}
}

// Random sets against a map.
func TestSpansModel(t *testing.T) {
	rng := seeded(t)
	for range 300 {
		var s, other spans
		in, out := map[uint64]bool{}, map[uint64]bool{}
		for range rng.IntN(60) {
			if n := rng.Uint64N(64); !s.has(n) && s.add(n, 64) {
				in[n] = true
			}
			if n := rng.Uint64N(64); !other.has(n) && other.add(n, 64) {
				out[n] = true
			}
		}
		rest := s.minus(other)
		for n := uint64(0); n < 66; n++ {
			if s.has(n) != in[n] || rest.has(n) != (in[n] && !out[n]) {
				t.Fatalf("%d in %v minus %v gives %v", n, s, other, rest)
			}
		}
		if s.count() != uint64(len(in)) {
			t.Fatalf("%v counts %d, want %d", s, s.count(), len(in))
		}
	}
}

func TestSpansMinusAtTheEnds(t *testing.T) {
	const top = math.MaxUint64
	all := spans{{0, top}}
	if got := all.count(); got != top {
		t.Errorf("all numbers count as %d", got)
	}
	if got := all.minus(spans{{0, 3}, {top, top}}); !reflect.DeepEqual(got, spans{{4, top - 1}}) {
		t.Errorf("%v", got)
	}
	if got := all.minus(all); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
