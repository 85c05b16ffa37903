package node

import (
	"bytes"
	"container/list"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// clientKey names one producer of this node: a daemon and a label.
type clientKey struct {
	origin uint64
	label  string
}

// client submits for one producer and follows the daemon wherever it goes.
//
// It has one Submit in flight at the most, of up to 64 submissions, which begins with the oldest that is not
// answered (protocol §3.4.3): with two, a refusal of the first and an acceptance of the second would leave
// numbers behind that the daemon takes for duplicates. Whatever is unanswered when a session ends, or when the
// daemon moves, is sent again under the same numbers; the daemon's producer table, which remembers as many
// numbers as one frame carries, makes that harmless (promise P2).
type client struct {
	key     clientKey
	holder  crypto.NodeID    // whom it asks now
	epoch   uint64           // the highest epoch seen; answers under a lower one are not believed
	signer  crypto.PublicKey // signs the handover that ends signs
	signs   uint64           // the epoch of signer; behind epoch if a receipt was the first to tell of that
	opened  bool             // the holder has said what it knows of this producer
	since   uint64
	nextSeq uint64

	unanswered
	asked    bool // an Open or Submit is out on the current session
	askedAt  time.Time
	window   *window         // of the peer that it asks, or waits to ask; nil if neither, and for this node itself
	out      int             // bytes of its question there
	place    *list.Element   // in the line of the window, if it waits
	lost     bool            // nobody left to ask, and the directory has not answered yet
	tried    []crypto.NodeID // nodes that did not know the daemon since the last success
	silences int             // how often in a row the answer of the holder has not come
	silent   bool            // a node among those tried has never answered
	wait     time.Duration
	retryAt  time.Time
	used     time.Time // when it was last given something to submit
	alarm    alarm
}

// Limits of a client.
const (
	maxClientQueue = 4_096
	clientWaitMin  = 5 * time.Millisecond
	clientWaitMax  = time.Second
	// answerLimit is how long an answer may take before it is asked for again.
	answerLimit = 5 * time.Second
	// maxSilences is how many answers in a row may stay away before another node is asked.
	maxSilences = 2
	// clientIdle is how long a client with nothing to do is remembered. All it would forget, it can ask for.
	clientIdle = 10 * time.Minute
)

// submitRequest queues submissions of this node's own users.
func (c *Core) submitRequest(in Submit) {
	key := clientKey{in.Origin, in.Label}
	cl := c.clients[key]
	if cl == nil {
		cl = &client{key: key, holder: c.firstHolder(in.Origin, in.Via)}
		c.clients[key] = cl
	}
	if cl.count-cl.sent >= maxClientQueue {
		c.failItems(in.Request, len(in.Items), wire.ErrBufferFull)
		return
	}
	cl.used = c.now
	cl.add(in.Request, in.Items)
	c.pump(cl)
}

// firstHolder guesses who has the daemon.
func (c *Core) firstHolder(origin uint64, via crypto.NodeID) crypto.NodeID {
	switch {
	case c.daemons[origin] != nil || via == crypto.NodeID{}:
		return c.cfg.Node
	case c.tombstones[origin] != nil:
		return c.tombstones[origin].node
	}
	return via
}

// giveReceipts answers the oldest submissions of a client.
func (c *Core) giveReceipts(cl *client, r Receipts) {
	for rest := r.Items; len(rest) > 0; {
		request, n := cl.answer(len(rest))
		r.Items, rest = rest[:n], rest[n:]
		c.out.Replies = append(c.out.Replies, Reply{Request: request, Receipts: r})
	}
}

// fail answers the n oldest submissions of a client with an error.
func (c *Core) fail(cl *client, n int, err error) {
	for n > 0 {
		request, of := cl.answer(n)
		c.failItems(request, of, err)
		n -= of
	}
}

func (c *Core) failItems(request uint64, n int, err error) {
	for range n {
		c.out.Replies = append(c.out.Replies, Reply{Request: request, Err: err})
	}
}

func (c *Core) withdraw(in Withdraw) {
	cl := c.clients[clientKey{in.Origin, in.Label}]
	if cl == nil {
		return
	}
	c.failItems(in.Request, cl.drop(in.Request), wire.ErrCancelled)
	if cl.count == 0 && cl.place != nil {
		c.answered(cl) // it has nothing left to ask
	}
}

// pump sends the next thing there is to send, if nothing is out and no wait is on.
func (c *Core) pump(cl *client) {
	if cl.asked || cl.lost || cl.count == 0 {
		return
	}
	if c.now.Before(cl.retryAt) {
		c.set(&cl.alarm, cl.retryAt, timer{kind: timerClient, client: cl.key})
		return
	}
	if cl.holder != c.cfg.Node && c.ready(cl.holder) == nil {
		if cl.wait == clientWaitMax && len(c.peer(cl.holder).sessions) > 0 {
			cl.silent = true // it is connected, and has not said Hello all that time
			c.tryElsewhere(cl, wire.ErrUnreachable)
			return
		}
		c.dial(cl.holder)
		c.retryLater(cl)
		return
	}
	if cl.holder != c.cfg.Node && !c.peer(cl.holder).window.admits(cl) {
		// The line needs no timer. This one is for a client that leaves it with nothing to do, and is then forgotten.
		c.set(&cl.alarm, c.now.Add(clientIdle), timer{kind: timerClient, client: cl.key})
		return
	}
	cl.asked, cl.askedAt = true, c.now
	c.set(&cl.alarm, c.now.Add(answerLimit), timer{kind: timerClient, client: cl.key})
	c.ask(cl)
}

// ask sends the question of a client, which counts in the window of its peer. This node itself has none.
func (c *Core) ask(cl *client) {
	question := cl.question()
	if cl.holder == c.cfg.Node {
		c.send(cl.holder, question)
		return
	}
	c.peer(cl.holder).window.took(cl, c.sendOn(c.ready(cl.holder), question))
}

// question is what a client asks next. What of its items the question carries is in flight from here on.
func (cl *client) question() wire.Message {
	if !cl.opened {
		return &wire.Open{Origin: cl.key.origin, Label: cl.key.label}
	}
	cl.nextSeq = cl.fill(cl.nextSeq)
	return &wire.Submit{Origin: cl.key.origin, Label: cl.key.label, Since: cl.since, Items: cl.inFlight()}
}

// answeredBy returns the client an answer is for, if it comes from the node that was asked. Who waits in line may have asked it
// over an older session.
func (c *Core) answeredBy(from crypto.NodeID, origin uint64, label string) *client {
	cl := c.clients[clientKey{origin, label}]
	if cl == nil || cl.holder != from || !cl.asked && cl.place == nil {
		return nil
	}
	cl.silences = 0
	return cl
}

func (c *Core) clientOpened(from crypto.NodeID, msg *wire.Opened) {
	cl := c.answeredBy(from, msg.Origin, msg.Label)
	if cl == nil || msg.Epoch < cl.epoch {
		return
	}
	c.answered(cl)
	cl.opened = true
	cl.epoch, cl.signer, cl.signs = msg.Epoch, msg.Key, msg.Epoch
	if cl.sent == 0 {
		cl.since = msg.Since // what is in flight may have been applied before, and must not look as if it could not
	}
	cl.nextSeq = max(cl.nextSeq, msg.Last+1, firstNumber(c.cfg.Boot))
	cl.settled()
	c.pump(cl)
}

// firstNumber is where a life of this node begins to number its submissions: above all that an earlier life can have
// numbered. What that one had in flight may still be held somewhere, by a source in its cutover, and be applied after
// this one has opened; under the same numbers it would be taken for what this one submits. Each life has 2^40 numbers, which is
// more than it can submit; there is room for eight million lives. A boot counter that counts nanoseconds is itself such a number.
func firstNumber(boot uint64) uint64 {
	if lives := boot - 1; lives < 1<<23 {
		return lives<<40 + 1
	}
	return boot
}

// settled: the holder has been found; what was tried before does not count any more.
func (cl *client) settled() {
	cl.tried, cl.silent, cl.wait, cl.retryAt = nil, false, 0, time.Time{}
}

func (c *Core) clientReceipts(from crypto.NodeID, msg *wire.Receipts) {
	cl := c.answeredBy(from, msg.Origin, msg.Label)
	if cl == nil || msg.Epoch < cl.epoch {
		return
	}
	cl.epoch = max(cl.epoch, msg.Epoch)
	cl.settled()
	items := cl.answers(msg.Items)
	c.giveReceipts(cl, Receipts{Items: items, Epoch: msg.Epoch, Holder: from})
	if cl.sent == 0 {
		c.answered(cl)
		c.pump(cl)
	}
}

// clientRefused: what may succeed later is sent again, what may not is the submitter's answer. Receipts for
// everything before the refused one have come ahead of this on the same stream. A refusal of a number that
// is not the oldest in flight answers a question that has been answered before, over another session.
func (c *Core) clientRefused(from crypto.NodeID, msg *wire.Refused) {
	cl := c.answeredBy(from, msg.Origin, msg.Label)
	if cl == nil || msg.Seq != 0 && !cl.asks(msg.Seq) {
		return
	}
	c.answered(cl)
	switch {
	case msg.Reason == wire.ReasonDaemonNotFound, msg.Reason == wire.ReasonUnreachable:
		c.tryElsewhere(cl, msg.Err())
		return
	case msg.Reason.Retryable():
		cl.retryAt = c.now.Add(max(msg.RetryAfter, clientWaitMin))
	case msg.Reason == wire.ReasonProducerEvicted:
		// The daemon has forgotten this producer. Only a new beginning, with nothing in flight, helps.
		c.fail(cl, cl.sent, msg.Err())
		cl.opened = false
	case msg.Seq != 0:
		c.fail(cl, 1, msg.Err())
	case cl.opened: // an Open that was asked twice has been refused once: what it asks now stays as it was
	default:
		c.fail(cl, cl.count, msg.Err())
	}
	c.pump(cl)
}

// retryLater waits a little longer each time.
func (c *Core) retryLater(cl *client) {
	cl.wait = min(max(2*cl.wait, clientWaitMin), clientWaitMax)
	cl.retryAt = c.now.Add(cl.wait)
	c.set(&cl.alarm, cl.retryAt, timer{kind: timerClient, client: cl.key})
}

func (c *Core) wakeClient(cl *client) {
	pending := cl.count > 0
	if cl.asked && c.now.Sub(cl.askedAt) >= answerLimit {
		c.answered(cl)
		if pending {
			c.noAnswer(cl)
			return
		}
	}
	if cl.asked {
		c.set(&cl.alarm, cl.askedAt.Add(answerLimit), timer{kind: timerClient, client: cl.key})
	}
	if pending {
		c.pump(cl)
		return
	}
	expires := cl.used.Add(clientIdle)
	if !c.now.Before(expires) {
		c.answered(cl)
		delete(c.clients, cl.key)
		return
	}
	c.set(&cl.alarm, expires, timer{kind: timerClient, client: cl.key})
}

// noAnswer: the question or its answer was lost, and is asked again under the same numbers. A node that keeps
// its session and never answers need not be the holder.
func (c *Core) noAnswer(cl *client) {
	if cl.silences++; cl.silences < maxSilences {
		c.pump(cl)
		return
	}
	cl.silences, cl.silent = 0, true
	c.tryElsewhere(cl, wire.ErrTimeout)
}

// clientsUp lets everybody who waits for the peer go on; clientsDown makes them ask again elsewhere.
func (c *Core) clientsUp(id crypto.NodeID) {
	for _, cl := range c.clientsCut(id) {
		cl.retryAt = time.Time{}
		c.pump(cl)
	}
}

// A holder whose session is lost is asked again first; one that cannot even be reached need not be the holder
// any more.
func (c *Core) clientsDown(id crypto.NodeID, lost bool, err error) {
	for _, cl := range c.clientsCut(id) {
		switch {
		case cl.count == 0:
		case lost:
			c.retryLater(cl)
		default:
			c.tryElsewhere(cl, err)
		}
	}
}

// clientsCut returns the clients of a peer in the order of their keys. All have lost what they had out before the first asks
// again: else it would wait for bytes that nobody answers, or make way for one that asks twice.
func (c *Core) clientsCut(id crypto.NodeID) []*client {
	list := c.clientsOf(id)
	for _, cl := range list {
		cl.leave()
	}
	return list
}

func (c *Core) clientsOf(id crypto.NodeID) []*client {
	var list []*client
	for _, cl := range c.clients {
		if cl.holder == id {
			list = append(list, cl)
		}
	}
	slices.SortFunc(list, func(a, b *client) int {
		if a.key.origin != b.key.origin {
			if a.key.origin < b.key.origin {
				return -1
			}
			return 1
		}
		return bytes.Compare([]byte(a.key.label), []byte(b.key.label))
	})
	return list
}
