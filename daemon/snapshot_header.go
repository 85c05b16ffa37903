package daemon

import (
	"fmt"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// What a snapshot begins with. Frozen: another layout is another version.
const (
	snapshotMagic   = "FERRYSNP"
	snapshotVersion = 1
)

// header is a snapshot without its state.
type header struct {
	entity    crypto.EntityID
	kind      string
	name      string
	epoch     uint64
	head      crypto.Head
	passport  crypto.Passport
	producers tableView
}

// len returns the number of bytes write writes, checksum included.
func (h *header) len() int64 {
	fixed := len(snapshotMagic) + 2 + len(h.entity) + 8 + crypto.HeadSize + 8
	texts := codec.UvarintLen(uint64(len(h.kind))) + len(h.kind) +
		codec.UvarintLen(uint64(len(h.name))) + len(h.name)
	return int64(fixed + texts + h.passport.EncodedLen() + h.producers.len())
}

// write streams the header. Errors stick in w.
func (h *header) write(w *sink) {
	b := append([]byte(nil), snapshotMagic...)
	b = codec.AppendUint16(b, snapshotVersion)
	b = append(b, h.entity[:]...)
	b = codec.AppendString(b, h.kind)
	b = codec.AppendString(b, h.name)
	b = codec.AppendUint64(b, h.epoch)
	b = crypto.AppendHead(b, h.head)
	w.write(b)
	if w.err == nil {
		_, w.err = h.passport.WriteTo(w)
	}
	h.producers.write(w)
	w.write(codec.AppendUint64(b[:0], w.check.Sum64()))
}

// read reads what write wrote and checks it: first the form, item by item as
// it arrives, then the checksum, then that the parts agree with the passport
// and the passport with itself. It returns the producer table, which
// h.producers shows as well.
func (h *header) read(r *source) (*producers, error) {
	if err := readMagic(r); err != nil {
		return nil, err
	}
	r.fixed(h.entity[:])
	h.kind = r.text(wire.MaxKind)
	h.name = r.text(wire.MaxName)
	h.epoch = r.uint64()
	h.head = r.head()
	h.passport = r.passport()
	table := readProducers(r, h.head.Sequence)
	sum := r.check.Sum64()
	if r.uint64() != sum {
		r.bad("header checksum")
	}
	if r.err != nil {
		return nil, r.err
	}
	h.producers = table.shown()
	return table, h.verify()
}

// readMagic refuses other files and other versions before reading on.
func readMagic(r *source) error {
	var magic [len(snapshotMagic)]byte
	r.fixed(magic[:])
	if r.err == nil && string(magic[:]) != snapshotMagic {
		r.bad("not a snapshot: it begins with %q", magic[:])
	}
	version := r.uint16()
	if r.err == nil && version != snapshotVersion {
		r.bad("version %d: %w", version, wire.ErrVersion)
	}
	return r.err
}

// verify checks that the parts tell of one daemon, and the passport's
// signatures: 40 µs for each handover.
func (h *header) verify() error {
	if err := checkTexts(h.kind, h.name); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrBadSnapshot, err)
	}
	wrong := ""
	switch {
	case h.passport.Entity != h.entity || h.passport.Genesis.Entity != h.entity:
		wrong = "passport of another entity"
	case h.passport.Genesis.Kind != h.kind:
		wrong = "kind is not the genesis'"
	case h.passport.Epoch() != h.epoch:
		wrong = "epoch is not the passport's"
	case h.head.Origin != crypto.OriginOf(h.entity):
		wrong = "head of another origin"
	case !h.follows():
		wrong = "head does not follow the passport"
	}
	if wrong != "" {
		return fmt.Errorf("%w: %s", wire.ErrBadSnapshot, wrong)
	}
	if err := h.passport.Verify(); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrBadSnapshot, err)
	}
	return nil
}

// follows reports whether the head can be in the epoch that the passport's
// last item began: it is that item's own head or a later one.
func (h *header) follows() bool {
	first := h.passport.Genesis.Head()
	if n := len(h.passport.Handovers); n > 0 {
		last := h.passport.Handovers[n-1]
		first = last.Head.Append(last.Event(), nil)
	}
	if h.head.Sequence == first.Sequence {
		return h.head == first
	}
	return h.head.Sequence > first.Sequence
}
