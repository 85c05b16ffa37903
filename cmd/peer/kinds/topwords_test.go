package kinds

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// exactWords is the sketch as its definition has it, with a search in place of every index.
type exactWords struct {
	added uint64
	words []WordFrequency
	seen  map[string]uint64
}

func (e *exactWords) add(word string) {
	e.added++
	i := slices.IndexFunc(e.words, func(f WordFrequency) bool { return f.Word == word })
	switch {
	case i >= 0:
	case len(e.words) < TopCapacity:
		i = len(e.words)
		e.words = append(e.words, WordFrequency{Word: word})
	default:
		i = e.least()
		delete(e.seen, e.words[i].Word)
		e.words[i] = WordFrequency{Word: word, Count: e.words[i].Count, Excess: e.words[i].Count}
	}
	e.words[i].Count++
	e.seen[word] = e.added
}

// least finds the word that leaves: the least count, of those the one not seen for longest.
func (e *exactWords) least() (at int) {
	for i, w := range e.words {
		l := e.words[at]
		if w.Count < l.Count || w.Count == l.Count && e.seen[w.Word] < e.seen[l.Word] {
			at = i
		}
	}
	return at
}

// Random words, few and many different ones, against the definition and against true counts.
func TestTopWordsModel(t *testing.T) {
	rng := seeded(t)
	for _, vocabulary := range []int{3, 500, 1100, 5000} {
		var top topWords
		exact := exactWords{seen: map[string]uint64{}}
		occurred := map[string]uint64{}
		for range 12_000 {
			word := strconv.Itoa(min(rng.IntN(vocabulary), rng.IntN(vocabulary), rng.IntN(vocabulary)))
			top.add([]byte(word))
			exact.add(word)
			occurred[word]++
		}
		top.mustBeSound(t)
		slices.SortFunc(exact.words, func(a, b WordFrequency) int {
			if a.Count != b.Count {
				return int(b.Count) - int(a.Count)
			}
			return int(exact.seen[b.Word]) - int(exact.seen[a.Word])
		})
		got := top.most(TopCapacity)
		if !slices.Equal(got, exact.words) {
			t.Fatalf("vocabulary of %d: not the words of the definition", vocabulary)
		}
		mustBound(t, got, occurred, top.added)
	}
}

// mustBound checks the guarantees against the true counts.
func mustBound(t *testing.T, got []WordFrequency, occurred map[string]uint64, added uint64) {
	t.Helper()
	tracked := map[string]bool{}
	for _, f := range got {
		tracked[f.Word] = true
		if n := occurred[f.Word]; f.Count < n || f.Count-f.Excess > n || f.Excess > added/TopCapacity {
			t.Errorf("%+v of %d: occurred %d times", f, added, n)
		}
	}
	for word, n := range occurred {
		if n > added/TopCapacity && !tracked[word] {
			t.Errorf("%q occurred %d times of %d and is not tracked", word, n, added)
		}
	}
}

// mustBeSound checks the index and the ranking.
func (t *topWords) mustBeSound(tb testing.TB) {
	tb.Helper()
	if sum, ok := t.sum(); !ok || sum != t.added {
		tb.Fatalf("counts add up to %d of %d", sum, t.added)
	}
	ranked, last := 0, uint64(1)
	for i, count := range t.ranking.ascending() {
		w := &t.words[i]
		if found, ok := t.find(w.hash, w.text[:w.size]); !ok || found != i {
			tb.Fatalf("word %d is not in the index", i)
		}
		if count < last || count != t.ranking.count(i) {
			tb.Fatalf("word %d of count %d after one of %d", i, count, last)
		}
		ranked, last = ranked+1, count
	}
	used := 0
	for _, s := range t.slots {
		if s != 0 {
			used++
		}
	}
	if used != len(t.words) || ranked != len(t.words) {
		tb.Fatalf("%d slots in use and %d ranked for %d words", used, ranked, len(t.words))
	}
	var back []uint16
	for i := range t.ranking.descending() {
		back = append(back, i)
	}
	for i := range t.ranking.ascending() {
		if k := len(back) - 1; k < 0 || back[k] != i {
			tb.Fatal("the ranking differs from the other end")
		}
		back = back[:len(back)-1]
	}
	if inUse := len(t.ranking.buckets) - len(t.ranking.free); len(t.ranking.buckets) > TopCapacity || inUse > ranked {
		tb.Fatalf("%d buckets, %d in use, for %d words", len(t.ranking.buckets), inUse, ranked)
	}
}

// Words that all hash to one place, as a hostile text could have them, are still told apart.
func TestTopWordsCollisions(t *testing.T) {
	rng := seeded(t)
	var top topWords
	for range 4 * TopCapacity {
		text := fmt.Appendf(nil, "w%d", rng.IntN(2*TopCapacity))
		hash := uint64(slotCount - 2 + rng.IntN(3)) // around the end of the index
		top.addHashed(hash, text)
	}
	top.mustBeSound(t)
}

func TestTopWordsMost(t *testing.T) {
	var top topWords
	for _, word := range []string{"b", "a", "c", "a", "b"} {
		top.add([]byte(word))
	}
	want := []WordFrequency{{"b", 2, 0}, {"a", 2, 0}, {"c", 1, 0}}
	if got := top.most(5); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := top.most(1); !slices.Equal(got, want[:1]) {
		t.Errorf("%v", got)
	}
	if got := new(topWords).most(3); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
