package daemon

import (
	"fmt"
	"math"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// lastInput is the highest sequence an input event may have. The one above it
// is kept for a handover, so that a full log can still leave.
const lastInput = math.MaxUint64 - 1

// MaxBatchOutputs bounds the bytes of outputs of one batch of submissions. It is
// well below what a node queues for a peer, so that answering a frame does not
// cut the peer off.
const MaxBatchOutputs = 1 << 20

// Receipt acknowledges a submission.
type Receipt struct {
	// Event is the entry as sequenced in the log. Its payload is the caller's
	// own slice: the Host keeps no reference to it. For a duplicate it has
	// the link, kind and producer of the earlier entry and no payload.
	Event Event
	// Outputs are what Process returned; the Host does not change them. For a
	// duplicate they are a copy, and there are some only if it is its
	// producer's newest submission and MaxKeptOutputs left room for them.
	Outputs [][]byte
	// Duplicate says that the event was applied earlier and not now.
	Duplicate bool
	// Head is the head right after the event. Zero for a duplicate.
	Head crypto.Head
}

// Submit applies payload as submission seq of producer p, once: a repeat of a
// number among the producer's last ProducerWindow is acknowledged with the
// entry it made then. Numbers grow, gaps are allowed. It is SubmitSince with
// since 0, the safe answer of a producer that does not know when it was opened.
//
// Errors: wire.ErrProducerWindow for a number below the newest that is not
// remembered; wire.ErrProducerEvicted; wire.ErrTooLarge; ErrLogFull;
// wire.ErrFrozen, wire.ErrNotReady (dark), wire.ErrMoved; else the error of
// Process, wrapped. After any error nothing was recorded.
func (h *Host) Submit(p crypto.ProducerID, seq uint64, payload []byte) (Receipt, error) {
	return h.SubmitSince(p, 0, seq, payload)
}

// SubmitSince is Submit for a producer that OpenProducer told since. If the
// host does not know p and has forgotten producers that were active after
// since, p may be one of them and get its submission applied twice; it gets
// wire.ErrProducerEvicted instead.
func (h *Host) SubmitSince(p crypto.ProducerID, since, seq uint64, payload []byte) (Receipt, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.answers(); err != nil {
		return Receipt{}, err
	}
	var r Receipt
	if err := h.submit(&r, p, since, &wire.Submission{Seq: seq, Payload: payload}); err != nil {
		return Receipt{}, err
	}
	return r, nil
}

// SubmitBatch submits items in order, with nothing of other producers between
// them, and appends their receipts to dst. It stops at the first error; the
// receipts appended so far are valid, and the error is about the item after
// them. It also stops, with wire.ErrNotReady, where the outputs could pass
// MaxBatchOutputs: whoever takes the receipts further has room for so much. What
// is left alone can be submitted again at once.
func (h *Host) SubmitBatch(p crypto.ProducerID, since uint64, items []wire.Submission, dst []Receipt) ([]Receipt, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.answers(); err != nil {
		return dst, err
	}
	size := 0
	for i := range items {
		if size+wire.MaxOutputs > MaxBatchOutputs {
			return dst, fmt.Errorf("daemon: the outputs of %d submissions have %d bytes, the rest of the batch was left alone: %w", i, size, wire.ErrNotReady)
		}
		dst = append(dst, Receipt{})
		last := len(dst) - 1
		if err := h.submit(&dst[last], p, since, &items[i]); err != nil {
			dst[last] = Receipt{}
			return dst[:last], err
		}
		size += outputBytes(dst[last].Outputs)
	}
	return dst, nil
}

// OpenProducer tells a producer where it stands: since, the log's sequence
// now, to be passed with its submissions, and last, the newest of its numbers
// that was applied, 0 if none is known. It fails like Submit while the host
// does not answer.
func (h *Host) OpenProducer(p crypto.ProducerID) (since, last uint64, err error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.answers(); err != nil {
		return 0, 0, err
	}
	last, _ = h.producers.last(p)
	return h.head.Sequence, last, nil
}

// submit applies one item or finds that it was applied, and fills in r, which is
// worth nothing after an error. The caller holds the turn and has checked the
// state.
func (h *Host) submit(r *Receipt, p crypto.ProducerID, since uint64, item *wire.Submission) error {
	if len(item.Payload) > wire.MaxPayload {
		return fmt.Errorf("daemon: payload of %d bytes: %w", len(item.Payload), wire.ErrTooLarge)
	}
	earlier, err := h.producers.find(&p, since, item.Seq)
	if err != nil {
		return fmt.Errorf("daemon: submission %d of producer %s: %w", item.Seq, p.Short(), err)
	}
	if earlier != nil {
		*r = h.duplicate(p, earlier)
		return nil
	}
	if h.head.Sequence >= lastInput {
		return fmt.Errorf("daemon: origin %016x: %w", h.origin, ErrLogFull)
	}
	r.Event = Event{
		Link: crypto.CausalLink{Origin: h.origin, Sequence: h.head.Sequence + 1, Parent: h.head.Digest},
		Kind: crypto.EventInput, Producer: p, ProducerSeq: item.Seq, Payload: item.Payload,
	}
	r.Outputs, err = h.apply(&r.Event)
	r.Head = h.head
	return err
}

// duplicate acknowledges the entry e of producer p once more.
func (h *Host) duplicate(p crypto.ProducerID, e *entry) Receipt {
	return Receipt{
		Event: Event{
			Link: crypto.CausalLink{Origin: h.origin, Sequence: e.sequence, Parent: e.parent},
			Kind: crypto.EventInput, Producer: p, ProducerSeq: e.number,
		},
		Outputs:   h.producers.outputs(p, e.number),
		Duplicate: true,
	}
}

// apply runs an input event whose link follows the head, and records it: the
// one place where the log grows by input, so that live and replayed events
// cannot differ. After an error nothing is recorded. The caller holds the turn.
func (h *Host) apply(ev *Event) ([][]byte, error) {
	outputs, err := h.process(ev)
	if err != nil {
		return nil, fmt.Errorf("daemon: origin %016x event %d: %w", h.origin, ev.Link.Sequence, err)
	}
	if h.producers == nil {
		h.producers = newProducers(MaxProducers)
	}
	h.producers.record(ev, outputs)
	next := h.head
	next.Extend(ev, outputs)
	h.advance(&next)
	return outputs, nil
}

// process runs the daemon's code and checks that what it returns fits frames.
func (h *Host) process(ev *Event) (outputs [][]byte, err error) {
	defer recovered("Process", &err)
	outputs, err = h.d.Process(*ev)
	if err != nil {
		return nil, err
	}
	if err := checkOutputs(outputs); err != nil {
		return nil, err
	}
	return outputs, nil
}

// checkOutputs refuses outputs beyond the limits of one event.
func checkOutputs(outputs [][]byte) error {
	if size := outputBytes(outputs); size > wire.MaxOutputs || len(outputs) > wire.MaxOutputCount {
		return fmt.Errorf("%d outputs of %d bytes: %w", len(outputs), size, wire.ErrTooLarge)
	}
	return nil
}

func outputBytes(outputs [][]byte) int {
	size := 0
	for _, out := range outputs {
		size += len(out)
	}
	return size
}
