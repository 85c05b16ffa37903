package source

import (
	"errors"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Tests named after the rules that a source must keep, as far as the machine alone decides them.

// began is a machine whose target is willing, with a session.
func began(t *testing.T, options ...func(*Request)) *rig {
	r := newRig(t)
	for _, o := range options {
		o(&r.req)
	}
	r.start()
	r.step(PeerUp{Peer: nodeT})
	r.get(&wire.PrepareOK{Ref: r.ref(), Next: testNext.Public(), CreditEvents: 1 << 20, CreditBytes: 1 << 30})
	return r
}

// caughtUp is a machine whose target has restored and applied everything; it is told to freeze before the hold comes.
func caughtUp(t *testing.T, options ...func(*Request)) *rig {
	r := began(t, options...)
	r.step(Snapshotted{Head: r.genes})
	r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.genes})
	r.get(&wire.Progress{Ref: r.ref(), Head: r.genes})
	r.freezeNow()
	return r
}

// freezeNow does not let the machine wait for an early hold.
func (r *rig) freezeNow() {
	r.step(Received{From: nodeO, Message: &wire.CutoverNotify{Ref: r.ref()}})
}

// inState takes a machine as far as a state.
func inState(t *testing.T, s state) *rig {
	r := newRig(t)
	r.req.StopAndCopy = s == stopping
	r.req.Directory = s == promising || s == promised
	r.start()
	if r.req.Directory {
		r.step(HolderFound{Epoch: 1, Holder: nodeS})
	}
	r.step(PeerUp{Peer: nodeT})
	steps := []func(){
		func() {
			r.get(&wire.PrepareOK{Ref: r.ref(), Next: testNext.Public(), CreditEvents: 1 << 20, CreditBytes: 1 << 30})
		},
		func() { r.step(Snapshotted{Head: r.genes}) },
		func() { r.step(Copied{Bytes: 10, Done: true}) },
		func() { r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.genes}) },
		func() {
			r.get(&wire.Progress{Ref: r.ref(), Head: r.genes})
			r.freezeNow()
		},
		func() { r.step(Frozen{Head: r.genes}) },
		func() { r.get(r.hold()) },
		func() {
			if r.m.state == promising {
				r.step(r.certify())
				return
			}
			r.step(r.handOver())
		},
		func() { r.step(Submitted{submission(1, 'a', 1, 1)}) },
		func() { r.get(r.ack(testNext)) },
		func() {
			r.get(&wire.Forwarded{Ref: r.ref(), Producer: crypto.ProducerID{'a'}, First: 1, Items: make([]wire.ReceiptItem, 1)})
		},
	}
	for _, step := range steps {
		if r.m.state == s {
			return r
		}
		step()
	}
	if r.m.state != s {
		t.Fatalf("in state %v, want %v", r.m.state, s)
	}
	return r
}

func sent[M wire.Message](o Output) (list []M) {
	for _, e := range o.Sends {
		if m, ok := e.Message.(M); ok {
			list = append(list, m)
		}
	}
	return list
}

func called[C Call](o Output) bool {
	for _, c := range o.Calls {
		if _, ok := c.(C); ok {
			return true
		}
	}
	return false
}

// A repeated request, answer or result never takes a second view.
func TestS1_OneSnapshot(t *testing.T) {
	r := began(t)
	if !called[CallSnapshot](r.out) {
		t.Fatal("no view is taken")
	}
	for range 3 {
		for _, o := range []Output{
			r.get(&wire.PrepareOK{Ref: r.ref(), Next: testNext.Public()}),
			r.step(Received{From: nodeO, Message: &wire.TakeSnapshot{Ref: r.ref(), Target: nodeT}}),
		} {
			if called[CallSnapshot](o) {
				t.Fatalf("another view is taken while %v", r.m.state)
			}
		}
		r.step(Snapshotted{Head: r.genes})
	}
	if o := r.step(Snapshotted{Head: r.genes}); o.Copy != nil || o.StopCopy {
		t.Error("a second view starts or stops a copy")
	}
}

// A failed view leaves nothing behind but a reason.
func TestS1_FailedSnapshotFrees(t *testing.T) {
	r := began(t)
	o := r.step(Snapshotted{Err: wire.ErrStateless})
	if o.Ended == nil || o.Ended.Reason != wire.ReasonStateless || r.m.Holding() || o.StopCopy {
		t.Errorf("after a view that failed: %+v", o)
	}
}

// Every event after the view reaches the target exactly once and in order, however often the session
// changes and whatever is reported meanwhile.
func TestS2_EveryEventOnceInOrder(t *testing.T) {
	r := began(t)
	r.sequence(7, 1)
	r.step(Snapshotted{Head: r.head(7)})
	var got uint64 = 7
	take := func(o Output) {
		for _, b := range sent[*wire.BufferedEvents](o) {
			for _, ev := range b.Events {
				if ev.Link.Sequence > got+1 {
					t.Fatalf("event %d follows %d", ev.Link.Sequence, got)
				}
				got = max(got, ev.Link.Sequence)
			}
		}
	}
	take(r.step(Applied{Entries: r.sequence(100, 10)}))
	if got != 7 {
		t.Fatal("events leave before the target has claimed the origin")
	}
	take(r.get(&wire.Progress{Ref: r.ref(), Head: r.head(7)}))
	take(r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.head(7)}))
	for n := range 20 {
		take(r.step(Applied{Entries: r.sequence(30, 10)}))
		if n%3 == 0 {
			take(r.step(PeerUp{Peer: nodeT})) // everything not applied comes again
		}
		take(r.get(&wire.Progress{Ref: r.ref(), Head: r.head(got - uint64(n)), Rate: 1}))
	}
	if want := uint64(len(r.log)); got != want {
		t.Errorf("the target has %d events, the log %d", got, want)
	}
}

// The owner may report events from before the view as well; those are inside it.
func TestS2_EventsInsideTheView(t *testing.T) {
	r := began(t)
	r.step(Applied{Entries: r.sequence(3, 1)}) // queued before the view, reported after it was asked for
	r.step(Snapshotted{Head: r.head(3)})
	r.step(Applied{Entries: r.log[1:3]})
	if n := r.m.lag(); n != 0 {
		t.Errorf("%d events are behind the view, want none", n)
	}
}

// A hole in what the owner reports is an error with a name, and never shipped.
func TestS2_GapIsReported(t *testing.T) {
	r := began(t)
	r.step(Snapshotted{Head: r.genes})
	r.sequence(1, 1)
	if o := r.step(Applied{Entries: r.sequence(1, 1)}); o.Ended == nil || o.Ended.Reason != wire.ReasonGap {
		t.Errorf("after a hole: %+v", o)
	}
}

// What is held beyond the bound is refused as frozen, which producers retry; what fits is answered.
func TestS3_BoundedHold(t *testing.T) {
	r := caughtUp(t)
	big := Submission{Ticket: 1, Items: []wire.Submission{{Seq: 1, Payload: make([]byte, MaxHeldBytes)}}}
	if o := r.step(Submitted{big}); len(o.Replies) != 0 {
		t.Fatal("a batch at the bound is refused")
	}
	o := r.step(Submitted{submission(2, 'b', 1, 1)})
	if len(o.Replies) != 1 || o.Replies[0].Reason != wire.ReasonFrozen || !errors.Is(o.Replies[0].Reason.Err(), wire.ErrNotReady) {
		t.Fatalf("a batch beyond the bound: %+v", o.Replies)
	}
	o = r.step(Cancel{})
	if len(o.Apply) != 1 || o.Apply[0].Ticket != 1 {
		t.Errorf("after the freeze %d batches are applied, want the one that was held", len(o.Apply))
	}
}

// The number of items has a bound as well.
func TestS3_BoundedItems(t *testing.T) {
	r := caughtUp(t)
	refused := 0
	for n := range MaxHeldItems/wire.MaxBatch + 1 {
		refused += len(r.step(Submitted{submission(uint64(n), 'a', 1, wire.MaxBatch)}).Replies)
	}
	if refused != 1 {
		t.Errorf("%d batches are refused, want the last one", refused)
	}
}

// Whatever ends a freeze, nothing that was held vanishes: it is applied here in order, or forwarded.
func TestS3_NothingVanishes(t *testing.T) {
	ends := map[string]func(*rig){
		"cancelled":           func(r *rig) { r.step(Cancel{}) },
		"the freeze fails":    func(r *rig) { r.step(Frozen{Err: errTest}) },
		"the target fails":    func(r *rig) { r.get(&wire.MigrationFailed{Ref: r.ref(), Reason: wire.ReasonDiverged}) },
		"the budget is spent": func(r *rig) { r.now = r.now.Add(time.Second); r.step(Tick{}) },
		"the handover fails": func(r *rig) {
			r.step(Frozen{Head: r.genes})
			r.get(r.hold())
			r.step(HandedOver{Err: errTest})
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			r := caughtUp(t)
			for n := range 5 {
				r.step(Submitted{submission(uint64(n+1), 'a', uint64(n+1), 1)})
			}
			end(r)
			if len(r.out.Apply) != 5 || !called[CallThaw](r.out) || r.m.Holding() {
				t.Fatalf("thawed %v, applied %d of 5", called[CallThaw](r.out), len(r.out.Apply))
			}
			for n, s := range r.out.Apply {
				if s.Ticket != uint64(n+1) {
					t.Errorf("ticket %d comes at place %d", s.Ticket, n+1)
				}
			}
		})
	}
}

// A batch without items needs nobody's answer and holds nothing up.
func TestS3_EmptyBatch(t *testing.T) {
	r := caughtUp(t)
	if o := r.step(Submitted{Submission{Ticket: 1}}); len(o.Replies) != 1 || len(r.m.held.waiting) != 0 {
		t.Errorf("an empty batch: %+v", o.Replies)
	}
}
