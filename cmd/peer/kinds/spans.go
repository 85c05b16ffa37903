package kinds

import (
	"math"
	"sort"
)

// Span is one run of consecutive producer sequences, both ends included.
type Span struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// spans is a set of producer sequences, coalesced: sorted, disjoint, and with at least one
// number missing between two neighbors, so that every set has exactly one form. A producer
// that numbers its events 1, 2, 3, … costs one span however long it lives.
type spans []Span

// search returns the index of the first span that ends at n or later, and whether n is in it.
func (s spans) search(n uint64) (at int, in bool) {
	at = sort.Search(len(s), func(i int) bool { return s[i].Last >= n })
	return at, at < len(s) && s[at].First <= n
}

// has reports whether n is in the set.
func (s spans) has(n uint64) bool {
	_, in := s.search(n)
	return in
}

// add puts n, which must not be in the set, into it. It reports false, and changes nothing,
// if that would take more than max spans.
func (s *spans) add(n uint64, max int) bool {
	set := *s
	// The usual case first: the number after the newest.
	if k := len(set) - 1; k >= 0 && set[k].Last < math.MaxUint64 && set[k].Last+1 == n {
		set[k].Last = n
		return true
	}
	at, _ := set.search(n)
	// Neither comparison wraps: a span before n ends below n, a span after n begins above it.
	joinsLeft := at > 0 && set[at-1].Last == n-1
	joinsRight := at < len(set) && set[at].First-1 == n
	switch {
	case joinsLeft && joinsRight:
		set[at-1].Last = set[at].Last
		*s = append(set[:at], set[at+1:]...)
	case joinsLeft:
		set[at-1].Last = n
	case joinsRight:
		set[at].First = n
	case len(set) >= max:
		return false
	default:
		set = append(set, Span{})
		copy(set[at+1:], set[at:])
		set[at] = Span{First: n, Last: n}
		*s = set
	}
	return true
}

// count returns how many numbers are in the set; 2^64 of them count as 2^64-1.
func (s spans) count() uint64 {
	var n uint64
	for _, sp := range s {
		length := sp.Last - sp.First // one less than the span holds
		if length == math.MaxUint64 || n > math.MaxUint64-1-length {
			return math.MaxUint64
		}
		n += length + 1
	}
	return n
}

// minus returns the numbers in s that are not in t.
func (s spans) minus(t spans) spans {
	var rest spans
	for _, sp := range s {
		rest = sp.without(t, rest)
	}
	return rest
}

// without appends to rest what remains of sp once every span of t is cut out of it.
func (sp Span) without(t spans, rest spans) spans {
	at, _ := t.search(sp.First)
	for ; at < len(t) && t[at].First <= sp.Last; at++ {
		if t[at].First > sp.First {
			rest = append(rest, Span{First: sp.First, Last: t[at].First - 1})
		}
		if t[at].Last >= sp.Last {
			return rest
		}
		sp.First = t[at].Last + 1
	}
	return append(rest, sp)
}
