package target

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// model is the handler for one origin as one would write it without caring for speed, memory or locks. It
// cheats: it has the log, so it knows which events are genuine without hashing anything.
type model struct {
	log       []crypto.CausalEvent // genuine; ends in the handover
	base      uint64
	maxEvents uint64
	maxBytes  int

	phase    wire.Phase // 0 without a migration
	done     bool       // a completed migration is remembered
	cursor   uint64
	held     map[uint64]crypto.CausalEvent
	hold     uint64 // attempt, 0 for none
	released uint64
	broken   bool // Process fails
}

// verdict is what a call is expected to report: which errors its error matches.
type verdict struct{ full, diverged, failed bool }

func (v verdict) check(t *testing.T, what string, err error) {
	t.Helper()
	for _, c := range []struct {
		want bool
		err  error
	}{{v.full, wire.ErrBufferFull}, {v.failed, wire.ErrStateFailed}, {v.diverged, crypto.ErrDiverged}} {
		if errors.Is(err, c.err) != c.want {
			t.Fatalf("%s: %v; want %+v", what, err, v)
		}
	}
	if err != nil && v == (verdict{}) {
		t.Fatalf("%s: %v", what, err)
	}
}

func (m *model) genuine(ev crypto.CausalEvent) bool {
	return ev.Link == m.log[ev.Link.Sequence-1].Link && ev.ProducerSeq == m.log[ev.Link.Sequence-1].ProducerSeq
}

func (m *model) committed() bool { return m.cursor == uint64(len(m.log)) }

// apply applies what is contiguous, unless an event has failed in this call.
func (m *model) apply(v *verdict, stopped *bool) {
	for m.phase >= wire.PhaseRestore && !*stopped {
		ev, ok := m.held[m.cursor+1]
		switch {
		case !ok:
			return
		case !m.genuine(ev):
			v.diverged, *stopped = true, true
			return
		case m.broken && ev.Kind == crypto.EventInput:
			v.failed, *stopped = true, true
			return
		}
		delete(m.held, m.cursor+1)
		m.cursor++
		m.phase = wire.PhaseReplay
		if m.committed() && len(m.held) > 0 {
			v.diverged = true
			clear(m.held)
		}
	}
}

// room reports whether an event beyond the next one fits.
func (m *model) room(ev crypto.CausalEvent) bool {
	if ev.Link.Sequence-m.cursor-1 > m.maxEvents {
		return false
	}
	bytes := len(ev.Payload)
	for seq, held := range m.held {
		if seq != m.cursor+1 && seq != ev.Link.Sequence {
			bytes += len(held.Payload)
		}
	}
	return bytes <= m.maxBytes
}

// offer takes one event and reports whether it was taken care of.
func (m *model) offer(ev crypto.CausalEvent, v *verdict, stopped *bool) bool {
	seq := ev.Link.Sequence
	switch {
	case seq <= m.cursor:
		if seq > m.base && !m.genuine(ev) {
			v.diverged = true
			return false
		}
		return true
	case m.committed():
		v.diverged = true
		return false
	}
	if seq != m.cursor+1 && !m.room(ev) {
		before := m.cursor
		if m.apply(v, stopped); m.cursor != before {
			return m.offer(ev, v, stopped)
		}
		v.full = true
		return false
	}
	m.held[seq] = ev
	if seq == m.cursor+1 {
		m.apply(v, stopped)
	}
	return true
}

// replay is ReplayEvents without its results.
func (m *model) replay(events []crypto.CausalEvent) (v verdict) {
	stopped := false
	for _, ev := range events {
		m.offer(ev, &v, &stopped)
	}
	m.apply(&v, &stopped)
	return v
}

// pair is the handler and the model, driven together.
type pair struct {
	*rig
	m   *model
	rng *rand.Rand
}

func newPair(t *testing.T, rng *rand.Rand) *pair {
	maxEvents, maxBytes := 1+rng.IntN(40), 20+rng.IntN(300)
	r := newRig(t, Config{MaxPendingEvents: maxEvents, MaxPendingBytes: int64(maxBytes)})
	r.submit(rng.IntN(4))
	p := &pair{rig: r, rng: rng, m: &model{
		base: uint64(len(r.log)), maxEvents: uint64(maxEvents), maxBytes: maxBytes,
		held: map[uint64]crypto.CausalEvent{},
	}}
	p.start()
	r.submit(5 + rng.IntN(60))
	r.handOverHere()
	p.m.log = r.log
	return p
}

// start restores, as if the snapshot had been taken before the rest of the log was written.
func (p *pair) start() {
	p.copy = &tape{process: func(daemon.Event) error {
		if p.m.broken {
			return errTape
		}
		return nil
	}}
	p.restore()
	p.m.phase, p.m.cursor = wire.PhaseRestore, p.m.base
}

// event picks an event: mostly genuine and near, sometimes bent, sometimes beyond the log.
func (p *pair) event() crypto.CausalEvent {
	n := len(p.log)
	i := min(int(p.m.cursor)+p.rng.IntN(int(p.m.maxEvents)+4), n-1)
	if p.rng.IntN(3) == 0 {
		i = p.rng.IntN(n)
	}
	ev := p.log[i]
	switch p.rng.IntN(20) {
	case 0:
		ev.Link.Parent[p.rng.IntN(32)] ^= 1
	case 1:
		if uint64(i) < p.m.cursor { // a future one would be applied: only its successor can tell
			ev.ProducerSeq++
		}
	}
	return ev
}

func (p *pair) step() {
	switch op := p.rng.IntN(100); {
	case op < 40:
		p.stepReplay()
	case op < 70:
		p.stepBuffer()
	case op < 80:
		p.m.broken = p.rng.IntN(3) == 0
	case op < 86:
		p.stepHold()
	case op < 90:
		p.stepRelease()
	case op < 94:
		p.stepActivate()
	case op < 97:
		p.stepComplete()
	case op < 98:
		p.stepAbort()
	}
	p.compare()
}

func (p *pair) stepReplay() {
	events := make([]crypto.CausalEvent, p.rng.IntN(12))
	for i := range events {
		events[i] = p.event()
	}
	through, err := p.h.ReplayEvents(p.origin, events)
	switch {
	case p.m.phase == 0 && !p.m.done:
		wants(p.t, "replay", err, wire.ErrDaemonNotFound)
		return
	case p.m.phase == 0 || p.m.phase == wire.PhaseCutover:
		p.no(err, "replay")
	default:
		p.m.replay(events).check(p.t.(*testing.T), "replay", err)
	}
	if through != p.m.cursor {
		p.t.Fatalf("replayed through %d, want %d", through, p.m.cursor)
	}
}

func (p *pair) stepBuffer() {
	ev := p.event()
	taken, err := p.h.BufferEvent(p.origin, ev)
	want, v := false, verdict{}
	if p.m.phase == wire.PhaseRestore || p.m.phase == wire.PhaseReplay {
		stopped := false
		want = p.m.offer(ev, &v, &stopped)
		p.m.apply(&v, &stopped)
	}
	v.check(p.t.(*testing.T), "buffer", err)
	if taken != want {
		p.t.Fatalf("buffer %d at %d = %v, %v; want %v", ev.Link.Sequence, p.m.cursor, taken, err, want)
	}
}

// stepHold offers the head that the copy has now, or a wrong one, for some attempt.
func (p *pair) stepHold() {
	a := 1 + p.rng.Uint64N(6)
	final, err := p.h.HostHeadLink(p.origin)
	if err != nil || p.m.phase == 0 {
		return
	}
	right := p.rng.IntN(4) > 0
	if !right {
		final.Outputs[0] ^= 1
	}
	before, m := p.m.cursor, p.m
	repeat := m.hold == a && p.isHeldAt(final)
	err = p.h.Hold(p.origin, attempt(a), final)
	if repeat {
		p.no(err, "a repeated hold")
		return
	}
	if m.phase == wire.PhaseCutover || m.hold > a || m.released >= a {
		if err == nil {
			p.t.Fatalf("hold %d was accepted in %v over %d, released %d", a, m.phase, m.hold, m.released)
		}
		return
	}
	v := m.replay(nil)
	if ok := v == (verdict{}) && !m.committed() && m.cursor == before && right; ok != (err == nil) {
		p.t.Fatalf("hold %d: %v, want success %v", a, err, ok)
	} else if ok {
		m.hold = a
	}
}

func (p *pair) isHeldAt(final crypto.Head) bool {
	_, at, ok := p.h.Held(p.origin)
	return ok && at == final
}

func (p *pair) stepRelease() {
	a := 1 + p.rng.Uint64N(6)
	err := p.h.Release(p.origin, attempt(a))
	m := p.m
	if ok := m.phase != 0 && !m.committed() && m.hold <= a; ok != (err == nil) {
		p.t.Fatalf("release %d: %v, want success %v", a, err, ok)
	} else if ok {
		m.hold, m.released = 0, max(m.released, a)
	}
}

func (p *pair) stepActivate() {
	through, err := p.h.Activate(p.origin)
	m := p.m
	switch {
	case m.phase == 0 && !m.done:
		wants(p.t, "activate", err, wire.ErrDaemonNotFound)
		return
	case m.phase == wire.PhaseRestore || m.phase == wire.PhaseReplay:
		v := m.replay(nil)
		ok := v == (verdict{}) && m.committed()
		if ok != (err == nil) {
			p.t.Fatalf("activate at %d of %d: %v", m.cursor, len(m.log), err)
		}
		if ok {
			m.phase, m.hold = wire.PhaseCutover, 0
		} else if v == (verdict{}) && len(m.held) > 0 {
			wants(p.t, "activate", err, crypto.ErrGap)
		}
	}
	if through != m.cursor {
		p.t.Fatalf("activate = %d, want %d", through, m.cursor)
	}
}

func (p *pair) stepComplete() {
	err := p.h.Complete(p.origin)
	m := p.m
	switch {
	case m.phase == wire.PhaseCutover:
		m.phase, m.done = 0, true
		p.no(err, "complete")
	case m.phase != 0:
		wants(p.t, "complete", err, wire.ErrWrongPhase)
	case m.done:
		p.no(err, "complete again")
	default:
		wants(p.t, "complete", err, wire.ErrDaemonNotFound)
	}
}

func (p *pair) stepAbort() {
	err := p.h.Abort(p.origin)
	m := p.m
	refused := m.phase != 0 && (m.committed() || m.hold != 0)
	if refused != (err != nil) {
		p.t.Fatalf("abort: %v, want refusal %v", err, refused)
	}
	if refused {
		return
	}
	if m.phase == 0 {
		m.done = false
		return
	}
	m.phase, m.cursor, m.hold, m.released, m.broken = 0, m.base, 0, 0, false
	clear(m.held)
}

// compare checks everything that can be asked.
func (p *pair) compare() {
	m := p.m
	p.rig.phase(m.phase)
	p.sound()
	events, bytes, active := p.h.Buffered(p.origin)
	want := 0
	for _, ev := range m.held {
		want += len(ev.Payload)
	}
	if active != (m.phase != 0) || events != len(m.held) || bytes != int64(want) {
		p.t.Fatalf("holds %d events, %d bytes, %v; want %d, %d in %v", events, bytes, active, len(m.held), want, m.phase)
	}
	if m.phase == 0 {
		return
	}
	p.through(m.cursor)
	_, _, held := p.h.Held(p.origin)
	if held != (m.hold != 0) {
		p.t.Fatalf("held %v, want %d", held, m.hold)
	}
	p.processed(sequences(m.base+1, min(m.cursor, uint64(len(m.log)-1)))...)
}

// TestHandlerModel drives handler and model with the same random calls.
func TestHandlerModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		p := newPair(t, rng)
		for range 300 {
			p.step()
		}
	}
}
