package kinds

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
)

// append adds the state of the sketch to dst: 8 words seen, 2 words tracked, then for each in
// the order of the ranking 8 count, 8 excess, 1 length, the bytes; integers big endian. That
// order is all of the sketch's past that has any influence on what follows, so equal sketches
// give equal bytes and go on equally.
func (t *topWords) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, t.added)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(t.words)))
	for i, count := range t.ranking.ascending() {
		w := &t.words[i]
		dst = binary.BigEndian.AppendUint64(dst, count)
		dst = binary.BigEndian.AppendUint64(dst, w.excess)
		dst = append(append(dst, w.size), w.text[:w.size]...)
	}
	return dst
}

// restore reads what append wrote into an empty sketch.
func (t *topWords) restore(s *sealReader) {
	t.added = s.uint64()
	var size [2]byte
	s.read(size[:])
	tracked := binary.BigEndian.Uint16(size[:])
	if tracked > TopCapacity {
		s.fail("%d frequent words, at most %d are tracked", tracked, TopCapacity)
	}
	least := uint64(1)
	for range tracked {
		w, count := readTopWord(s)
		if s.err == nil && (count < least || !t.restoreWord(w, count)) {
			s.fail("%q is not the next frequent word", w.text[:w.size])
		}
		if s.err != nil {
			return
		}
		least = count
	}
}

// readTopWord reads one word; s says whether it can be trusted.
func readTopWord(s *sealReader) (w topWord, count uint64) {
	count, w.excess = s.uint64(), s.uint64()
	var size [1]byte
	s.read(size[:])
	if size[0] > MaxWord {
		s.fail("a frequent word of %d bytes", size[0])
		return w, 0
	}
	w.size = size[0]
	s.read(w.text[:w.size])
	return w, count
}

// restoreWord takes the next word of the ranking; false if it cannot be that.
func (t *topWords) restoreWord(w topWord, count uint64) bool {
	text := w.text[:w.size]
	hash := xxhash.Sum64(text)
	_, known := t.find(hash, text)
	n, makes := scanWord(text)
	whole := makes || len(text) == MaxWord // what makes it a word may be among the bytes not kept
	if known || n == 0 || n != len(text) || !whole || w.excess >= count {
		return false
	}
	i := t.track(hash, text)
	t.words[i].excess = w.excess
	t.ranking.enter(i, count)
	return true
}

// sum adds up all counts; false if they exceed 64 bits.
func (t *topWords) sum() (n uint64, ok bool) {
	for _, count := range t.ranking.ascending() {
		if count > math.MaxUint64-n {
			return 0, false
		}
		n += count
	}
	return n, true
}
