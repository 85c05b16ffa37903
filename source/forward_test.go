package source

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// check fails the test if an invariant of what is held does not hold.
func (h *held) check(t *testing.T) {
	t.Helper()
	items, bytes, out := 0, 0, 0
	for i, s := range h.waiting {
		items, bytes = items+len(s.Items), bytes+payloadBytes(s.Items)
		if i < h.out {
			out += forwardLen(s.Items)
		}
	}
	if items != h.items || bytes != h.bytes || out != h.outBytes || h.out > len(h.waiting) {
		t.Fatalf("%d items of %d bytes are counted as %d of %d, %d bytes out as %d, %d of %d out",
			items, bytes, h.items, h.bytes, out, h.outBytes, h.out, len(h.waiting))
	}
}

// holding is a machine whose target has activated the daemon, and which held n batches of some bytes each.
func holding(t *testing.T, n int, size func() int) *rig {
	r := inState(t, committed)
	for i := range n {
		s := submission(uint64(i)+1, 'a'+byte(i%26), uint64(i)+1, 1)
		s.Items[0].Payload = make([]byte, size())
		if o := r.step(Submitted{s}); len(o.Replies) > 0 {
			t.Fatalf("batch %d is refused", i)
		}
	}
	return r
}

// weighed are the bytes of the Forwards of a step, and their first numbers.
func weighed(o Output) (bytes int, firsts []uint64) {
	for _, f := range sent[*wire.Forward](o) {
		bytes += len(wire.AppendFrame(nil, f))
		firsts = append(firsts, f.Items[0].Seq)
	}
	return bytes, firsts
}

// What was held goes to the target in order and no faster than it answers: 16 MiB at once are more than a stream queues, and the
// session would be ended, and the next one too. What comes while it is forwarded goes behind it.
func TestS3_ForwardsWaitForAnswers(t *testing.T) {
	const batches, most = 63, 1 << 20
	r := holding(t, batches, func() int { return 250 << 10 })
	steps := map[string]func() Output{
		"at first":          func() Output { return r.get(r.ack(testNext)) },
		"once more":         func() Output { r.now = r.m.retryAt; return r.step(Tick{}) },
		"over a new one":    func() Output { return r.step(PeerUp{Peer: nodeT}) },
		"with one more":     func() Output { return r.step(Submitted{submission(100, 'z', 100, 1)}) },
		"over one more new": func() Output { return r.step(PeerUp{Peer: nodeT}) },
	}
	for _, name := range []string{"at first", "once more", "over a new one", "with one more", "over one more new"} {
		bytes, firsts := weighed(steps[name]())
		if bytes > most || (name == "with one more") != (len(firsts) == 0) {
			t.Fatalf("%s %d bytes are forwarded, of the batches %v", name, bytes, firsts)
		}
		r.m.held.check(t)
	}
	_, firsts := weighed(r.out)
	for n := uint64(1); r.m.state != moved; n++ {
		if n == batches+1 {
			n = 100
		}
		if len(firsts) == 0 || firsts[0] != n {
			t.Fatalf("out are %v, %d is next", firsts, n)
		}
		s := r.m.held.waiting[0]
		o := r.get(&wire.Forwarded{Ref: r.ref(), Producer: s.Producer, First: n, Items: make([]wire.ReceiptItem, 1)})
		bytes, next := weighed(o)
		if firsts = append(firsts[1:], next...); bytes > most || len(o.Replies) != 1 {
			t.Fatalf("the answer to %d is followed by %d bytes and %d replies", n, bytes, len(o.Replies))
		}
		r.m.held.check(t)
	}
}

// Producers that have no reason to ask anybody else do not keep the source forwarding for ever: with two of them, and a target that is
// not near, something always waits for an answer. Nothing is added after a while, and what is left is soon answered.
func TestS3_ForwardingEndsUnderLoad(t *testing.T) {
	r := holding(t, 2, func() int { return 10 })
	r.get(r.ack(testNext))
	frozen := 0
	for ticket, end := uint64(3), r.now.Add(2*DefaultFreezeBudget); r.m.state == forwarding; ticket++ {
		if r.now = r.now.Add(5 * time.Millisecond); r.now.After(end) {
			t.Fatalf("%d batches later %d are waiting", ticket, len(r.m.held.waiting))
		}
		for _, reply := range r.step(Submitted{submission(ticket, 'a'+byte(ticket%26), ticket, 1)}).Replies {
			if frozen++; reply.Ticket != ticket || reply.Reason != wire.ReasonFrozen {
				t.Fatalf("batch %d: %+v", ticket, reply)
			}
		}
		s := r.m.held.waiting[0]
		r.get(&wire.Forwarded{Ref: r.ref(), Producer: s.Producer, First: s.Items[0].Seq, Items: make([]wire.ReceiptItem, 1)})
	}
	if frozen == 0 || r.m.ended == nil || r.m.ended.Outcome != wire.OutcomeMoved {
		t.Errorf("%d refused, %+v", frozen, r.m.ended)
	}
}

// Answers may come in any order, twice, and for what has not been forwarded yet; everything is answered once.
func TestForwardsAtRandom(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		r := holding(t, rng.IntN(60), func() int { return rng.IntN(250 << 10) })
		r.get(r.ack(testNext))
		left := len(r.m.held.waiting)
		for r.m.state == forwarding {
			switch waiting := r.m.held.waiting; rng.IntN(6) {
			case 0:
				r.step(PeerUp{Peer: nodeT})
			case 1:
				r.now = r.m.retryAt
				r.step(Tick{})
			case 2:
				r.get(&wire.Forwarded{Ref: r.ref(), Producer: crypto.ProducerID{'?'}, First: 1, Items: make([]wire.ReceiptItem, 1)})
			default:
				i := rng.IntN(len(waiting))
				if i > 0 && rng.IntN(4) > 0 {
					i = rng.IntN(max(1, r.m.held.out))
				}
				left -= len(r.get(&wire.Forwarded{Ref: r.ref(), Producer: waiting[i].Producer, First: waiting[i].Items[0].Seq, Items: make([]wire.ReceiptItem, 1)}).Replies)
			}
			if r.m.held.check(t); r.m.state == forwarding && r.m.held.out == 0 {
				t.Fatalf("seed %d: nothing is out, and %d wait", seed, len(r.m.held.waiting))
			}
		}
		if left != 0 {
			t.Errorf("seed %d: %d have no answer", seed, left)
		}
	}
}

// An answer is receipts for everything, or for less and the reason of the rest. A target that sends both at once has answered
// nothing: who waits for the batch would be told of a refusal of what comes behind it, which is nothing.
func TestAnAnswerRefusesNothingBehindTheBatch(t *testing.T) {
	for _, c := range []struct {
		receipts int
		reason   wire.Reason
		answers  int
	}{
		{0, wire.ReasonNotReady, 1}, {1, wire.ReasonNotReady, 1}, {2, wire.ReasonNone, 1},
		{0, wire.ReasonNone, 0}, {1, wire.ReasonNone, 0}, {2, wire.ReasonNotReady, 0}, {3, wire.ReasonNone, 0}, {3, wire.ReasonNotReady, 0},
	} {
		r := inState(t, committed)
		r.step(Submitted{submission(1, 'a', 1, 2)})
		r.get(r.ack(testNext))
		o := r.get(&wire.Forwarded{Ref: r.ref(), Producer: crypto.ProducerID{'a'}, First: 1, Items: make([]wire.ReceiptItem, c.receipts), Reason: c.reason})
		if len(o.Replies) != c.answers {
			t.Errorf("%d receipts for 2 and %v: %d replies", c.receipts, c.reason, len(o.Replies))
		}
	}
}

// What is held may be 65,536 batches, and each answer takes one out: to copy the others for it, or to look at all of them, would
// cost minutes of processor time that a target can ask for (P6). The others keep their order.
func TestP6_AnAnswerMovesOnlyWhatIsOut(t *testing.T) {
	const n = 10_000
	var h held
	for i := range n {
		if !h.add(submission(uint64(i), 'a', uint64(i)+1, 1)) {
			t.Fatal("there is no room")
		}
	}
	for _, ok := h.next(); ok; _, ok = h.next() {
	}
	answer := func(first int) *wire.Forwarded {
		return &wire.Forwarded{Producer: crypto.ProducerID{'a'}, First: uint64(first), Items: make([]wire.ReceiptItem, 1)}
	}
	if _, ok := h.remove(answer(n)); ok || h.out == n {
		t.Errorf("of %d batches %d are out, and the last one is answered: %v", n, h.out, ok)
	}
	h.remove(answer(3))
	next := 0
	order := []int{1, 2, 4, 5}
	answers := make([]*wire.Forwarded, len(order))
	for i, first := range order {
		answers[i] = answer(first)
	}
	allocated := testing.AllocsPerRun(len(order)-1, func() {
		if s, ok := h.remove(answers[next]); !ok || s.Items[0].Seq != uint64(order[next]) {
			t.Errorf("the answer to %d takes out %+v", order[next], s.Items)
		}
		next++
	})
	if allocated > 0 {
		t.Errorf("%v allocations for an answer", allocated)
	}
	h.check(t)
	for i, s := range h.waiting {
		if s.Items[0].Seq != uint64(i)+6 {
			t.Fatalf("behind the answers comes %d at place %d", s.Items[0].Seq, i)
		}
	}
}
