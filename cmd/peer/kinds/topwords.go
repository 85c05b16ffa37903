package kinds

import "github.com/cespare/xxhash/v2"

// TopCapacity is how many words are tracked at a time.
const TopCapacity = 1024

// slotCount is the size of the index: four slots per word keep probes short.
const slotCount = 4 * TopCapacity

// topWords finds the most frequent words of a stream in bounded memory: the Space-Saving sketch
// of Metwally, Agrawal and El Abbadi, with their stream summary. A tracked word is counted. An
// untracked one takes the place of the word with the least count c, starts at c+1, and c is
// noted as its possible excess. With n words seen this guarantees
//
//   - a word's count is at most its excess too high, never too low;
//   - no excess is above n / TopCapacity;
//   - every word that occurred more often than that is tracked;
//   - all counts add up to n.
//
// Of several words with the least count the one goes that has not been seen for longest, which
// makes the sketch a function of the text alone. Counting a word takes constant time. The zero
// value is empty; memory is taken as words come, up to about 130 KiB.
type topWords struct {
	added   uint64 // n
	words   []topWord
	slots   []uint16 // open addressing by hash, linear probing: index + 1, 0 for free
	ranking ranking
}

// topWord is one tracked word. It stays where it is in words until another takes its place.
type topWord struct {
	hash   uint64
	excess uint64
	size   uint8
	text   [MaxWord]byte
}

func (w *topWord) is(hash uint64, text []byte) bool {
	return w.hash == hash && string(w.text[:w.size]) == string(text)
}

func (w *topWord) set(hash uint64, text []byte) {
	w.hash = hash
	w.size = uint8(copy(w.text[:], text))
}

// add counts one occurrence of a word of 1 to MaxWord bytes.
func (t *topWords) add(text []byte) {
	t.addHashed(xxhash.Sum64(text), text)
}

func (t *topWords) addHashed(hash uint64, text []byte) {
	t.added++
	i, found := t.find(hash, text)
	switch {
	case found:
		t.ranking.raise(i)
	case len(t.words) < TopCapacity:
		t.ranking.enter(t.track(hash, text), 1)
	default:
		i = t.ranking.least()
		t.replace(i, hash, text)
		t.ranking.raise(i)
	}
}

// find looks a word up.
func (t *topWords) find(hash uint64, text []byte) (uint16, bool) {
	if t.slots == nil {
		t.slots = make([]uint16, slotCount)
	}
	for s := hash % slotCount; t.slots[s] != 0; s = (s + 1) % slotCount {
		if i := t.slots[s] - 1; t.words[i].is(hash, text) {
			return i, true
		}
	}
	return 0, false
}

// track adds a word, for the caller to enter into the ranking.
func (t *topWords) track(hash uint64, text []byte) uint16 {
	i := uint16(len(t.words))
	t.words = append(t.words, topWord{})
	t.words[i].set(hash, text)
	t.occupy(i)
	return i
}

// replace gives the place of a word, and its count, to another.
func (t *topWords) replace(i uint16, hash uint64, text []byte) {
	t.vacate(i)
	t.words[i].excess = t.ranking.count(i)
	t.words[i].set(hash, text)
	t.occupy(i)
}

// occupy enters a word in the index.
func (t *topWords) occupy(i uint16) {
	s := t.words[i].hash % slotCount
	for t.slots[s] != 0 {
		s = (s + 1) % slotCount
	}
	t.slots[s] = i + 1
}

// vacate takes a word out of the index and closes the gap, so that no probe ends early.
func (t *topWords) vacate(i uint16) {
	s := t.words[i].hash % slotCount
	for t.slots[s] != i+1 {
		s = (s + 1) % slotCount
	}
	for next := (s + 1) % slotCount; t.slots[next] != 0; next = (next + 1) % slotCount {
		home := t.words[t.slots[next]-1].hash % slotCount
		// Move it back if the gap lies between its home and where it is.
		if (next-home)%slotCount >= (next-s)%slotCount {
			t.slots[s] = t.slots[next]
			s = next
		}
	}
	t.slots[s] = 0
}

// WordFrequency is one of the most frequent words of a WordCount.
type WordFrequency struct {
	Word   string `json:"word"`   // at most MaxWord bytes of it
	Count  uint64 `json:"count"`  // never too low
	Excess uint64 `json:"excess"` // by how much Count can be too high
}

// most returns up to n words, most frequent first, of equally frequent ones the newest first.
func (t *topWords) most(n int) []WordFrequency {
	out := make([]WordFrequency, 0, min(n, len(t.words)))
	for i, count := range t.ranking.descending() {
		if len(out) == n {
			break
		}
		w := &t.words[i]
		out = append(out, WordFrequency{Word: string(w.text[:w.size]), Count: count, Excess: w.excess})
	}
	return out
}
