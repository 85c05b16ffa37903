package node_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// asking is a core that submits to a daemon at another node, whose part the test plays.
type asking struct {
	t *testing.T
	c *node.Core
}

const askedOrigin = 7

func newAsking(t *testing.T) asking {
	a := asking{t, node.New(node.Config{Node: crypto.NodeID{1}, Boot: 1})}
	a.c.Step(benchTime, node.SessionUp{Session: 1, Peer: crypto.NodeID{2}, Rights: wire.AllRights})
	a.hears(&wire.Hello{Versions: versions, Boot: 1})
	return a
}

func (a asking) hears(msg wire.Message) node.Effects { return step(a.c, 1, msg) }

// opens submits a first batch of n items and answers the question that comes before it.
func (a asking) opens(request uint64, n int) node.Effects {
	a.submits(request, n)
	key, err := crypto.KeypairFromSeed([32]byte{1})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.hears(&wire.Opened{Origin: askedOrigin, Epoch: 1, Key: key.Public()})
}

func (a asking) submits(request uint64, n int) node.Effects {
	items := make([]wire.Submission, n)
	return a.c.Step(benchTime, node.Submit{Request: request, Origin: askedOrigin, Via: crypto.NodeID{2}, Items: items})
}

// receipts answers the numbers from first to last.
func receipts(first, last uint64) *wire.Receipts {
	msg := &wire.Receipts{Origin: askedOrigin, Epoch: 1}
	for n := first; n <= last; n++ {
		msg.Items = append(msg.Items, wire.ReceiptItem{Seq: n, Sequence: 100 + n})
	}
	return msg
}

// sent are the numbers in the one Submit of a step, nil if there is none.
func (a asking) sent(e node.Effects) (numbers []uint64) {
	a.t.Helper()
	for _, s := range e.Sends {
		h, err := wire.ParseHeader(s.Frame)
		if err != nil {
			a.t.Fatal(err)
		}
		msg, err := wire.Decode(h, s.Frame[len(s.Frame)-h.Length:])
		if err != nil {
			a.t.Fatal(err)
		}
		if submit, ok := msg.(*wire.Submit); ok && numbers == nil {
			for _, it := range submit.Items {
				numbers = append(numbers, it.Seq)
			}
		}
	}
	return numbers
}

// answers are the replies of a step: its request, then the numbers of receipts, 0 for an error.
func answers(e node.Effects) (list [][]uint64) {
	for _, r := range e.Replies {
		line := []uint64{r.Request}
		for i := range r.Receipts.Items {
			line = append(line, r.Receipts.At(i).ProducerSeq)
		}
		if r.Err != nil {
			line = append(line, 0)
		}
		list = append(list, line)
	}
	return list
}

func (a asking) want(what string, got, want [][]uint64) {
	a.t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		a.t.Fatalf("%s %v, want %v", what, got, want)
	}
}

// A frame carries submissions of several requests, and each is answered for its own, in order.
func TestClientJoinsRequests(t *testing.T) {
	a := newAsking(t)
	a.want("sent", [][]uint64{a.sent(a.opens(10, 2))}, [][]uint64{{1, 2}})
	a.submits(11, 1)
	a.submits(12, 3)
	e := a.hears(receipts(1, 2))
	a.want("answered", answers(e), [][]uint64{{10, 1, 2}})
	a.want("sent", [][]uint64{a.sent(e)}, [][]uint64{{3, 4, 5, 6}})
	e = a.hears(receipts(1, 4)) // of which two have been answered before
	a.want("answered", answers(e), [][]uint64{{11, 3}, {12, 4}})
	a.want("answered", answers(a.hears(receipts(5, 6))), [][]uint64{{12, 5, 6}})
	if n := a.c.Sizes()["unanswered"]; n != 0 {
		t.Fatalf("%d unanswered", n)
	}
}

// A refusal for good is the answer of the one it names; what was behind it is sent again under its numbers.
func TestClientGoesOnBehindRefused(t *testing.T) {
	a := newAsking(t)
	a.opens(10, 4)
	a.want("answered", answers(a.hears(receipts(1, 1))), [][]uint64{{10, 1}})
	e := a.hears(&wire.Refused{Origin: askedOrigin, Seq: 2, Reason: wire.ReasonStateFailed})
	a.want("answered", answers(e), [][]uint64{{10, 0}})
	a.want("sent", [][]uint64{a.sent(e)}, [][]uint64{{3, 4}})
	a.want("answered", answers(a.hears(receipts(3, 4))), [][]uint64{{10, 3, 4}})
}

// What has been sent cannot be withdrawn; what has not is answered at once.
func TestClientWithdraw(t *testing.T) {
	a := newAsking(t)
	a.opens(10, 1)
	a.submits(11, 2)
	a.submits(12, 1)
	withdraw := func(request uint64) node.Effects {
		return a.c.Step(benchTime, node.Withdraw{Request: request, Origin: askedOrigin})
	}
	a.want("answered", answers(withdraw(10)), nil)
	e := withdraw(11)
	a.want("answered", answers(e), [][]uint64{{11, 0}, {11, 0}})
	if !errors.Is(e.Replies[0].Err, wire.ErrCancelled) {
		t.Fatal(e.Replies[0].Err)
	}
	e = a.hears(receipts(1, 1))
	a.want("sent", [][]uint64{a.sent(e)}, [][]uint64{{2}})
	a.want("answered", answers(a.hears(receipts(2, 2))), [][]uint64{{12, 2}})
}
