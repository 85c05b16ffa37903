package node

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// local is a daemon that this node serves.
type local struct {
	Daemon
	arrival *wire.ActivateAck   // how it came here, nil if it was born here
	opened  *crypto.CausalEvent // the handover of that, if a directory decided it
	proving bool                // a proof is being looked up
	source  *sourceEntry        // the migration away from here, nil if none runs
	delayed []delayed           // submissions that a throttle holds back, in order of arrival
	items   int                 // single submissions in delayed
	queued  load
	alarm   alarm

	uncovered  []uncovered // acknowledgments that wait for the target, in order
	unreported load        // and what they hold
}

// delayed is a batch whose time has not come.
type delayed struct {
	at time.Time
	s  source.Submission
}

// route is where the answer to a ticket goes. Exactly one of the ways is set: the peer's submit stream, or
// the source of a migration whose Forward this was.
type route struct {
	peer    crypto.NodeID
	session SessionID // 0 for this node itself
	origin  uint64
	label   string
	items   []wire.Submission // of a Submit
	forward *wire.Forward
}

// Calls of the submission path.
type (
	// Apply submits a batch to a daemon of this node. The receipts of the result go into Room, which is the
	// core's again with the result.
	Apply struct {
		Ticket   uint64
		Producer crypto.ProducerID
		Since    uint64
		Items    []wire.Submission
		Room     []daemon.Receipt
	}
	// Applied is its result: receipts for a prefix, and the error that stopped the rest.
	Applied struct {
		Receipts []daemon.Receipt
		Err      error
	}
	// OpenProducer asks a daemon what it knows of a producer.
	OpenProducer struct {
		Ticket   uint64
		Producer crypto.ProducerID
	}
	// Opened is its result. Key is the key of the epoch in force.
	Opened struct {
		Since, Last uint64
		Epoch       uint64
		Key         crypto.PublicKey
		Err         error
	}
	// Read reads a daemon without an event, in its turn. Only the holder answers.
	Read struct {
		Request uint64
		Query   []byte
	}
	// ReadResult is its result.
	ReadResult struct {
		Data []byte
		Err  error
	}
	// EndLife ends a daemon's host for good. Its result is an error or nil.
	EndLife struct{ Request uint64 }
	// CloseView closes a snapshot view, beside the queue. It has no result.
	CloseView struct{ Snapshot *daemon.Snapshot }
)

// serve makes a daemon of this node known. The tombstone of an earlier stay is kept for who asks about its migration.
func (c *Core) serve(d Daemon) {
	c.daemons[d.Origin] = &local{Daemon: d}
}

// inDoubt reports whether the daemon was handed over long ago and its successor has not confirmed it.
func (d *local) inDoubt() bool { return d.source != nil && d.source.m.Status().InDoubt }

// committed reports whether the daemon has been handed over; it may not be here any more.
func (d *local) committed() bool {
	if d.source == nil {
		return false
	}
	_, gone := d.source.m.Handover()
	return gone
}

// away is the answer for a daemon that has been handed over: the submitter waits a moment, or, once it is in
// doubt when the successor will confirm, looks for itself. The daemon may serve elsewhere by then.
func (d *local) away() error {
	if d.inDoubt() {
		return wire.ErrUnreachable
	}
	return wire.ErrFrozen
}

// answerDelayed answers what a throttle held back, for a daemon that is here no more.
func (c *Core) answerDelayed(d *local, err error) {
	for _, w := range d.delayed {
		c.answerTicket(w.s.Ticket, nil, err)
	}
	d.delayed, d.items = nil, 0
}

// end takes a daemon that is not moving out of service. Its host ends behind what is on the daemon's queue.
func (c *Core) end(in End) {
	d := c.daemons[in.Origin]
	var err error
	switch {
	case d == nil && c.tombstones[in.Origin] != nil:
		err = wire.ErrMoved
	case d == nil:
		err = wire.ErrDaemonNotFound
	case d.source != nil:
		err = wire.ErrAlreadyMigrating
	}
	if err != nil {
		c.out.Replies = append(c.out.Replies, Reply{Request: in.Request, Err: err})
		return
	}
	delete(c.daemons, in.Origin)
	c.forgetTombstone(in.Origin) // or it would send others to where the daemon was before
	c.answerDelayed(d, wire.ErrDaemonNotFound)
	c.call(in.Origin, wire.MigrationID{}, EndLife{Request: in.Request})
}

// submission takes a message of the submission subprotocol.
func (c *Core) submission(from crypto.NodeID, rights wire.Rights, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Open:
		c.open(from, rights, msg)
	case *wire.Submit:
		c.submit(from, rights, msg)
	case *wire.Opened:
		c.clientOpened(from, msg)
	case *wire.Receipts:
		c.clientReceipts(from, msg)
	case *wire.Refused:
		c.clientRefused(from, msg)
	case *wire.Moved:
		c.clientMoved(from, msg)
	case *wire.Forward, *wire.Forwarded:
		c.routed(from, msg)
	}
}

// open tells a producer where its numbers stand.
func (c *Core) open(from crypto.NodeID, rights wire.Rights, msg *wire.Open) {
	r := c.routeTo(from, msg.Origin, msg.Label)
	if !rights.Has(wire.RightSubmit) {
		c.refuseSubmission(r, 0, errNoSubmit)
		return
	}
	d := c.daemons[msg.Origin]
	switch {
	case d == nil:
		c.notHere(r, 0)
		return
	case d.committed():
		c.refuseSubmission(r, 0, d.away())
		return
	case d.queued.full():
		c.refuseSubmission(r, 0, wire.ErrBufferFull)
		return
	}
	ticket := c.ticket(r)
	c.call(msg.Origin, wire.MigrationID{}, OpenProducer{Ticket: ticket, Producer: crypto.DeriveProducer(from, msg.Label)})
}

var errNoSubmit = &wire.RemoteError{Reason: wire.ReasonRefused, Detail: "this key has not been given the right to submit here"}

var errLongSubmit = fmt.Errorf("node: the submissions of one frame are at most %d bytes: %w", wire.SubmitRoom, wire.ErrTooLarge)

// submit passes a batch to the daemon, or to the migration that is freezing it.
func (c *Core) submit(from crypto.NodeID, rights wire.Rights, msg *wire.Submit) {
	if len(msg.Items) == 0 {
		return
	}
	r := c.routeTo(from, msg.Origin, msg.Label)
	r.items = msg.Items
	first := msg.Items[0].Seq
	d := c.daemons[msg.Origin]
	switch {
	case !rights.Has(wire.RightSubmit):
		c.refuseSubmission(r, first, errNoSubmit)
		return
	case wire.SubmissionsLen(msg.Items) > wire.SubmitRoom:
		c.refuseSubmission(r, first, errLongSubmit)
		return
	case d == nil:
		c.notHere(r, first)
		return
	case d.inDoubt():
		c.refuseSubmission(r, first, d.away())
		return
	case d.full():
		c.refuseSubmission(r, first, wire.ErrBufferFull)
		return
	}
	c.accept(d, source.Submission{
		Ticket: c.ticket(r), Producer: crypto.DeriveProducer(from, msg.Label), Since: msg.Since, Items: msg.Items,
	})
}

// accept decides between the daemon, its freeze and its throttle.
func (c *Core) accept(d *local, s source.Submission) {
	var delay time.Duration
	if d.source != nil {
		delay = d.source.m.Delay()
	}
	switch {
	case delay > 0 || len(d.delayed) > 0: // a batch never overtakes one that is held back
		c.delay(d, s, delay)
	case d.source != nil && d.source.m.Holding():
		c.stepSource(d.source, source.Submitted{Submission: s})
	default:
		c.apply(d, s)
	}
}

// delay keeps a batch back, so that the target of a migration can catch up.
func (c *Core) delay(d *local, s source.Submission, by time.Duration) {
	if d.items+len(s.Items) > source.MaxHeldItems {
		c.answerTicket(s.Ticket, nil, wire.ErrFrozen)
		return
	}
	at := c.now.Add(by)
	if n := len(d.delayed); n > 0 && at.Before(d.delayed[n-1].at) {
		at = d.delayed[n-1].at
	}
	d.delayed = append(d.delayed, delayed{at: at, s: s})
	d.items += len(s.Items)
	c.set(&d.alarm, d.delayed[0].at, timer{kind: timerDelayed, origin: d.Origin})
}

func (c *Core) releaseDelayed(d *local) {
	due := d.delayed
	n := 0
	for n < len(due) && !due[n].at.After(c.now) {
		n++
	}
	d.delayed = due[n:]
	for _, w := range due[:n] {
		d.items -= len(w.s.Items)
		if d.source != nil && d.source.m.Holding() {
			c.stepSource(d.source, source.Submitted{Submission: w.s})
			continue
		}
		c.apply(d, w.s)
	}
	clear(due[:n]) // the list goes on in the same memory, and must not keep the payloads
	if len(d.delayed) == 0 {
		d.delayed = nil
		return
	}
	c.set(&d.alarm, d.delayed[0].at, timer{kind: timerDelayed, origin: d.Origin})
}

func (c *Core) apply(d *local, s source.Submission) {
	c.call(d.Origin, wire.MigrationID{}, Apply{
		Ticket: s.Ticket, Producer: s.Producer, Since: s.Since, Items: s.Items, Room: c.room(len(s.Items)),
	})
}

// maxSpare is how much memory for receipts is kept, in frames.
const maxSpare = 64

// room returns memory for n receipts. A receipt is large, and one is made for each event: fresh memory for
// them would cost as much as anything else that is done for an event but the hashing.
func (c *Core) room(n int) []daemon.Receipt {
	if last := len(c.spare) - 1; last >= 0 && n > 1 {
		room := c.spare[last]
		c.spare = c.spare[:last]
		return room
	}
	if n > 1 {
		n = wire.MaxBatch // fit for every later batch
	}
	return make([]daemon.Receipt, 0, n)
}

// reuse takes memory for receipts back.
func (c *Core) reuse(receipts []daemon.Receipt) {
	if cap(receipts) < wire.MaxBatch || len(c.spare) == maxSpare {
		return
	}
	clear(receipts) // of the payloads and outputs
	c.spare = append(c.spare, receipts[:0])
}

func (c *Core) call(origin uint64, migration wire.MigrationID, op any) {
	c.queue(Call{Origin: origin, Migration: migration, Op: op})
}

// forwardLife is how long after the activation the source may forward. Nobody tells a target that its source has nothing left to
// forward, and for so long the source could submit in anybody's name. One that has its ack in time is done long before: what it
// holds is bounded, and little is added. With one that has it later the producers have asked elsewhere, since it was in doubt.
const forwardLife = time.Minute

var errForwardOver = fmt.Errorf("node: what the source held is taken for %v from the activation on, and while the daemon has not gone on: %w", forwardLife, wire.ErrStaleEpoch)

// forwardedHere takes what the source held during the cutover, under the producers' own ids. It is the one
// place where a sender submits for others: the source of this very migration, for a while once the daemon is active, and at the
// epoch that it has opened (protocol §5.3). The refusal is final for all that the source holds: if it had to hear it of each batch
// apart, the producers would bring it the next ones meanwhile.
func (c *Core) forwardedHere(e *targetEntry, from crypto.NodeID, msg *wire.Forward) {
	if !e.m.Active() || len(msg.Items) == 0 {
		return // it comes again, after the activation it runs ahead of
	}
	ref, d := e.m.Ref(), c.daemons[msg.Origin]
	if d == nil || d.Epoch != ref.Epoch+1 || c.now.Sub(e.activated) >= forwardLife {
		c.send(from, wire.Failed(ref, errForwardOver))
		return
	}
	r := route{peer: from, origin: msg.Origin, forward: msg}
	if d.full() { // the producer asks again
		c.answerForward(r, nil, wire.ErrNotReady)
		return
	}
	ticket := c.ticket(r)
	c.accept(d, source.Submission{Ticket: ticket, Producer: msg.Producer, Since: msg.Since, Items: msg.Items})
}

// routeTo is the way back to a submitter: the session its frame came on, as far as it still exists.
func (c *Core) routeTo(from crypto.NodeID, origin uint64, label string) route {
	r := route{peer: from, origin: origin, label: label}
	if s := c.ready(from); s != nil {
		r.session = s.id
	}
	return r
}

func (c *Core) ticket(r route) uint64 {
	c.nextTicket++
	c.routes[c.nextTicket] = r
	if s := c.sessions[r.session]; s != nil {
		s.waiting[c.nextTicket] = struct{}{}
	}
	return c.nextTicket
}

// takeRoute returns the way back for a ticket, once.
func (c *Core) takeRoute(ticket uint64) (route, bool) {
	r, ok := c.routes[ticket]
	delete(c.routes, ticket)
	if s := c.sessions[r.session]; s != nil {
		delete(s.waiting, ticket)
	}
	return r, ok
}

// dropRoutes forgets who waited on a session that is gone. What they submitted may still be applied; they
// ask again with the same numbers.
func (c *Core) dropRoutes(s *session) {
	for ticket := range s.waiting {
		delete(c.routes, ticket)
	}
}
