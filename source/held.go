package source

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Limits of what is held while the daemon is frozen (protocol §4.6.2). Before the commit a freeze
// lasts no longer than its budget, so these are sized for a burst, not for an outage.
const (
	// MaxHeldItems is how many single submissions wait during a freeze.
	MaxHeldItems = 65_536
	// MaxHeldBytes is how many payload bytes wait during a freeze.
	MaxHeldBytes = 16 << 20
)

// Submission is a batch of submissions of one producer that waits for the end of a freeze. Ticket is the
// owner's handle for the answer.
type Submission struct {
	Ticket   uint64
	Producer crypto.ProducerID
	Since    uint64
	Items    []wire.Submission
}

// held is the bounded queue of submissions that arrived during a freeze, in order of arrival.
//
// Invariants: items and bytes are the sums over waiting; neither exceeds its limit. The first out of waiting have been forwarded,
// in frames of outBytes.
type held struct {
	waiting  []Submission
	items    int
	bytes    int
	out      int
	outBytes int
}

// forwardFull is how much may be forwarded and unanswered before the rest waits. One frame more can be: 1 MiB in all, of what the
// transport queues for a stream before it takes the peer for one that does not read.
const forwardFull = 512 << 10

// forwardLen is how long a Forward is.
func forwardLen(items []wire.Submission) int {
	return 80 + wire.SubmissionsLen(items) // 80 is all but the items
}

// next returns the oldest batch that has not been forwarded, and counts it as forwarded; false if there is none, or no room.
func (h *held) next() (Submission, bool) {
	if h.out == len(h.waiting) || h.outBytes >= forwardFull {
		return Submission{}, false
	}
	s := h.waiting[h.out]
	h.out++
	h.outBytes += forwardLen(s.Items)
	return s, true
}

func payloadBytes(items []wire.Submission) int {
	n := 0
	for _, it := range items {
		n += len(it.Payload)
	}
	return n
}

// add reports false, and keeps nothing, if the batch does not fit.
func (h *held) add(s Submission) bool {
	n := payloadBytes(s.Items)
	if h.items+len(s.Items) > MaxHeldItems || h.bytes+n > MaxHeldBytes {
		return false
	}
	h.waiting = append(h.waiting, s)
	h.items += len(s.Items)
	h.bytes += n
	return true
}

// take empties the queue.
func (h *held) take() []Submission {
	w := h.waiting
	*h = held{}
	return w
}

// answeredBy reports whether a message answers this very batch: a producer that lost its session may have
// submitted again, and a batch from the same first number may then be longer. Receipts for all of it leave nothing to refuse.
func (s Submission) answeredBy(msg *wire.Forwarded) bool {
	return s.Producer == msg.Producer && s.Items[0].Seq == msg.First &&
		(msg.Reason == 0 && len(msg.Items) == len(s.Items) || msg.Reason != 0 && len(msg.Items) < len(s.Items))
}

// remove takes the oldest batch out that the message answers, of those that have been forwarded. Only those before it are moved:
// there may be many behind it.
func (h *held) remove(msg *wire.Forwarded) (Submission, bool) {
	for i, s := range h.waiting[:h.out] {
		if !s.answeredBy(msg) {
			continue
		}
		copy(h.waiting[1:i+1], h.waiting[:i])
		h.waiting[0] = Submission{} // what the array still has keeps nothing
		h.waiting = h.waiting[1:]
		h.items -= len(s.Items)
		h.bytes -= payloadBytes(s.Items)
		h.out--
		h.outBytes -= forwardLen(s.Items)
		return s, true
	}
	return Submission{}, false
}
