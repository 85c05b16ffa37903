package node_test

import (
	"container/heap"
	"flag"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

var (
	roleSeeds = flag.Int("roles.seeds", 20_000, "how many random migrations of the three machines to run")
	roleSeed  = flag.Int64("roles.seed", -1, "run one seed only, with a trace")
)

// TestRoles runs the three machines of a migration against each other: over a network that cuts, and in
// some runs loses, repeats and reorders; with calls that are slow, report late and sometimes fail; with an
// orchestrator that crashes and people who cancel. After every step there is at most one holder; at the end
// there is an outcome, the same everywhere, and every producer has an answer.
func TestRoles(t *testing.T) {
	if *roleSeed >= 0 {
		w := newWorld(uint64(*roleSeed))
		w.trace = []string{}
		w.run()
		t.Log(strings.Join(w.trace, "\n"))
		if w.failed != "" {
			t.Errorf("seed %d: %s", *roleSeed, w.failed)
		}
		return
	}
	seeds := *roleSeeds
	var next, moved, stayed, none atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := next.Add(1); seed <= int64(seeds) && !t.Failed(); seed = next.Add(1) {
				w := newWorld(uint64(seed))
				w.run()
				switch {
				case w.failed != "":
					t.Errorf("seed %d: %s (run it again with -roles.seed=%d -v)", seed, w.failed, seed)
				case w.srcEnd == nil:
					none.Add(1)
				case w.srcEnd.Outcome == wire.OutcomeMoved:
					moved.Add(1)
				default:
					stayed.Add(1)
				}
			}
		})
	}
	group.Wait()
	t.Logf("seeds 1 to %d: %d moved, %d stayed, %d never asked", seeds, moved.Load(), stayed.Load(), none.Load())
}

// newWorld draws a run.
func newWorld(seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{
		seed: seed, rng: rng, now: epoch, o: rng.IntN(3), home: newborn(),
		waiting: map[uint64]source.Submission{}, acked: map[item]uint64{},
	}
	for _, ends := range [][2]int{{atSource, atTarget}, {atSource, atThird}, {atTarget, atThird}} {
		w.links = append(w.links, &link{ends: ends, last: [2]map[wire.Channel]time.Time{{}, {}}})
	}
	w.asked = orchestrator.Request{Ref: wire.Ref{Migration: ref.Migration, Origin: ref.Origin}, Source: ids[atSource], Target: ids[atTarget]}
	w.asked.Options = wire.Options{Stall: 5 * time.Second}
	w.faults.slowest = []time.Duration{2, 20, 200}[rng.IntN(3)] * time.Millisecond
	w.budget = []time.Duration{20, 100, 500}[rng.IntN(3)] * time.Millisecond
	w.pSlow = []float64{0, 0.02, 0.1}[rng.IntN(3)]
	if w.fair = w.chance(0.1); w.fair {
		w.faults.slowest, w.budget, w.pSlow = 2*time.Millisecond, 500*time.Millisecond, 0
		return w
	}
	if w.chance(0.6) {
		w.faults.cutEvery = 1500 * time.Millisecond
		w.faults.late = 0.2
	}
	if w.chance(0.3) {
		w.faults.drop, w.faults.double, w.faults.shuffle = w.rng.Float64()/4, w.rng.Float64()/3, w.rng.Float64()/3
	}
	if w.chance(0.3) {
		w.pHold, w.pOver = 0.2, 0.2
	}
	if w.chance(0.2) {
		w.notReady = w.rng.IntN(8)
	}
	if w.chance(0.1) {
		w.asked.Options.Timeout = w.between(10*time.Millisecond, 2*time.Second)
	}
	return w
}

// disturbed is how long faults go on in a run, and patience how long it may take to settle afterwards.
const (
	disturbed = 3 * time.Second
	patience  = 90 * time.Second
)

func (w *world) run() {
	for _, l := range w.links {
		if w.fair || w.chance(0.8) {
			w.connect(l)
		}
	}
	w.at(w.now, w.ask)
	w.cutLater()
	w.plan()
	w.after(disturbed, w.settle)
	for w.failed == "" && !w.settled() {
		if len(w.jobs) == 0 || w.now.Sub(epoch) > disturbed+patience {
			w.fail("not settled: source %v, target %v, orchestrator %v, %d tickets wait", w.sourceState(), w.targetState(), w.orchEnd, len(w.waiting))
			return
		}
		j := heap.Pop(&w.jobs).(job)
		w.now = j.at
		j.run()
		w.check()
	}
	if w.failed == "" {
		w.checkEnd()
	}
}

func (w *world) sourceState() string {
	if w.src == nil {
		return "none"
	}
	return w.src.Status().State
}

func (w *world) targetState() string {
	if w.tgt == nil {
		return "none"
	}
	return w.tgt.Status().State
}

// plan draws what people do during the run.
func (w *world) plan() {
	within := func() time.Duration { return w.between(0, disturbed) }
	for range w.rng.IntN(40) {
		w.after(within(), w.submit)
	}
	if w.chance(0.5) { // a burst, so that there is something to catch up with
		w.after(within()/3, func() {
			for range 60 {
				w.submit()
			}
		})
	}
	if !w.fair && w.chance(0.3) {
		w.after(within(), func() { w.stepOrch(orchestrator.Cancel{}) })
	}
	if !w.fair && w.chance(0.1) {
		w.after(within(), func() { w.stepSource(source.Cancel{Detail: "closing"}) })
	}
	if w.chance(0.3) {
		w.after(within(), func() { w.stepSource(source.Received{From: ids[w.o], Message: &wire.CutoverNotify{Ref: ref}}) })
	}
	if w.o == atThird && w.chance(0.3) { // elsewhere it lives and dies with another role
		w.after(within(), func() { w.orch, w.orchEnd = nil, nil })
		if w.chance(0.5) {
			w.after(disturbed, w.ask)
		}
	}
}

// settle ends the faults. Sessions that have lost messages without noticing are replaced.
func (w *world) settle() {
	lossy := w.faults.drop > 0
	w.calm, w.faults, w.pHold, w.pOver, w.pSlow = true, faults{slowest: 5 * time.Millisecond}, 0, 0, 0
	for _, l := range w.links {
		l.cut = false
		if lossy {
			w.lose(l)
		}
	}
}

func (w *world) settled() bool {
	if !w.calm || w.src != nil && w.srcEnd == nil || w.tgt != nil && w.tgtEnd == nil || w.orch != nil && w.orchEnd == nil {
		return false
	}
	return len(w.waiting) == 0 && w.idle(atSource) && w.idle(atTarget)
}

func (w *world) idle(node int) bool { return !w.queues[node].busy && len(w.queues[node].calls) == 0 }

// submit is a producer with another batch to send.
func (w *world) submit() {
	p := byte(w.rng.IntN(producers))
	w.planned[p]++
	w.next(p)
}

// next sends a batch of one or two, unless the producer waits for an answer.
func (w *world) next(p byte) {
	if w.pending[p] || w.planned[p] == 0 {
		return
	}
	w.planned[p]--
	s := source.Submission{Producer: crypto.ProducerID{p}}
	for range 1 + w.rng.IntN(2) {
		w.numbers[p]++
		s.Items = append(s.Items, wire.Submission{Seq: w.numbers[p], Payload: []byte{p}})
	}
	w.tickets++
	s.Ticket = w.tickets
	w.waiting[s.Ticket], w.pending[p] = s, true
	switch {
	case w.srcEnd != nil && w.srcEnd.Outcome == wire.OutcomeMoved:
		delete(w.waiting, s.Ticket) // it goes on at the target
	case w.src != nil && w.srcEnd == nil && w.src.Holding():
		w.stepSource(source.Submitted{Submission: s})
	default:
		w.enqueueApply(s)
	}
}

// enqueueApply gives a batch to the daemon at the source. It must never find it frozen: whoever was not
// told to hold it has queued it before the freeze.
func (w *world) enqueueApply(s source.Submission) {
	w.enqueue(atSource, func() func() {
		if w.home.frozen || w.home.moved {
			w.fail("a submission reaches a daemon that is frozen or gone")
			return nil
		}
		if s.Ticket <= w.applied {
			w.fail("ticket %d is applied after %d", s.Ticket, w.applied)
		}
		w.applied = s.Ticket
		entries, receipts := w.home.apply(s)
		return func() {
			if w.src != nil && w.srcEnd == nil {
				w.stepSource(source.Applied{Entries: entries})
			}
			w.answer(source.Reply{Ticket: s.Ticket, Receipts: receipts})
		}
	})
}

// forwarded applies at the target what the source held.
func (w *world) forwarded(f *wire.Forward) {
	if !w.tgt.Active() {
		return
	}
	w.enqueue(atTarget, func() func() {
		s := source.Submission{Producer: f.Producer, Since: f.Since, Items: f.Items}
		_, receipts := w.dark.copyOf.apply(s)
		return func() {
			w.transmit(atTarget, atSource, &wire.Forwarded{Ref: f.Ref, Producer: f.Producer, First: f.Items[0].Seq, Items: receipts})
		}
	})
}

func (w *world) answer(r source.Reply) {
	s, ok := w.waiting[r.Ticket]
	if !ok {
		w.fail("ticket %d is answered twice", r.Ticket)
		return
	}
	delete(w.waiting, r.Ticket)
	if r.Reason == 0 && len(r.Receipts) != len(s.Items) {
		w.fail("ticket %d gets %d receipts for %d items", r.Ticket, len(r.Receipts), len(s.Items))
	}
	for _, it := range r.Receipts {
		w.acked[item{s.Producer[0], it.Seq}] = it.Sequence
	}
	if r.Reason == 0 {
		w.pending[s.Producer[0]] = false
		w.after(w.between(0, 5*time.Millisecond), func() { w.next(s.Producer[0]) })
	}
}
