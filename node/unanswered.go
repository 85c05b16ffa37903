package node

import (
	"slices"

	"github.com/ferrymesh/ferry/wire"
)

// unanswered is what a client has been given and has not answered, oldest first. The first sent items are in
// flight. Those have their numbers for good and are not written any more: the frames that carry them, and
// whoever works on such a frame in this node, share their memory.
type unanswered struct {
	items  []wire.Submission
	owners []owner // whose the items are, in their order
	sent   int
}

// owner is a request whose answer is awaited, with so many items.
type owner struct {
	request uint64
	items   int
}

// add takes the items of a request, and their memory.
func (u *unanswered) add(request uint64, items []wire.Submission) {
	if len(items) == 0 {
		return
	}
	u.owners = append(u.owners, owner{request, len(items)})
	if len(u.items) == 0 {
		u.items = items
		return
	}
	u.items = append(u.items, items...)
}

// fill puts more items in flight, as far as one frame carries them, and numbers those that have no number,
// beginning with next. It returns the number after the highest.
func (u *unanswered) fill(next uint64) uint64 {
	room := wire.SubmitRoom
	for i := range min(len(u.items), wire.MaxBatch) {
		it := &u.items[i]
		if room -= wire.SubmissionLen(it); room < 0 && i > 0 {
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
func (u *unanswered) inFlight() []wire.Submission { return u.items[:u.sent:u.sent] }

// answers returns those receipts that answer the oldest items. What comes before them has been answered over
// another session.
func (u *unanswered) answers(receipts []wire.ReceiptItem) []wire.ReceiptItem {
	if u.sent == 0 {
		return nil
	}
	first := slices.IndexFunc(receipts, func(r wire.ReceiptItem) bool { return r.Seq == u.items[0].Seq })
	if first < 0 {
		return nil
	}
	receipts = receipts[first:]
	n := 0
	for n < min(len(receipts), u.sent) && receipts[n].Seq == u.items[n].Seq {
		n++
	}
	return receipts[:n]
}

// answer takes off the oldest items, up to n of them and as many as are of one request, which it returns with
// their number. There must be n.
func (u *unanswered) answer(n int) (request uint64, items int) {
	o := &u.owners[0]
	request, items = o.request, min(n, o.items)
	if o.items -= items; o.items == 0 {
		u.owners = slices.Delete(u.owners, 0, 1)
	}
	u.items, u.sent = u.items[items:], max(0, u.sent-items)
	if len(u.items) == 0 {
		u.items = nil // with the payloads that have been answered
	}
	return request, items
}

// drop takes back a request of which nothing is in flight and nothing has been answered. It returns the number
// of its items, 0 if it stays.
func (u *unanswered) drop(request uint64) int {
	first := 0
	for i, o := range u.owners {
		if o.request == request && first >= u.sent {
			u.owners = slices.Delete(u.owners, i, i+1)
			u.items = slices.Delete(u.items, first, first+o.items)
			return o.items
		}
		first += o.items
	}
	return 0
}
