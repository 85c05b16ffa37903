package node_test

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// check holds after every step.
func (w *world) check() {
	if w.dark != nil && w.dark.active && !w.home.moved {
		w.fail("both nodes hold the daemon")
	}
	if w.tgt != nil && w.tgt.Active() && (w.dark == nil || !w.dark.active) {
		w.fail("the target's machine is active without the daemon")
	}
}

// checkCommit holds when the handover entry is written: the target holds exactly this head, for the attempt
// that is live.
func (w *world) checkCommit() {
	d := w.dark
	switch {
	case d == nil || !d.armed:
		w.fail("the source commits without a hold at the target")
	case d.final != w.home.head() || d.copyOf.head() != w.home.head():
		w.fail("the source commits at a head that the target does not hold")
	case w.final == nil || d.attempt != w.final.Attempt:
		w.fail("the source commits with the target's hold for another attempt")
	case !w.home.frozen:
		w.fail("the source commits without being frozen")
	}
}

// checkEnd holds when everything has settled.
func (w *world) checkEnd() {
	moved := w.home.moved
	switch {
	case w.src == nil:
		return
	case w.fair && !moved:
		w.fail("stayed without a fault: %+v", *w.srcEnd)
	case moved != (w.srcEnd.Outcome == wire.OutcomeMoved):
		w.fail("the source says %v, its log otherwise", w.srcEnd.Outcome)
	case moved && (w.dark == nil || !w.dark.active || !w.dark.complete):
		w.fail("moved, but not active at the target")
	case !moved && w.dark != nil:
		w.fail("stayed, but the target keeps a copy")
	case !moved && w.home.frozen:
		w.fail("stayed, but frozen")
	case w.orch != nil && w.orchEnd.Outcome != w.srcEnd.Outcome:
		w.fail("the orchestrator says %v, the source %v", w.orchEnd.Outcome, w.srcEnd.Outcome)
	}
	holder := w.home
	if moved && w.failed == "" {
		holder = w.dark.copyOf
	}
	w.checkLog(holder)
}

// checkLog: what was acknowledged is in the holder's log, at the place that was told, once, in each
// producer's order.
func (w *world) checkLog(holder *copyOf) {
	var newest [producers]uint64
	for _, ev := range holder.log {
		if ev.Kind != crypto.EventInput {
			continue
		}
		p := ev.Producer[0]
		if ev.ProducerSeq != newest[p]+1 {
			w.fail("producer %d: number %d follows %d", p, ev.ProducerSeq, newest[p])
		}
		newest[p] = ev.ProducerSeq
	}
	for it, at := range w.acked {
		if got, ok := holder.seen[it]; !ok || got != at {
			w.fail("number %d of producer %d was acknowledged at %d, the holder has it at %d", it.seq, it.producer, at, got)
		}
	}
}
