package node_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// decoded is the message of a send.
func decoded(t *testing.T, s node.Send) wire.Message {
	t.Helper()
	h, body, _, err := wire.SplitFrame(s.Frame)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := wire.Decode(h, body)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// submitted are the bytes that a step puts on the submit stream of a session, and the submissions among them.
func submitted(t *testing.T, e node.Effects) (bytes int, list []*wire.Submit) {
	for _, s := range e.Sends {
		if s.Channel != wire.ChannelSubmit {
			continue
		}
		bytes += len(s.Frame)
		if m, ok := decoded(t, s).(*wire.Submit); ok {
			list = append(list, m)
		}
	}
	return bytes, list
}

// bulk are two submissions that fill a frame.
func bulk() []wire.Submission {
	return []wire.Submission{{Payload: make([]byte, 250<<10)}, {Payload: make([]byte, 250<<10)}}
}

func labelOf(n int) string { return string(rune('a' + n)) }

// crowdedAgain is a core whose clients have each found their daemon at a peer and have a full frame for it, and the step in which the
// next session with that peer begins, the second.
func crowdedAgain(clients int) (*node.Core, node.Effects) {
	c := node.New(node.Config{Node: crypto.NodeID{1}, Boot: 1})
	key := mustKey(1).Public()
	open := func(session node.SessionID) node.Effects {
		c.Step(benchTime, node.SessionUp{Session: session, Peer: crypto.NodeID{2}, Rights: wire.AllRights})
		return step(c, session, &wire.Hello{Versions: versions, Boot: 1})
	}
	open(1)
	for n := range clients {
		c.Step(benchTime, node.Submit{Request: uint64(n), Origin: askedOrigin, Label: labelOf(n), Via: crypto.NodeID{2}, Items: bulk()})
		step(c, 1, &wire.Opened{Origin: askedOrigin, Label: labelOf(n), Epoch: 1, Key: key})
	}
	c.Step(benchTime, node.SessionDown{Session: 1, Err: wire.ErrUnreachable})
	return c, open(2)
}

// The producers of a node have together no more on the way to a peer than its stream queues: with everything sent at once, each
// new session would be ended for a full queue, and everything be sent again. Those who wait go on as answers come, in the
// order in which they came.
func TestBulkProducersShareTheWindow(t *testing.T) {
	const clients, most = 8, 3 << 20
	c, again := crowdedAgain(clients)
	bytes, out := submitted(t, again)
	if bytes > most || len(out) == 0 {
		t.Fatalf("%d bytes in %d frames leave at once", bytes, len(out))
	}
	for n := range clients {
		if len(out) == 0 || out[0].Label != labelOf(n) {
			t.Fatalf("after %d answers %d frames are out: %q is not next", n, len(out), labelOf(n))
		}
		e := step(c, 2, &wire.Receipts{Origin: askedOrigin, Label: labelOf(n), Epoch: 1, Items: []wire.ReceiptItem{{Seq: 1}, {Seq: 2}}})
		_, next := submitted(t, e)
		out = append(out[1:], next...)
	}
	if s := c.Sizes(); s["unanswered"]+s["out"] > 0 {
		t.Errorf("at the end %d are unanswered, %d bytes are out", s["unanswered"], s["out"])
	}
}

// An Open that was asked twice and is refused once, when its client has long been opened and waits in line, leaves it its turn.
func TestLateRefusalOfOpenKeepsTheTurn(t *testing.T) {
	const clients = 8
	c, again := crowdedAgain(clients)
	_, out := submitted(t, again)
	waits := labelOf(len(out))
	step(c, 2, &wire.Refused{Origin: askedOrigin, Label: waits, Reason: wire.ReasonRefused})
	for n := range clients {
		_, next := submitted(t, step(c, 2, &wire.Receipts{Origin: askedOrigin, Label: labelOf(n), Epoch: 1, Items: []wire.ReceiptItem{{Seq: 1}, {Seq: 2}}}))
		for _, msg := range next {
			if msg.Label == waits {
				return
			}
		}
	}
	t.Errorf("%q has not asked once everybody before it was answered", waits)
}

// A client that has nothing more to submit is forgotten in its time, also while a question of it happens to be out: the peer's window
// does not go on counting that.
func TestForgottenClientLeavesTheWindow(t *testing.T) {
	c, peer := node.New(node.Config{Node: crypto.NodeID{1}, Boot: 1}), crypto.NodeID{2}
	c.Step(benchTime, node.Submit{Request: 1, Origin: askedOrigin, Via: peer, Items: bulk()})
	late := benchTime.Add(10*time.Minute - 100*time.Millisecond)
	for at := late.Add(-10 * time.Second); !at.After(late); at = at.Add(time.Second) {
		c.Step(at, node.Tick{}) // it looks for a session, in the end once a second
	}
	c.Step(late, node.SessionUp{Session: 1, Peer: peer, Rights: wire.AllRights})
	c.Step(late, framed(1, &wire.Hello{Versions: versions, Boot: 1}))
	c.Step(late, node.Withdraw{Request: 1, Origin: askedOrigin})
	if s := c.Sizes(); s["out"] == 0 || s["clients"] != 1 {
		t.Fatalf("%d bytes are out of %d clients: too few to show anything", s["out"], s["clients"])
	}
	c.Step(late.Add(time.Second), node.Tick{})
	if s := c.Sizes(); s["out"]+s["clients"] > 0 {
		t.Errorf("%d bytes are out, of %d clients", s["out"], s["clients"])
	}
}

// crowded is a core whose clients submit to daemons of three peers, and what these have not answered.
type crowded struct {
	t        *testing.T
	rng      *rand.Rand
	c        *node.Core
	now      time.Time
	up       map[crypto.NodeID]node.SessionID // greeted
	sessions node.SessionID
	asked    []question
	requests []node.Submit
	given    map[uint64]int // items of a request that have no answer
	calm     bool           // everything is answered as it should
}

// question is an Open or a Submit that came over a session.
type question struct {
	session node.SessionID
	msg     wire.Message
}

// TestWindowsAtRandom: whatever happens to clients and sessions, the windows count what is out, nobody waits in a line that does
// not move, and everything is answered once.
func TestWindowsAtRandom(t *testing.T) {
	for seed := range uint64(40) {
		w := &crowded{
			t: t, rng: rand.New(rand.NewPCG(seed, 4)), now: benchTime, given: map[uint64]int{}, up: map[crypto.NodeID]node.SessionID{},
			c: node.New(node.Config{Node: crypto.NodeID{1}, Boot: 1, Directory: seed%2 == 1}),
		}
		for range 400 {
			w.act()
			if err := w.c.CheckWindows(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if err := w.finish(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func (w *crowded) peer() crypto.NodeID { return crypto.NodeID{2 + byte(w.rng.IntN(3))} }

func (w *crowded) step(in node.Input) {
	e := w.c.Step(w.now, in)
	for _, s := range e.Sends {
		switch msg := decoded(w.t, s).(type) {
		case *wire.Open, *wire.Submit:
			w.asked = append(w.asked, question{s.Session, msg})
		}
	}
	for _, d := range e.Dials {
		w.step(node.DialFailed{Peer: d.Peer, Err: wire.ErrUnreachable})
	}
	for _, q := range e.Consults {
		w.step(node.Consulted{Consult: q, Result: node.Located{Holder: w.peer()}})
	}
	for _, r := range e.Replies {
		n := max(1, len(r.Receipts.Items))
		if w.given[r.Request] -= n; w.given[r.Request] < 0 {
			w.t.Fatalf("request %d is answered too often", r.Request)
		}
		if w.given[r.Request] == 0 {
			delete(w.given, r.Request)
		}
	}
}

func (w *crowded) act() {
	w.now = w.now.Add(time.Duration(w.rng.IntN(20)) * time.Millisecond)
	switch n := w.rng.IntN(20); {
	case n < 6:
		w.submit()
	case n < 12:
		w.answer()
	case n < 14:
		w.withdraw()
	case n < 16:
		w.connect(w.peer())
	case n < 17:
		w.lose(w.peer())
	case n < 19:
		w.step(node.Tick{})
	default:
		w.now = w.now.Add([]time.Duration{time.Second, 6 * time.Second, 11 * time.Minute}[w.rng.IntN(3)])
		w.step(node.Tick{})
	}
}

// zeros is every payload; nobody writes to one.
var zeros = make([]byte, wire.MaxPayload)

func (w *crowded) submit() {
	items := make([]wire.Submission, 1+w.rng.IntN(3))
	for i := range items {
		items[i].Payload = zeros[:[]int{10, 100 << 10, wire.MaxPayload}[w.rng.IntN(3)]]
	}
	in := node.Submit{Request: uint64(len(w.requests)), Origin: 1 + w.rng.Uint64N(3), Label: labelOf(w.rng.IntN(4)), Via: w.peer(), Items: items}
	w.given[in.Request] = len(items)
	w.requests = append(w.requests, in)
	w.step(in)
}

func (w *crowded) withdraw() {
	for range min(3, len(w.requests)) {
		in := w.requests[len(w.requests)-1-w.rng.IntN(min(20, len(w.requests)))] // one of the latest
		w.step(node.Withdraw{Request: in.Request, Origin: in.Origin, Label: in.Label})
	}
}

func (w *crowded) connect(id crypto.NodeID) {
	w.sessions++
	w.up[id] = w.sessions
	w.step(node.SessionUp{Session: w.sessions, Peer: id, Rights: wire.AllRights})
	w.step(framed(w.sessions, &wire.Hello{Versions: versions, Boot: 1}))
}

// lose ends any session there has ever been with a peer, or all of them.
func (w *crowded) lose(id crypto.NodeID) {
	if w.up[id] > 0 && w.rng.IntN(3) == 0 {
		for s := range w.sessions {
			w.step(node.SessionDown{Session: s + 1, Err: wire.ErrUnreachable})
		}
		clear(w.up)
		return
	}
	w.step(node.SessionDown{Session: 1 + node.SessionID(w.rng.Uint64N(uint64(w.sessions)+1)), Err: wire.ErrUnreachable})
}

// answer answers one question, or forgets it, or answers and keeps it as if it had come twice.
func (w *crowded) answer() {
	if len(w.asked) == 0 {
		return
	}
	i := w.rng.IntN(len(w.asked))
	if w.calm {
		i = 0
	}
	q := w.asked[i]
	if w.calm || w.rng.IntN(4) > 0 {
		w.asked = append(w.asked[:i:i], w.asked[i+1:]...)
	}
	kind := w.rng.IntN(8)
	if w.calm {
		kind = 7
	}
	switch msg := q.msg.(type) {
	case *wire.Open:
		w.step(framed(q.session, w.toOpen(kind, msg)))
	case *wire.Submit:
		for _, m := range w.toSubmit(kind, msg) {
			w.step(framed(q.session, m))
		}
	}
}

func (w *crowded) toOpen(kind int, msg *wire.Open) wire.Message {
	reasons := []wire.Reason{wire.ReasonFrozen, wire.ReasonDaemonNotFound, wire.ReasonRefused, wire.ReasonUnreachable}
	switch {
	case kind < len(reasons):
		return &wire.Refused{Origin: msg.Origin, Label: msg.Label, Reason: reasons[kind]}
	case kind == len(reasons):
		return w.moved(msg.Origin, msg.Label)
	}
	return &wire.Opened{Origin: msg.Origin, Label: msg.Label, Epoch: 1, Key: entityKey.Public()}
}

func (w *crowded) toSubmit(kind int, msg *wire.Submit) []wire.Message {
	n := w.rng.IntN(len(msg.Items))
	if kind > 4 {
		n = len(msg.Items)
	}
	r := &wire.Receipts{Origin: msg.Origin, Label: msg.Label, Epoch: 1}
	for i := range n {
		r.Items = append(r.Items, wire.ReceiptItem{Seq: msg.Items[i].Seq, Sequence: 1})
	}
	reasons := []wire.Reason{wire.ReasonNotReady, wire.ReasonDaemonNotFound, wire.ReasonStateFailed, wire.ReasonProducerEvicted}
	switch {
	case kind < len(reasons):
		return []wire.Message{r, &wire.Refused{Origin: msg.Origin, Label: msg.Label, Seq: msg.Items[n].Seq, Reason: reasons[kind]}}
	case kind == len(reasons):
		return []wire.Message{r, w.moved(msg.Origin, msg.Label)}
	}
	return []wire.Message{r}
}

// moved sends a client to another node, over a gap of epochs which it cannot verify.
func (w *crowded) moved(origin uint64, label string) wire.Message {
	ev := crypto.CausalEvent{Link: crypto.CausalLink{Origin: origin, Sequence: 1}, Kind: crypto.EventHandover}
	return &wire.Moved{Origin: origin, Label: label, Node: w.peer(), Epoch: 1, Handover: ev}
}

// finish answers everything over good sessions; then nobody waits, and in the end nobody is remembered.
func (w *crowded) finish() error {
	w.calm, w.asked = true, nil
	for n := range byte(3) {
		w.connect(crypto.NodeID{2 + n})
	}
	for range 5_000 {
		if w.answer(); len(w.asked) == 0 {
			w.now = w.now.Add(time.Second)
			w.step(node.Tick{})
		}
		if len(w.given) == 0 {
			break
		}
	}
	if err := w.c.CheckWindows(); err != nil {
		return err
	}
	if len(w.given) > 0 {
		return fmt.Errorf("%d requests are not answered: %v", len(w.given), w.c.Sizes())
	}
	for range 4 {
		w.now = w.now.Add(11 * time.Minute)
		w.step(node.Tick{})
	}
	if s := w.c.Sizes(); s["clients"]+s["out"] > 0 {
		return fmt.Errorf("at rest there are %d clients, and %d bytes out", s["clients"], s["out"])
	}
	return nil
}
