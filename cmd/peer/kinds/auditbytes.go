package kinds

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// minTallyBytes is the least a producer takes in the encoding: id, four counters, chain, sums,
// the number of spans.
const minTallyBytes = 32 + 4 + 32 + 8*auditSums + 1

// maxAuditBytes is the most a whole audit takes, with every counter at its longest.
const maxAuditBytes = 10 + 10 + MaxAuditProducers*(32+4*10+32+8*auditSums+2+MaxAuditSpans*20)

// sortIDs puts producers into the order of their bytes.
func sortIDs(ids []crypto.ProducerID) {
	slices.SortFunc(ids, func(x, y crypto.ProducerID) int { return bytes.Compare(x[:], y[:]) })
}

// Append adds the canonical encoding of the audit to dst: equal audits, equal bytes.
//
//	uvarint  events of producers beyond the limit
//	uvarint  number of producers, then for each, ascending by id:
//	  32     producer id
//	  uvarint × 4   applied, duplicates, reordered, overflow
//	  32     chain digest
//	  8 × 32 fingerprint sums, big endian
//	  uvarint       number of spans, then for each, ascending:
//	    uvarint     numbers left out since the span before, less one (for the first: its start)
//	    uvarint     length of the span, less one
func (a *Audit) Append(dst []byte) []byte {
	dst = codec.AppendUvarint(dst, a.overflow)
	dst = codec.AppendUvarint(dst, uint64(len(a.tallies)))
	for _, id := range a.Producers() {
		dst = a.tallies[id].append(append(dst, id[:]...))
	}
	return dst
}

// append adds the part of one producer, without its id.
func (t *tally) append(dst []byte) []byte {
	for _, n := range [...]uint64{t.applied, t.duplicates, t.reordered, t.overflow} {
		dst = codec.AppendUvarint(dst, n)
	}
	dst = append(dst, t.chain[:]...)
	for _, sum := range t.sums {
		dst = codec.AppendUint64(dst, sum)
	}
	dst = codec.AppendUvarint(dst, uint64(len(t.seen)))
	next := uint64(0) // the least number the next span can begin with
	for _, sp := range t.seen {
		dst = codec.AppendUvarint(dst, sp.First-next)
		dst = codec.AppendUvarint(dst, sp.Last-sp.First)
		next = sp.Last + 2 // may wrap after the last possible span only
	}
	return dst
}

// DecodeAudit reads what Append wrote, and nothing else: anything that Append could not have
// written is an error matching ErrSnapshot. It allocates in proportion to len(b).
func DecodeAudit(b []byte) (Audit, error) {
	c := codec.NewCursor(b)
	var a Audit
	a.overflow = c.Uvarint()
	n := c.Count(MaxAuditProducers, minTallyBytes)
	if n > 0 {
		a.tallies = make(map[crypto.ProducerID]*tally, n)
	}
	var last crypto.ProducerID
	for i := range n {
		var id crypto.ProducerID
		c.Fixed(id[:])
		if i > 0 && bytes.Compare(id[:], last[:]) <= 0 {
			c.Fail(fmt.Errorf("kinds: audit: producers out of order"))
		}
		a.tallies[id], last = decodeTally(&c), id
	}
	if a.overflow > 0 && n < MaxAuditProducers {
		c.Fail(fmt.Errorf("kinds: audit: overflow with room left"))
	}
	if err := c.Finish(); err != nil {
		return Audit{}, fmt.Errorf("%w: audit: %w", ErrSnapshot, err)
	}
	return a, nil
}

// decodeTally reads what tally.append wrote.
func decodeTally(c *codec.Cursor) *tally {
	t := &tally{applied: c.Uvarint(), duplicates: c.Uvarint(), reordered: c.Uvarint(), overflow: c.Uvarint()}
	c.Fixed(t.chain[:])
	for i := range t.sums {
		t.sums[i] = c.Uint64()
	}
	t.seen = decodeSpans(c)
	if c.Err() == nil && !t.adds() {
		c.Fail(fmt.Errorf("kinds: audit: counters contradict each other"))
	}
	return t
}

// adds reports whether the counters fit together: every event applied is a repeat, an overflow,
// or one of the numbers in the spans.
func (t *tally) adds() bool {
	known := t.seen.count()
	rest := t.applied
	for _, n := range [...]uint64{t.duplicates, t.overflow, known} {
		if n > rest {
			return false
		}
		rest -= n
	}
	return rest == 0 && t.applied > 0 && t.reordered <= t.applied-t.duplicates
}

// decodeSpans reads a set of spans. The gaps are written less one, so that neighbors which
// should have been one span cannot be expressed.
func decodeSpans(c *codec.Cursor) spans {
	n := c.Count(MaxAuditSpans, 2)
	set := make(spans, 0, n)
	next := uint64(0)
	for i := range n {
		skip, more := c.Uvarint(), c.Uvarint()
		// After a span that ends at the last or last but one number nothing can follow;
		// that is where next wraps, to 0 or 1.
		if i > 0 && next < 2 || skip > math.MaxUint64-next || more > math.MaxUint64-next-skip {
			c.Fail(fmt.Errorf("kinds: audit: span beyond the last number"))
			return nil
		}
		first := next + skip
		set = append(set, Span{First: first, Last: first + more})
		next = first + more + 2
	}
	return set
}
