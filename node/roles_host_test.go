package node_test

import (
	"fmt"
	"slices"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// The entity of every run and the keys of its first two epochs. Making them once keeps a run cheap.
var (
	entityKey = mustKey(1)
	nextKey   = mustKey(2)
	genesis   = mustGenesis()
	ids       = [3]crypto.NodeID{{'s'}, {'t'}, {'o'}}
)

func mustKey(seed byte) *crypto.EntityKeypair {
	k, err := crypto.KeypairFromSeed([32]byte{seed})
	if err != nil {
		panic(err)
	}
	return k
}

func mustGenesis() crypto.Genesis {
	g, err := crypto.SignGenesis(entityKey, "model", crypto.PublicKey{})
	if err != nil {
		panic(err)
	}
	return g
}

// item names one submission.
type item struct {
	producer byte
	seq      uint64
}

// copyOf is a daemon reduced to what the roles care about: its log, its head, and whether it may answer.
type copyOf struct {
	log    []crypto.CausalEvent
	heads  []crypto.Head // after each entry of log
	seen   map[item]uint64
	frozen bool
	moved  bool
}

func newborn() *copyOf { return &copyOf{seen: map[item]uint64{}} }

func (c *copyOf) head() crypto.Head {
	if len(c.heads) == 0 {
		return genesis.Head()
	}
	return c.heads[len(c.heads)-1]
}

func (c *copyOf) clone() *copyOf {
	d := &copyOf{log: slices.Clone(c.log), heads: slices.Clone(c.heads), seen: map[item]uint64{}}
	for k, v := range c.seen {
		d.seen[k] = v
	}
	return d
}

// add appends an entry that follows the head.
func (c *copyOf) add(ev crypto.CausalEvent) {
	if err := c.head().CheckLink(ev.Link); err != nil {
		panic(err)
	}
	c.heads = append(c.heads, c.head().Append(ev, nil))
	c.log = append(c.log, ev)
	if ev.Kind == crypto.EventInput {
		c.seen[item{ev.Producer[0], ev.ProducerSeq}] = ev.Link.Sequence
	}
}

// apply submits a batch: what is new is sequenced, what is known is a duplicate.
func (c *copyOf) apply(s source.Submission) (entries []source.Entry, receipts []wire.ReceiptItem) {
	for _, it := range s.Items {
		if at, ok := c.seen[item{s.Producer[0], it.Seq}]; ok {
			receipts = append(receipts, wire.ReceiptItem{Seq: it.Seq, Sequence: at, Duplicate: true})
			continue
		}
		h := c.head()
		c.add(crypto.CausalEvent{
			Link: crypto.CausalLink{Origin: h.Origin, Sequence: h.Sequence + 1, Parent: h.Digest},
			Kind: crypto.EventInput, Producer: s.Producer, ProducerSeq: it.Seq, Payload: it.Payload,
		})
		receipts = append(receipts, wire.ReceiptItem{Seq: it.Seq, Sequence: h.Sequence + 1})
		entries = append(entries, source.Entry{Event: c.log[len(c.log)-1], Head: c.head()})
	}
	return entries, receipts
}

// handOver appends the handover to the second node.
func (c *copyOf) handOver(call source.CallHandOver, through uint64) crypto.CausalEvent {
	ev, _, err := crypto.SignHandover(entityKey, crypto.Handover{
		From: call.From, To: call.To, Epoch: 2, Head: c.head(), Next: call.Next,
		SnapshotSequence: through, Previous: genesis.Digest(),
	})
	if err != nil {
		panic(err)
	}
	c.add(ev)
	c.moved = true
	return ev
}

// dark is what the target's handler keeps for one migration.
type dark struct {
	copyOf   *copyOf // nil until restored
	through  uint64
	pending  map[uint64]crypto.CausalEvent
	armed    bool
	attempt  wire.Attempt
	released wire.Attempt
	final    crypto.Head
	active   bool
	complete bool
}

func (d *dark) committed() bool {
	return d.copyOf != nil && len(d.copyOf.log) > 0 && d.copyOf.log[len(d.copyOf.log)-1].Kind != crypto.EventInput
}

// replay takes events in any order and applies what is contiguous.
func (d *dark) replay(events []crypto.CausalEvent) (applied uint64, err error) {
	for _, ev := range events {
		if d.copyOf == nil || ev.Link.Sequence > d.copyOf.head().Sequence {
			d.pending[ev.Link.Sequence] = ev
			continue
		}
		if i := ev.Link.Sequence - 1; d.copyOf.heads[i].Digest != ev.Digest() {
			return applied, wire.ErrDiverged
		}
	}
	for d.copyOf != nil {
		ev, ok := d.pending[d.copyOf.head().Sequence+1]
		if !ok {
			return applied, nil
		}
		if d.committed() {
			return applied, wire.ErrDiverged
		}
		if err := d.copyOf.head().CheckLink(ev.Link); err != nil {
			return applied, err
		}
		delete(d.pending, ev.Link.Sequence)
		d.copyOf.add(ev)
		applied++
	}
	return applied, nil
}

// hold is Handler.Hold.
func (d *dark) hold(a wire.Attempt, final crypto.Head) error {
	switch {
	case d.armed && a == d.attempt && final == d.final:
		return nil
	case d.copyOf == nil || d.committed():
		return wire.ErrWrongPhase
	case d.armed && a.Less(d.attempt), !d.released.IsZero() && !d.released.Less(a):
		return wire.ErrStaleEpoch
	case d.copyOf.head().Sequence != final.Sequence:
		return crypto.ErrGap
	case d.copyOf.head() != final:
		return crypto.ErrHeadMismatch
	}
	d.armed, d.attempt, d.final = true, a, final
	return nil
}

// release is Handler.Release.
func (d *dark) release(a wire.Attempt) error {
	if d.committed() {
		return wire.ErrWrongPhase
	}
	if d.armed && a.Less(d.attempt) {
		return wire.ErrStaleEpoch
	}
	if d.released.Less(a) {
		d.released = a
	}
	d.armed, d.attempt, d.final = false, wire.Attempt{}, crypto.Head{}
	return nil
}

// activate is Handler.ReplayEvents with the handover, and Handler.Activate.
func (d *dark) activate(ev crypto.CausalEvent) (crypto.SignedHead, error) {
	if _, err := d.replay([]crypto.CausalEvent{ev}); err != nil {
		return crypto.SignedHead{}, err
	}
	if !d.committed() {
		return crypto.SignedHead{}, fmt.Errorf("model: %w", wire.ErrNoHandover)
	}
	d.active, d.armed = true, false
	return crypto.SignHead(nextKey, d.copyOf.head(), 2)
}
