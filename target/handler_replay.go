package target

import "github.com/ferrymesh/ferry/crypto"

// ReplayEvents takes events in any order and returns the sequence of the last one applied. What is next is
// applied at once, what comes later is held until the gap before it closes, what was applied is dropped. A
// gap is no error. Calling it without events drains what can be drained.
//
// The slice may be reused after the call, and so may the memory of the payloads: what is applied at once is read during the
// call, and what is held is copied.
//
// Errors, several of which may be joined into one:
//
//   - [wire.ErrBufferFull], as [*FullError]: an event lies too far ahead or there is no room for it. Every
//     event of the batch gets its chance in the order given; the others are not affected. The totals are those
//     of the first refusal, through is how far the whole batch has got.
//   - [crypto.ErrDiverged], as [*DivergedError]: a duplicate differs from what was applied, or an event
//     comes after the handover.
//   - [crypto.ErrOrigin] or [wire.ErrTooLarge]: an event that belongs into no log here. Not held.
//   - [wire.ErrStateFailed] and the daemon's own error if Process failed; [crypto.ErrParent], or an error
//     of the handover ([wire.ErrWrongKey], [wire.ErrStaleEpoch], [wire.ErrWrongPeer] with
//     [wire.ErrNoHandover], [crypto.ErrHeadMismatch], [crypto.ErrBadSignature]), if the event that is next
//     cannot follow. What came before it stays applied; it stays held, with everything after it, and is
//     tried again by the next call, unless another event for its sequence has arrived by then.
//
// While the daemon is being restored everything is held and nothing applied. At Cutover and after Complete
// it does nothing and returns the final sequence. An origin that is unknown here is
// [wire.ErrDaemonNotFound].
func (h *Handler) ReplayEvents(origin uint64, events []crypto.CausalEvent) (through uint64, err error) {
	rec, done := h.acquire(origin)
	switch {
	case rec != nil:
	case done != nil:
		return done.through, nil
	default:
		return 0, notFound("replay", origin)
	}
	defer rec.turn.Unlock()
	if rec.activated() {
		return rec.buffer.Cursor(), nil
	}
	var p pass
	for i := range events {
		rec.offer(&events[i], &p)
	}
	rec.drain(&p)
	return rec.buffer.Cursor(), p.err()
}

// BufferEvent is ReplayEvents for a single event, the handover among them. It reports whether an active
// migration has taken care of the event: held it, applied it, or dropped it as the duplicate it is. A
// refused event is (false, error). An event that was taken while applying failed is (true, error), whether
// it was this event that failed or one before it.
//
// It never waits for Restore. It returns (false, nil), and creates nothing, for an origin that is unknown
// or completed here, and at Cutover.
func (h *Handler) BufferEvent(origin uint64, ev crypto.CausalEvent) (buffered bool, err error) {
	rec, _ := h.acquire(origin)
	if rec == nil {
		return false, nil
	}
	defer rec.turn.Unlock()
	if rec.activated() {
		return false, nil
	}
	var p pass
	rec.arriving = ev // the address of ev itself would put every event on the heap
	buffered = rec.offer(&rec.arriving, &p)
	rec.arriving = crypto.CausalEvent{}
	rec.drain(&p)
	return buffered, p.err()
}
