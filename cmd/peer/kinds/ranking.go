package kinds

import "iter"

// none ends a list of a ranking.
const none = 0xffff

// ranking keeps up to TopCapacity members, numbered from 0, in the order of their counts, and
// those of equal count in the order in which they came to it. All members of one count hang in
// one bucket, buckets hang in ascending order, and a count only ever grows by one, so every
// operation is a few changes of links. It holds no pointers. The zero value is empty.
type ranking struct {
	members []member
	buckets []bucket
	free    []uint16 // buckets not in use
	ends    bucket   // next is the bucket with the least count, prev the one with the greatest
	begun   bool     // ends is set up
}

// member is a place in the list of a bucket.
type member struct{ bucket, prev, next uint16 }

// bucket is a place in the list of buckets, and the list of its members, oldest first. It is
// never empty.
type bucket struct {
	count       uint64
	prev, next  uint16
	first, last uint16
}

// at returns a bucket, or for none the place that closes the ring of buckets.
func (r *ranking) at(b uint16) *bucket {
	if b == none {
		return &r.ends
	}
	return &r.buckets[b]
}

// count returns the count of a member.
func (r *ranking) count(m uint16) uint64 { return r.buckets[r.members[m].bucket].count }

// least returns the member that has had the least count for longest. There must be one.
func (r *ranking) least() uint16 { return r.buckets[r.ends.next].first }

// enter adds the next member, with a count that is the least or the greatest of all; equal
// counts are entered oldest first.
func (r *ranking) enter(m uint16, count uint64) {
	if !r.begun {
		r.ends, r.begun = bucket{prev: none, next: none}, true
	}
	r.members = append(r.members, member{})
	at := r.ends.prev
	if r.ends.next != none && r.buckets[r.ends.next].count >= count {
		at = r.ends.next
	}
	switch {
	case at == none || r.buckets[at].count < count:
		at = r.insert(count, at)
	case r.buckets[at].count > count:
		at = r.insert(count, none)
	}
	r.link(m, at)
}

// raise adds one to the count of a member.
func (r *ranking) raise(m uint16) {
	at := r.members[m].bucket
	b := &r.buckets[at]
	next := b.next
	if next == none || r.buckets[next].count != b.count+1 {
		if b.first == b.last {
			b.count++ // alone in its bucket, which stays between its neighbors
			return
		}
		next = r.insert(b.count+1, at)
	}
	r.unlink(m)
	r.link(m, next)
}

// insert makes an empty bucket that follows another; the caller puts a member into it.
func (r *ranking) insert(count uint64, after uint16) uint16 {
	b := uint16(len(r.buckets))
	if k := len(r.free); k > 0 {
		b, r.free = r.free[k-1], r.free[:k-1]
	} else {
		r.buckets = append(r.buckets, bucket{})
	}
	before := r.at(after).next
	r.buckets[b] = bucket{count: count, prev: after, next: before, first: none, last: none}
	r.at(after).next = b
	r.at(before).prev = b
	return b
}

// link appends a member to a bucket.
func (r *ranking) link(m, to uint16) {
	b := &r.buckets[to]
	r.members[m] = member{bucket: to, prev: b.last, next: none}
	if b.last == none {
		b.first = m
	} else {
		r.members[b.last].next = m
	}
	b.last = m
}

// unlink takes a member out of its bucket, and an emptied bucket out of the ranking.
func (r *ranking) unlink(m uint16) {
	gone := r.members[m]
	b := &r.buckets[gone.bucket]
	if gone.prev == none {
		b.first = gone.next
	} else {
		r.members[gone.prev].next = gone.next
	}
	if gone.next == none {
		b.last = gone.prev
	} else {
		r.members[gone.next].prev = gone.prev
	}
	if b.first == none {
		r.at(b.prev).next = b.next
		r.at(b.next).prev = b.prev
		r.free = append(r.free, gone.bucket)
	}
}

// ascending yields the members and their counts in the order of the ranking.
func (r *ranking) ascending() iter.Seq2[uint16, uint64] {
	return func(yield func(uint16, uint64) bool) {
		if !r.begun {
			return
		}
		for b := r.ends.next; b != none; b = r.buckets[b].next {
			for m := r.buckets[b].first; m != none; m = r.members[m].next {
				if !yield(m, r.buckets[b].count) {
					return
				}
			}
		}
	}
}

// descending yields them in the opposite order.
func (r *ranking) descending() iter.Seq2[uint16, uint64] {
	return func(yield func(uint16, uint64) bool) {
		if !r.begun {
			return
		}
		for b := r.ends.prev; b != none; b = r.buckets[b].prev {
			for m := r.buckets[b].last; m != none; m = r.members[m].prev {
				if !yield(m, r.buckets[b].count) {
					return
				}
			}
		}
	}
}
