package node

import (
	"iter"
	"slices"

	"github.com/ferrymesh/ferry/wire"
)

// unanswered is what a client has been given and has not answered, oldest first. The first sent items are in
// flight. Those have their numbers for good and are not written any more: the frames that carry them, and
// whoever works on such a frame in this node, share their memory.
type unanswered struct {
	requests []request
	count    int // items of all requests
	sent     int
}

// request is one Submit, with those of its items that are not answered; never without any.
type request struct {
	id    uint64
	items []wire.Submission
}

// add takes the items of a request, and their memory.
func (u *unanswered) add(id uint64, items []wire.Submission) {
	if len(items) > 0 {
		u.requests = append(u.requests, request{id, items})
		u.count += len(items)
	}
}

// all are the items with their places, oldest first.
func (u *unanswered) all() iter.Seq2[int, *wire.Submission] {
	return func(yield func(int, *wire.Submission) bool) {
		place := 0
		for _, r := range u.requests {
			for i := range r.items {
				if !yield(place, &r.items[i]) {
					return
				}
				place++
			}
		}
	}
}

// fill puts more items in flight, as far as one frame carries them, and numbers those that have no number,
// beginning with next. It returns the number after the highest.
func (u *unanswered) fill(next uint64) uint64 {
	room := wire.SubmitRoom
	for i, it := range u.all() {
		if room -= wire.SubmissionLen(it); i == wire.MaxBatch || room < 0 && i > 0 {
			break
		}
		if i < u.sent {
			continue
		}
		if it.Seq == 0 {
			it.Seq = next
		}
		next = max(next, it.Seq+1)
		u.sent = i + 1
	}
	return next
}

// inFlight returns the items in flight, to be read only.
func (u *unanswered) inFlight() []wire.Submission {
	if first := u.requests[0].items; len(first) >= u.sent {
		return first[:u.sent:u.sent] // as a rule a request is a frame
	}
	joined := make([]wire.Submission, 0, u.sent)
	for _, r := range u.requests {
		joined = append(joined, r.items[:min(len(r.items), u.sent-len(joined))]...)
	}
	return joined
}

// asks reports whether a number is that of the oldest item in flight.
func (u *unanswered) asks(number uint64) bool {
	return u.sent > 0 && u.requests[0].items[0].Seq == number
}

// answers returns those receipts that answer the oldest items. What comes before them has been answered over
// another session.
func (u *unanswered) answers(receipts []wire.ReceiptItem) []wire.ReceiptItem {
	first := slices.IndexFunc(receipts, func(r wire.ReceiptItem) bool { return u.asks(r.Seq) })
	if first < 0 {
		return nil
	}
	receipts = receipts[first:]
	for i, it := range u.all() {
		if i == min(u.sent, len(receipts)) || receipts[i].Seq != it.Seq {
			return receipts[:i]
		}
	}
	return receipts[:u.count]
}

// answer takes off the oldest items, up to n of them and as many as are of one request, which it returns with
// their number. There must be n.
func (u *unanswered) answer(n int) (id uint64, items int) {
	r := &u.requests[0]
	id, items = r.id, min(n, len(r.items))
	if r.items = r.items[items:]; len(r.items) == 0 {
		u.requests = slices.Delete(u.requests, 0, 1)
	}
	u.count, u.sent = u.count-items, max(0, u.sent-items)
	return id, items
}

// drop takes back a request of which nothing is in flight. It returns the number of its items, 0 if it stays.
func (u *unanswered) drop(id uint64) int {
	first := 0
	for i, r := range u.requests {
		if r.id == id && first >= u.sent {
			u.requests = slices.Delete(u.requests, i, i+1)
			u.count -= len(r.items)
			return len(r.items)
		}
		first += len(r.items)
	}
	return 0
}
