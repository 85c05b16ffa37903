package daemon

import (
	"sort"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// entry is one applied submission as its producer's window remembers it.
type entry struct {
	number   uint64        // the producer's own
	sequence uint64        // in the log
	parent   crypto.Digest // of the log entry, so that a repeat gets the same link
}

// window is a ring of a producer's newest submissions, at most ProducerWindow
// of them, by ascending number and so by ascending sequence. It grows by
// doubling, for most producers send little.
type window struct {
	generation uint64  // of the table that may write it
	start      int     // index of the oldest entry; 0 until the ring is full
	entries    []entry // a ring once it has ProducerWindow entries
}

// at returns entry i counted from the oldest.
func (w *window) at(i int) *entry {
	return &w.entries[(w.start+i)%ProducerWindow]
}

// newest returns the entry pushed last. The window must not be empty.
func (w *window) newest() *entry { return w.at(len(w.entries) - 1) }

// find returns the entry with that number, or nil.
func (w *window) find(number uint64) *entry {
	// A repeat is nearly always of the newest.
	if e := w.newest(); e.number == number {
		return e
	}
	n := len(w.entries)
	i := sort.Search(n, func(i int) bool { return w.at(i).number >= number })
	if i == n || w.at(i).number != number {
		return nil
	}
	return w.at(i)
}

// push makes room for the next entry, in place of the oldest if the ring is full,
// and returns it for the caller to fill.
func (w *window) push() *entry {
	if len(w.entries) == ProducerWindow {
		w.start = (w.start + 1) % ProducerWindow
		return w.newest()
	}
	if len(w.entries) == cap(w.entries) {
		grown := make([]entry, len(w.entries), min(max(4, 2*cap(w.entries)), ProducerWindow))
		copy(grown, w.entries)
		w.entries = grown
	}
	w.entries = w.entries[:len(w.entries)+1]
	return w.newest()
}

// owned returns w if the table of that generation may write it, else a copy
// that it may.
func (w *window) owned(generation uint64) *window {
	if w.generation == generation {
		return w
	}
	c := &window{generation: generation, entries: make([]entry, 0, cap(w.entries))}
	for i := range w.entries {
		c.entries = append(c.entries, *w.at(i))
	}
	return c
}

// emptied returns an empty window that the table of that generation may write,
// in the memory of w where that is not shared.
func (w *window) emptied(generation uint64) *window {
	if w.generation != generation {
		return &window{generation: generation}
	}
	w.start, w.entries = 0, w.entries[:0]
	return w
}

// kept is the outputs of one event in their encoded form: a uvarint count,
// then each with its length before it. One flat slice costs the collector one
// object whatever the count, and its memory is used again.
type kept struct {
	generation uint64 // of the table that may write it
	encoded    []byte
}

// replaced returns outputs encoded, in the memory of k where the table of that
// generation may write it and it is not far too large; nil if there are none.
func (k *kept) replaced(generation uint64, outputs [][]byte) *kept {
	if len(outputs) == 0 {
		return nil
	}
	size := codec.UvarintLen(uint64(len(outputs)))
	for _, out := range outputs {
		size += codec.UvarintLen(uint64(len(out))) + len(out)
	}
	if k == nil || k.generation != generation || cap(k.encoded) < size || cap(k.encoded) > 2*size+256 {
		k = &kept{generation: generation, encoded: make([]byte, 0, size)}
	}
	k.encoded = appendOutputs(k.encoded[:0], outputs)
	return k
}

// appendOutputs appends the encoded form of outputs.
func appendOutputs(dst []byte, outputs [][]byte) []byte {
	dst = codec.AppendUvarint(dst, uint64(len(outputs)))
	for _, out := range outputs {
		dst = codec.AppendBytes(dst, out)
	}
	return dst
}

// split returns the outputs, copied.
func (k *kept) split() [][]byte {
	c := codec.NewCursor(append([]byte(nil), k.encoded...))
	outputs := make([][]byte, c.Uvarint())
	for i := range outputs {
		outputs[i] = c.Bytes(len(k.encoded))
	}
	return outputs
}
