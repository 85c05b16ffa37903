package daemon

import (
	"fmt"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// entrySize is the encoded length of an entry: number, sequence, parent.
const entrySize = 8 + 8 + 32

// maxKept bounds the encoded outputs of one event: the count takes 2 bytes, the
// length of each output 3 at most.
const maxKept = 2 + 3*wire.MaxOutputCount + wire.MaxOutputs

// tableView is a producer table at one moment. Its slots are its own or no
// longer written; windows and outputs may be shared, and are not written
// either, for the table's generation has moved on.
type tableView struct {
	horizon uint64
	slots   []slot
	oldest  int32
}

// view returns the table as it is now, for the price of copying its slots.
// From now on whatever the view shows is copied before it is changed.
func (t *producers) view() tableView {
	if t == nil {
		return tableView{oldest: none}
	}
	t.generation++
	v := t.shown()
	v.slots = append([]slot(nil), t.slots...)
	return v
}

// shown returns a view of a table that will not change while it is in use.
func (t *producers) shown() tableView {
	if t == nil {
		return tableView{oldest: none}
	}
	return tableView{horizon: t.horizon, slots: t.slots, oldest: t.oldest}
}

// each calls f for every slot by ascending last sequence.
func (v tableView) each(f func(s *slot)) {
	for i := v.oldest; i != none; i = v.slots[i].next {
		f(&v.slots[i])
	}
}

// len returns the number of bytes write writes.
func (v tableView) len() int {
	n := 8 + codec.UvarintLen(uint64(len(v.slots)))
	v.each(func(s *slot) {
		n += len(s.id) + 1 + entrySize*len(s.window.entries)
		kept := s.outputs.bytes()
		n += codec.UvarintLen(uint64(len(kept))) + len(kept)
	})
	return n
}

// write streams the table in pieces of one producer.
func (v tableView) write(w *sink) {
	b := codec.AppendUint64(nil, v.horizon)
	w.write(codec.AppendUvarint(b, uint64(len(v.slots))))
	v.each(func(s *slot) {
		b = appendSlot(b[:0], s)
		w.write(b)
	})
}

// appendSlot appends one producer.
func appendSlot(b []byte, s *slot) []byte {
	b = append(b, s.id[:]...)
	b = append(b, uint8(len(s.window.entries)))
	for i := range s.window.entries {
		e := s.window.at(i)
		b = codec.AppendUint64(b, e.number)
		b = codec.AppendUint64(b, e.sequence)
		b = append(b, e.parent[:]...)
	}
	return codec.AppendBytes(b, s.outputs.bytes())
}

// bytes returns the outputs as encoded, nothing for none.
func (k *kept) bytes() []byte {
	if k == nil {
		return nil
	}
	return k.encoded
}

// readProducers reads a table whose newest entry is at most at sequence
// through. It holds the stream to the invariants of producers, so that a table
// that was read is one that could have grown. An empty one is nil. Errors stick
// in r, and the table is worthless then.
func readProducers(r *source, through uint64) *producers {
	t := newProducers(MaxProducers)
	t.horizon = r.uint64()
	count := r.length(MaxProducers)
	if t.horizon > 0 && count < MaxProducers {
		r.bad("producers were evicted from a table with room")
	}
	floor := t.horizon
	for range count {
		i := t.readSlot(r, floor)
		if r.err != nil {
			return nil
		}
		floor = t.slots[i].window.newest().sequence
	}
	if floor > through {
		r.bad("a producer is ahead of the head")
	}
	if len(t.slots) == 0 {
		return nil
	}
	return t
}

// readSlot reads one producer and puts it at the newest end. Its last sequence
// must be above floor, the one before it.
func (t *producers) readSlot(r *source, floor uint64) int32 {
	var id crypto.ProducerID
	r.fixed(id[:])
	if _, ok := t.index[id]; ok {
		r.bad("producer %x twice", id[:8])
	}
	w := readWindow(r)
	outputs := readKept(r)
	if r.err != nil {
		return none
	}
	if w.newest().sequence <= floor {
		r.bad("producers out of order")
		return none
	}
	if outputs != nil {
		t.kept += len(outputs.encoded)
	}
	if t.kept > MaxKeptOutputs {
		r.bad("more than %d bytes of outputs kept", MaxKeptOutputs)
	}
	i := int32(len(t.slots))
	t.slots = append(t.slots, slot{id: id, window: w, outputs: outputs})
	t.index[id] = i
	t.pushNewest(i)
	return i
}

// readWindow reads the entries of one producer. Memory is taken for them once
// they have all arrived.
func readWindow(r *source) *window {
	n := int(r.uint8())
	if r.err == nil && (n == 0 || n > ProducerWindow) {
		r.bad("%d entries of a producer", n)
	}
	if r.err != nil {
		return nil
	}
	c := r.cursor(entrySize * n)
	w := &window{entries: make([]entry, n)}
	for i := range w.entries {
		e := &w.entries[i]
		e.number, e.sequence = c.Uint64(), c.Uint64()
		c.Fixed(e.parent[:])
		if i > 0 && (e.number <= w.entries[i-1].number || e.sequence <= w.entries[i-1].sequence) {
			r.bad("entries of a producer out of order")
		}
	}
	if w.entries[0].sequence == 0 {
		r.bad("a producer wrote the genesis")
	}
	return w
}

// readKept reads the outputs kept for one producer, nil for none.
func readKept(r *source) *kept {
	n := r.length(maxKept)
	if n == 0 {
		return nil
	}
	encoded := r.bytes(nil, n)
	if r.err == nil {
		if err := checkKept(encoded); err != nil {
			r.bad("outputs of a producer: %w", err)
		}
	}
	return &kept{encoded: encoded}
}

// checkKept refuses encoded outputs that no event could have left.
func checkKept(encoded []byte) error {
	c := codec.NewCursor(encoded)
	count, size := c.Count(wire.MaxOutputCount, 1), 0
	for range count {
		size += len(c.Bytes(wire.MaxOutputs))
	}
	if err := c.Finish(); err != nil {
		return err
	}
	if count == 0 || size > wire.MaxOutputs {
		return fmt.Errorf("%d of %d bytes: %w", count, size, wire.ErrTooLarge)
	}
	return nil
}
