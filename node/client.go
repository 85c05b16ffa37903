package node

import (
	"bytes"
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
// It has one Submit in flight at the most, of up to 64 submissions: with two, a refusal of the first and
// an acceptance of the second would leave numbers behind that the daemon takes for duplicates. Whatever is
// unanswered when a session ends, or when the daemon moves, is sent again under the same numbers; the
// daemon's producer table makes that harmless (promise P2).
type client struct {
	key     clientKey
	holder  crypto.NodeID    // whom it asks now
	epoch   uint64           // the highest epoch seen; answers under a lower one are not believed
	signer  crypto.PublicKey // signs the handover that ends signs
	signs   uint64           // the epoch of signer; behind epoch if a receipt was the first to tell of that
	opened  bool             // the holder has said what it knows of this producer
	since   uint64
	nextSeq uint64

	inFlight []pending // sent, oldest first
	waiting  []pending
	asked    bool // an Open or Submit is out on the current session
	askedAt  time.Time
	lost     bool            // nobody left to ask, and the directory has not answered yet
	tried    []crypto.NodeID // nodes that did not know the daemon since the last success
	wait     time.Duration
	retryAt  time.Time
	used     time.Time // when it was last given something to submit
	alarm    alarm
}

// pending is one submission whose answer is awaited.
type pending struct {
	request uint64
	seq     uint64 // 0 until it is first sent
	payload []byte
}

// Limits of a client.
const (
	// maxUnderWay is how many numbers above the last that is known an earlier life of this process may have given out: its
	// frames may still be under way, held by a migration. A new life begins beyond them, so that no number means two things.
	maxUnderWay    = wire.MaxBatch
	maxClientQueue = 4_096
	clientWaitMin  = 5 * time.Millisecond
	clientWaitMax  = time.Second
	// answerLimit is how long an answer may take before it is asked for again.
	answerLimit = 5 * time.Second
	// clientIdle is how long a client with nothing to do is remembered. All it would forget, it can ask for.
	clientIdle = 10 * time.Minute
)

// submitRequest queues one submission of this node's own users.
func (c *Core) submitRequest(in Submit) {
	key := clientKey{in.Origin, in.Label}
	cl := c.clients[key]
	if cl == nil {
		cl = &client{key: key, holder: c.firstHolder(in.Origin, in.Via)}
		c.clients[key] = cl
	}
	if len(cl.waiting) >= maxClientQueue {
		c.reply(in.Request, Receipt{}, wire.ErrBufferFull)
		return
	}
	cl.used = c.now
	cl.waiting = append(cl.waiting, pending{request: in.Request, seq: in.Seq, payload: in.Payload})
	c.requests[in.Request] = key
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

func (c *Core) reply(request uint64, r Receipt, err error) {
	delete(c.requests, request)
	c.out.Replies = append(c.out.Replies, Reply{Request: request, Receipt: r, Err: err})
}

// withdraw drops a request nobody waits for. One that is in flight stays, since its number is taken; its
// answer is dropped.
func (c *Core) withdraw(request uint64) {
	key, ok := c.requests[request]
	if !ok {
		return
	}
	delete(c.requests, request)
	cl := c.clients[key]
	cl.waiting = slices.DeleteFunc(cl.waiting, func(p pending) bool { return p.request == request && p.seq == 0 })
}

// pump sends the next thing there is to send, if nothing is out and no wait is on.
func (c *Core) pump(cl *client) {
	if cl.asked || cl.lost || len(cl.inFlight)+len(cl.waiting) == 0 {
		return
	}
	if c.now.Before(cl.retryAt) {
		c.set(&cl.alarm, cl.retryAt, timer{kind: timerClient, client: cl.key})
		return
	}
	if cl.holder != c.cfg.Node && c.ready(cl.holder) == nil {
		c.dial(cl.holder)
		c.retryLater(cl)
		return
	}
	cl.asked, cl.askedAt = true, c.now
	c.set(&cl.alarm, c.now.Add(answerLimit), timer{kind: timerClient, client: cl.key})
	if !cl.opened {
		c.send(cl.holder, &wire.Open{Origin: cl.key.origin, Label: cl.key.label})
		return
	}
	cl.fill()
	c.send(cl.holder, &wire.Submit{Origin: cl.key.origin, Label: cl.key.label, Since: cl.since, Items: cl.items()})
}

// fill moves submissions from waiting to in flight and numbers them, up to one frame.
func (cl *client) fill() {
	room := wire.SubmitRoom
	for i := range cl.inFlight {
		room -= submissionLen(cl.inFlight[i].payload)
	}
	for len(cl.waiting) > 0 && len(cl.inFlight) < wire.MaxBatch {
		p := cl.waiting[0]
		room -= submissionLen(p.payload)
		if room < 0 && len(cl.inFlight) > 0 {
			return
		}
		if p.seq == 0 {
			p.seq = cl.nextSeq
		}
		cl.nextSeq = max(cl.nextSeq, p.seq+1)
		cl.inFlight = append(cl.inFlight, p)
		cl.waiting[0] = pending{}
		cl.waiting = cl.waiting[1:]
	}
}

func submissionLen(payload []byte) int {
	return wire.SubmissionLen(&wire.Submission{Payload: payload})
}

func (cl *client) items() []wire.Submission {
	items := make([]wire.Submission, len(cl.inFlight))
	for i, p := range cl.inFlight {
		items[i] = wire.Submission{Seq: p.seq, Payload: p.payload}
	}
	return items
}

// answeredBy returns the client an answer is for, if it comes from the node that was asked.
func (c *Core) answeredBy(from crypto.NodeID, origin uint64, label string) *client {
	cl := c.clients[clientKey{origin, label}]
	if cl == nil || cl.holder != from || !cl.asked {
		return nil
	}
	return cl
}

func (c *Core) clientOpened(from crypto.NodeID, msg *wire.Opened) {
	cl := c.answeredBy(from, msg.Origin, msg.Label)
	if cl == nil || msg.Epoch < cl.epoch {
		return
	}
	cl.opened, cl.asked = true, false
	cl.epoch, cl.signer, cl.signs = msg.Epoch, msg.Key, msg.Epoch
	if len(cl.inFlight) == 0 {
		cl.since = msg.Since // what is in flight may have been applied before, and must not look as if it could not
	}
	if cl.nextSeq == 0 {
		cl.nextSeq = msg.Last + 1 + maxUnderWay
	}
	cl.nextSeq = max(cl.nextSeq, msg.Last+1)
	cl.settled()
	c.pump(cl)
}

// settled: the holder has been found; what was tried before does not count any more.
func (cl *client) settled() {
	cl.tried, cl.wait, cl.retryAt = nil, 0, time.Time{}
}

func (c *Core) clientReceipts(from crypto.NodeID, msg *wire.Receipts) {
	cl := c.answeredBy(from, msg.Origin, msg.Label)
	if cl == nil || msg.Epoch < cl.epoch {
		return
	}
	cl.epoch = max(cl.epoch, msg.Epoch)
	cl.settled()
	for _, item := range msg.Items {
		i := slices.IndexFunc(cl.inFlight, func(p pending) bool { return p.seq == item.Seq })
		if i < 0 {
			continue
		}
		c.reply(cl.inFlight[i].request, Receipt{
			ProducerSeq: item.Seq, Sequence: item.Sequence, Epoch: msg.Epoch,
			Duplicate: item.Duplicate, Outputs: item.Outputs, Holder: from,
		}, nil)
		cl.inFlight = slices.Delete(cl.inFlight, i, i+1)
	}
	if len(cl.inFlight) == 0 {
		cl.asked = false
		c.pump(cl)
	}
}

// clientRefused: what may succeed later is sent again, what may not is the submitter's answer. Receipts for
// everything before the refused one have come ahead of this on the same stream. A refusal of a number that
// is not the oldest in flight answers a question that has been answered before, over another session.
func (c *Core) clientRefused(from crypto.NodeID, msg *wire.Refused) {
	cl := c.answeredBy(from, msg.Origin, msg.Label)
	if cl == nil || msg.Seq != 0 && (len(cl.inFlight) == 0 || cl.inFlight[0].seq != msg.Seq) {
		return
	}
	cl.asked = false
	switch {
	case msg.Reason == wire.ReasonDaemonNotFound, msg.Reason == wire.ReasonUnreachable:
		c.tryElsewhere(cl, msg.Err())
		return
	case msg.Reason.Retryable():
		cl.retryAt = c.now.Add(max(msg.RetryAfter, clientWaitMin))
	case msg.Reason == wire.ReasonProducerEvicted:
		// The daemon has forgotten this producer. Only a new beginning, with nothing in flight, helps.
		c.failInFlight(cl, msg.Err())
		cl.opened = false
	case msg.Seq != 0:
		c.reply(cl.inFlight[0].request, Receipt{}, msg.Err())
		cl.inFlight = cl.inFlight[1:]
	case cl.opened: // an Open that was asked twice has been refused once
		return
	default:
		c.failAll(cl, msg.Err())
	}
	c.pump(cl)
}

func (c *Core) failInFlight(cl *client, err error) {
	for _, p := range cl.inFlight {
		c.reply(p.request, Receipt{}, err)
	}
	cl.inFlight = nil
}

func (c *Core) failAll(cl *client, err error) {
	c.failInFlight(cl, err)
	for _, p := range cl.waiting {
		c.reply(p.request, Receipt{}, err)
	}
	cl.waiting = nil
}

// retryLater waits a little longer each time.
func (c *Core) retryLater(cl *client) {
	cl.wait = min(max(2*cl.wait, clientWaitMin), clientWaitMax)
	cl.retryAt = c.now.Add(cl.wait)
	c.set(&cl.alarm, cl.retryAt, timer{kind: timerClient, client: cl.key})
}

func (c *Core) wakeClient(cl *client) {
	if cl.asked && c.now.Sub(cl.askedAt) >= answerLimit {
		cl.asked = false // the question or its answer was lost: ask again, under the same numbers
	}
	if cl.asked {
		c.set(&cl.alarm, cl.askedAt.Add(answerLimit), timer{kind: timerClient, client: cl.key})
	}
	if len(cl.inFlight)+len(cl.waiting) > 0 {
		c.pump(cl)
		return
	}
	expires := cl.used.Add(clientIdle)
	if !c.now.Before(expires) {
		delete(c.clients, cl.key)
		return
	}
	c.set(&cl.alarm, expires, timer{kind: timerClient, client: cl.key})
}

// clientsUp lets everybody who waits for the peer go on; clientsDown makes them ask again elsewhere.
func (c *Core) clientsUp(id crypto.NodeID) {
	for _, cl := range c.clientsOf(id) {
		cl.asked, cl.retryAt = false, time.Time{}
		c.pump(cl)
	}
}

// A holder whose session is lost is asked again first; one that cannot even be reached need not be the holder
// any more.
func (c *Core) clientsDown(id crypto.NodeID, lost bool, err error) {
	for _, cl := range c.clientsOf(id) {
		cl.asked = false
		switch {
		case len(cl.inFlight)+len(cl.waiting) == 0:
		case lost:
			c.retryLater(cl)
		default:
			c.tryElsewhere(cl, err)
		}
	}
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
