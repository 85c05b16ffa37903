package kinds

import (
	"slices"
	"testing"
)

// ranked is what a ranking yields for one member.
type ranked struct {
	member uint16
	count  uint64
}

// naiveRanking keeps the order by sorting; stamp is the time a member came to its count.
type naiveRanking struct {
	counts, stamps []uint64
	now            uint64
}

func (n *naiveRanking) enter() {
	n.now++
	n.counts, n.stamps = append(n.counts, 1), append(n.stamps, n.now)
}

func (n *naiveRanking) raise(m int) {
	n.now++
	n.counts[m]++
	n.stamps[m] = n.now
}

func (n *naiveRanking) ascending() []ranked {
	var all []ranked
	for m, count := range n.counts {
		all = append(all, ranked{uint16(m), count})
	}
	slices.SortFunc(all, func(a, b ranked) int {
		if a.count != b.count {
			return int(a.count) - int(b.count)
		}
		return int(n.stamps[a.member]) - int(n.stamps[b.member])
	})
	return all
}

func (r *ranking) list() []ranked {
	var all []ranked
	for m, count := range r.ascending() {
		all = append(all, ranked{m, count})
	}
	return all
}

func (r *ranking) reversed() []ranked {
	var all []ranked
	for m, count := range r.descending() {
		all = append(all, ranked{m, count})
	}
	slices.Reverse(all)
	return all
}

// Random operations against the naive twin, from both ends.
func TestRankingModel(t *testing.T) {
	rng := seeded(t)
	for range 40 {
		var r ranking
		var n naiveRanking
		most := 1 + rng.IntN(40)
		for range 600 {
			if len(n.counts) < most && rng.IntN(4) == 0 || len(n.counts) == 0 {
				r.enter(uint16(len(n.counts)), 1)
				n.enter()
				continue
			}
			// Low numbers more often, so that counts spread.
			m := min(rng.IntN(len(n.counts)), rng.IntN(len(n.counts)))
			r.raise(uint16(m))
			n.raise(m)
			want := n.ascending()
			if r.least() != want[0].member || r.count(uint16(m)) != n.counts[m] {
				t.Fatalf("least is %d, want %d", r.least(), want[0].member)
			}
		}
		if want := n.ascending(); !slices.Equal(r.list(), want) || !slices.Equal(r.reversed(), want) {
			t.Fatalf("%v, want %v", r.list(), want)
		}
	}
}

// A restored ranking is entered in its own order and is then the same.
func TestRankingEnterInOrder(t *testing.T) {
	want := []ranked{{0, 1}, {1, 1}, {2, 3}, {3, 3}, {4, 9}}
	var r ranking
	for _, m := range want {
		r.enter(m.member, m.count)
	}
	if got := r.list(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// A new member, with the least count, comes last among its equals.
	r.enter(5, 1)
	want = slices.Insert(want, 2, ranked{5, 1})
	if got := r.list(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A new member whose count is below all others goes before them.
func TestRankingEnterBelow(t *testing.T) {
	var r ranking
	r.enter(0, 1)
	r.raise(0)
	r.enter(1, 1)
	if got, want := r.list(), []ranked{{1, 1}, {0, 2}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Emptied buckets are used again.
func TestRankingReusesBuckets(t *testing.T) {
	var r ranking
	for m := range uint16(3) {
		r.enter(m, 1)
	}
	for range 1000 {
		for m := range uint16(3) {
			r.raise(m)
		}
	}
	if len(r.buckets) > 3 {
		t.Errorf("%d buckets for 3 members", len(r.buckets))
	}
}

func TestRankingEmpty(t *testing.T) {
	var r ranking
	if len(r.list()) != 0 || len(r.reversed()) != 0 {
		t.Error("an empty ranking has members")
	}
}

// Leaving an iteration early is fine.
func TestRankingStops(t *testing.T) {
	var r ranking
	r.enter(0, 1)
	r.enter(1, 2)
	for m := range r.ascending() {
		if m != 0 {
			t.Errorf("%d is first", m)
		}
		break
	}
	for m := range r.descending() {
		if m != 1 {
			t.Errorf("%d is last", m)
		}
		break
	}
}
