package node_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// The nodes. The orchestrator is one of the three.
const (
	atSource = iota
	atTarget
	atThird
)

var ref = wire.Ref{Migration: wire.MigrationID{7}, Origin: genesis.Head().Origin, Epoch: 1}

var epoch = time.Unix(1_700_000_000, 0)

// alarm wakes a machine at the time it asked for last.
type alarm struct{ at time.Time }

// queue runs the calls of one node, one after the other, and reports results in order, late.
type queue struct {
	calls    []func() func() // each has its effect and returns what reports it
	busy     bool
	reported time.Time
}

// stream is a snapshot on its way.
type stream struct {
	through *copyOf
	serial  uint64
	broken  bool
	read    bool // the target has all of it
	told    bool // the source has been told how it ended
}

// world is one run: three nodes, one daemon, one migration.
type world struct {
	seed   uint64
	rng    *rand.Rand
	now    time.Time
	jobs   jobs
	made   int
	faults faults
	calm   bool // faults are over
	fair   bool // there never were any, and nobody cancels: the daemon must move
	links  []*link

	o        int // where the orchestrator is
	asked    orchestrator.Request
	orch     *orchestrator.Machine
	src      *source.Machine
	tgt      *target.Machine
	alarms   [3]alarm
	srcEnd   *source.Ended
	tgtEnd   *target.Ended
	orchEnd  *orchestrator.Ended
	attempts uint64
	notReady int // how many times the target is not ready

	home     *copyOf // the daemon at the source
	queues   [2]queue
	view     *copyOf
	copying  *stream // as the source sees it
	opening  *stream // of the step that is being taken
	incoming *stream // what the restore reads
	unwanted bool    // nobody waits for the restore
	dark     *dark   // the target's record, nil without one
	final    *wire.Final

	tickets uint64
	applied uint64            // the newest ticket applied at the source
	numbers [producers]uint64 // the producers' newest
	planned [producers]int    // batches that they have yet to send
	pending [producers]bool   // one is unanswered: the next waits for that, as a client does
	waiting map[uint64]source.Submission
	acked   map[item]uint64 // what producers have been told, and where it is
	pHold   float64         // how often a durable step fails at the target
	pOver   float64         // and the handover at the source
	pSlow   float64         // how often a call takes long
	budget  time.Duration   // of a freeze
	trace   []string
	failed  string
}

const producers = 6

func (w *world) fail(format string, args ...any) {
	if w.failed == "" {
		w.failed = fmt.Sprintf(format, args...)
	}
}

func (w *world) log(format string, args ...any) {
	if w.trace != nil {
		w.trace = append(w.trace, fmt.Sprintf("%9.3f ", w.now.Sub(epoch).Seconds()*1000)+fmt.Sprintf(format, args...))
	}
}

// enqueue puts a call on a node's queue.
func (w *world) enqueue(node int, call func() func()) {
	q := &w.queues[node]
	q.calls = append(q.calls, call)
	w.runQueue(node)
}

func (w *world) runQueue(node int) {
	q := &w.queues[node]
	if q.busy || len(q.calls) == 0 {
		return
	}
	q.busy = true
	call := q.calls[0]
	q.calls = q.calls[1:]
	slow := 2 * time.Millisecond
	if w.chance(w.pSlow) {
		slow = 900 * time.Millisecond
	}
	w.after(w.between(0, slow), func() {
		report := call()
		q.busy = false
		at := w.now.Add(w.between(0, 2*time.Millisecond))
		if at.Before(q.reported) {
			at = q.reported
		}
		q.reported = at
		if report != nil {
			w.at(at, report)
		}
		w.runQueue(node)
	})
}

// wake makes sure that a machine gets its Tick. A wish that is not in the future would never let the
// caller rest.
func (w *world) wake(role int, at time.Time, tick func()) {
	a := &w.alarms[role]
	if a.at.Equal(at) {
		return
	}
	a.at = at
	if at.IsZero() {
		return
	}
	if !at.After(w.now) {
		w.fail("role %d wants to be woken %v ago", role, w.now.Sub(at))
		return
	}
	w.at(at, func() {
		if a.at.Equal(at) {
			a.at = time.Time{}
			tick()
		}
	})
}

func (w *world) peerUp(node, peer int) {
	w.log("%d: session with %d up", node, peer)
	if node == atSource && w.src != nil && w.srcEnd == nil {
		w.stepSource(source.PeerUp{Peer: ids[peer]})
	}
	if node == atTarget && w.tgt != nil && w.tgtEnd == nil {
		w.stepTarget(target.PeerUp{Peer: ids[peer]})
	}
}

func (w *world) peerDown(node, peer int, lost bool, err error) {
	w.log("%d: session with %d down", node, peer)
	if node == atSource && w.src != nil && w.srcEnd == nil {
		w.stepSource(source.PeerDown{Peer: ids[peer], Err: err})
	}
	if node == atTarget && w.tgt != nil && w.tgtEnd == nil {
		w.stepTarget(target.PeerDown{Peer: ids[peer]})
	}
	if node == w.o && w.orch != nil && w.orchEnd == nil {
		w.stepOrch(orchestrator.PeerDown{Peer: ids[peer], Lost: lost, Err: err})
	}
}

func nodeOf(id crypto.NodeID) int { return slices.Index(ids[:], id) }

func (w *world) sendAll(from int, sends []wire.Envelope) {
	for _, e := range sends {
		w.log("%d→%d %v", from, nodeOf(e.To), e.Message.Type())
		w.provoke(from, nodeOf(e.To), e.Message)
		w.transmit(from, nodeOf(e.To), e.Message)
	}
}

// provoke makes things happen where they are most likely to matter: around the messages that decide.
func (w *world) provoke(from, to int, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Final:
		w.final = msg
		for range w.rng.IntN(6) {
			w.after(w.between(0, w.budget), w.submit)
		}
	case *wire.ReplayComplete, *wire.ActivateTarget, *wire.ActivateAck, *wire.Aborted, *wire.MigrationFailed, *wire.CleanupComplete, *wire.Forward:
	default:
		return
	}
	if from != to && !w.calm && w.faults.cutEvery != 0 && w.chance(0.1) {
		l := w.linkOf(from, to)
		w.after(w.between(0, w.faults.slowest), func() { w.pull(l) })
	}
}

// deliver does what node.Core does with a migration message: the sender check, then the roles.
func (w *world) deliver(from, to int, msg wire.Message) {
	w.log("%d⇒%d %v", from, to, msg.Type())
	switch msg := msg.(type) {
	case *wire.TakeSnapshot:
		w.takeSnapshot(from, msg)
		return
	case *wire.Prepare:
		if w.tgt == nil || w.tgtEnd != nil {
			w.prepare(msg)
			return
		}
	case *wire.SessionError:
		return
	}
	roles, err := subproto.Route(msg.Type(), ids[from], w.views(to))
	switch {
	case err == nil:
		w.step(roles, from, msg)
	case errors.Is(err, wire.ErrDaemonNotFound):
		w.stray(from, to, msg)
	case msg.Type() == wire.TypeAnswer: // of an orchestrator that has forgotten what it would relay
	default:
		w.fail("%v", err)
	}
}

func (w *world) views(node int) (views []subproto.View) {
	p := subproto.Parties{Source: ids[atSource], Target: ids[atTarget], Orchestrator: ids[w.o]}
	if node == atSource && w.src != nil {
		views = append(views, subproto.View{Role: subproto.Source, Parties: p})
	}
	if node == atTarget && w.tgt != nil {
		views = append(views, subproto.View{Role: subproto.Target, Parties: p})
	}
	if node == w.o && w.orch != nil {
		views = append(views, subproto.View{Role: subproto.Orchestrator, Parties: p})
	}
	return views
}

func (w *world) step(roles []subproto.Role, from int, msg wire.Message) {
	for _, r := range roles {
		switch r {
		case subproto.Source:
			w.stepSource(source.Received{From: ids[from], Message: msg})
		case subproto.Target:
			if f, ok := msg.(*wire.Forward); ok {
				w.forwarded(f)
				continue
			}
			w.stepTarget(target.Received{From: ids[from], Message: msg})
		case subproto.Orchestrator:
			w.stepOrch(orchestrator.Received{From: ids[from], Message: msg})
		}
	}
}

// stray answers for a migration that a node does not know.
func (w *world) stray(from, to int, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Ask:
		w.whereIs(from, to, msg.Attempt)
	case *wire.Cancel, *wire.Progress, *wire.PrepareOK, *wire.RestoreComplete:
		w.whereIs(from, to, wire.Attempt{})
	case *wire.ActivateTarget:
		w.transmit(to, from, &wire.Answer{Ref: ref, State: wire.StateUnknown, Boot: 1, Attempt: msg.Attempt})
	}
}

func (w *world) whereIs(from, to int, a wire.Attempt) {
	if to != atSource {
		w.transmit(to, from, &wire.Answer{Ref: ref, State: wire.StateUnknown, Boot: 1, Attempt: a})
		return
	}
	w.transmit(to, from, &wire.Answer{Ref: ref, State: wire.StateServing, Boot: 1, Attempt: a})
	w.transmit(to, from, &wire.MigrationFailed{Ref: ref, Reason: wire.ReasonDaemonNotFound})
}
