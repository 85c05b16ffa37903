package fuzz

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// ship is the handler with its model: what it must say, kept without any cleverness.
type ship struct {
	*voyage
	h         *target.Handler
	reg       *daemon.Registry
	d         *cargo
	maxEvents uint64
	maxBytes  int

	phase    wire.Phase // 0: no migration
	done     bool
	cursor   uint64
	held     map[uint64]crypto.CausalEvent
	hold     uint64 // count of the attempt, 0 for none
	released uint64
}

func newShip(v *voyage, maxEvents int, maxBytes int64) *ship {
	s := &ship{
		voyage: v, reg: daemon.NewRegistry(),
		maxEvents: cmp.Or(uint64(maxEvents), target.DefaultPendingEvents), maxBytes: cmp.Or(int(maxBytes), target.DefaultPendingBytes),
	}
	s.h = target.New(s.reg, target.Config{Node: voyageNode, MaxPendingEvents: maxEvents, MaxPendingBytes: maxBytes, Shards: 1})
	return s
}

func (s *ship) restore(t *testing.T) {
	snapshot, err := daemon.ReadSnapshot(bytes.NewReader(s.snapshot))
	if err != nil {
		t.Fatal(err)
	}
	d := new(cargo)
	ctx := target.RestoreContext{Origin: s.origin, Snapshot: snapshot, Migration: wire.MigrationID{1}}
	if err := s.h.RestoreSnapshot(ctx, s.key, func() daemon.Daemon { return d }, daemon.HostConfig{}); err != nil {
		t.Fatalf("restore: %v", err)
	}
	if s.phase == 0 && !s.done {
		s.d, s.phase, s.cursor, s.held = d, wire.PhaseRestore, voyageBase, map[uint64]crypto.CausalEvent{}
		s.hold, s.released = 0, 0
	} else if d.sum != 0 {
		t.Fatal("a repeat was restored")
	}
}

func (s *ship) step(t *testing.T, op, arg byte) {
	switch op % 12 {
	case 0:
		s.buffer(t, s.log[int(arg)%len(s.log)])
	case 1, 2:
		s.replay(t, s.batch(int(arg&63), int(arg>>6)*7, op%12 == 2))
	case 3:
		ev := s.log[int(arg)%len(s.log)]
		ev.Link.Parent[arg%32] ^= 1
		s.buffer(t, ev)
	case 4:
		if i := int(arg) % len(s.log); uint64(i) < s.cursor { // a later one would be applied: nothing tells it apart yet
			ev := s.log[i]
			ev.ProducerSeq++
			s.replay(t, []crypto.CausalEvent{ev})
		}
	case 5:
		if s.phase != 0 {
			s.d.broken = arg&1 == 0
		}
	case 6:
		s.doHold(t, uint64(arg&7)+1, arg&0x40 != 0)
	case 7:
		s.doRelease(t, uint64(arg&7)+1)
	case 8:
		s.activate(t)
	case 9:
		s.complete(t)
	case 10:
		s.abort(t)
	case 11:
		s.restore(t)
	}
}

// batch returns up to n+1 consecutive events, forwards or backwards.
func (s *ship) batch(from, n int, backwards bool) []crypto.CausalEvent {
	from %= len(s.log)
	events := slices.Clone(s.log[from:min(from+n+1, len(s.log))])
	if backwards {
		slices.Reverse(events)
	}
	return events
}

func (s *ship) takes() bool { return s.phase == wire.PhaseRestore || s.phase == wire.PhaseReplay }

func (s *ship) committed() bool { return s.phase != 0 && s.cursor == uint64(len(s.log)) }

// outcome is what a call that may drain is expected to report.
type outcome struct{ full, diverged, failed bool }

func (o outcome) check(t *testing.T, what string, err error) {
	got := outcome{
		errors.Is(err, wire.ErrBufferFull), errors.Is(err, crypto.ErrDiverged), errors.Is(err, wire.ErrStateFailed),
	}
	if got != o || (err != nil) != (o != outcome{}) {
		t.Fatalf("%s: %v; want %+v", what, err, o)
	}
}

func (s *ship) genuine(ev crypto.CausalEvent) bool {
	return ev.Digest() == s.log[ev.Link.Sequence-1].Digest()
}

// drain applies what is contiguous and returns whether an event stands in the way.
func (s *ship) drain(o *outcome) (stopped bool) {
	for {
		ev, ok := s.held[s.cursor+1]
		if !ok {
			return false
		}
		if !s.genuine(ev) {
			o.diverged = true
			return true
		}
		if s.d.broken && ev.Kind == crypto.EventInput {
			o.failed = true
			return true
		}
		delete(s.held, s.cursor+1)
		s.cursor++
		s.phase = wire.PhaseReplay
	}
}

// offer takes one event. stopped says that an event has failed in this call, after which none is applied.
func (s *ship) offer(ev crypto.CausalEvent, o *outcome, stopped *bool) bool {
	seq := ev.Link.Sequence
	switch {
	case seq <= s.cursor:
		bad := seq > voyageBase && !s.genuine(ev)
		o.diverged = o.diverged || bad
		return !bad
	case seq > s.cursor+1 && !s.fits(ev):
		before := s.cursor
		if !*stopped {
			*stopped = s.drain(o)
		}
		if s.cursor != before {
			return s.offer(ev, o, stopped)
		}
		o.full = true
		return false
	}
	s.held[seq] = ev
	if seq == s.cursor+1 && !*stopped {
		*stopped = s.drain(o)
	}
	return true
}

func (s *ship) fits(ev crypto.CausalEvent) bool {
	size := len(ev.Payload)
	for seq, held := range s.held {
		if seq != s.cursor+1 && seq != ev.Link.Sequence {
			size += len(held.Payload)
		}
	}
	return ev.Link.Sequence-s.cursor-1 <= s.maxEvents && size <= s.maxBytes
}

// offers takes several and drains at the end.
func (s *ship) offers(events []crypto.CausalEvent) (o outcome, taken bool) {
	stopped := false
	for _, ev := range events {
		taken = s.offer(ev, &o, &stopped)
	}
	if !stopped {
		s.drain(&o)
	}
	return o, taken
}

func (s *ship) buffer(t *testing.T, ev crypto.CausalEvent) {
	taken, err := s.h.BufferEvent(s.origin, ev)
	want, o := false, outcome{}
	if s.takes() {
		o, want = s.offers([]crypto.CausalEvent{ev})
	}
	o.check(t, "buffer", err)
	if taken != want {
		t.Fatalf("buffer %d = %v, want %v", ev.Link.Sequence, taken, want)
	}
}

func (s *ship) replay(t *testing.T, events []crypto.CausalEvent) {
	through, err := s.h.ReplayEvents(s.origin, events)
	switch {
	case s.phase == 0 && !s.done:
		want(t, "replay", err, wire.ErrDaemonNotFound)
		return
	case s.takes():
		o, _ := s.offers(events)
		o.check(t, "replay", err)
	default:
		want(t, "replay", err, nil)
	}
	if through != s.cursor {
		t.Fatalf("replayed through %d, want %d", through, s.cursor)
	}
}

// want fails unless err matches, or is nil for nil.
func want(t *testing.T, what string, err, target error) {
	if !errors.Is(err, target) {
		t.Fatalf("%s: %v, want %v", what, err, target)
	}
}

// count is an attempt of the voyage's first epoch.
func count(n uint64) wire.Attempt { return wire.Attempt{Epoch: 1, Boot: 1, Count: n} }

// doHold offers the source's head at the cursor, or a bent one.
func (s *ship) doHold(t *testing.T, n uint64, bent bool) {
	if s.phase == 0 {
		return
	}
	final := s.heads[s.cursor]
	if bent {
		final.Digest[0] ^= 1
	}
	a, at, held := s.h.Held(s.origin)
	repeat := held && a == count(n) && at == final
	before := s.cursor
	err := s.h.Hold(s.origin, count(n), final)
	switch {
	case repeat:
		want(t, "repeated hold", err, nil)
	case s.phase == wire.PhaseCutover:
		want(t, "hold at Cutover", err, wire.ErrWrongPhase)
	case n < s.hold || n <= s.released:
		want(t, "old hold", err, wire.ErrStaleEpoch)
	default:
		o, _ := s.offers(nil)
		s.checkHold(t, n, err, o, bent, s.cursor == before)
	}
}

// checkHold judges a hold whose attempt was acceptable.
func (s *ship) checkHold(t *testing.T, n uint64, err error, o outcome, bent, still bool) {
	switch {
	case o != outcome{}:
		o.check(t, "hold", err)
	case s.committed():
		want(t, "hold after the handover", err, wire.ErrWrongPhase)
	case !still:
		want(t, "hold behind", err, crypto.ErrGap)
	case bent:
		want(t, "hold at another head", err, crypto.ErrHeadMismatch)
	default:
		want(t, "hold", err, nil)
		s.hold = n
	}
}

func (s *ship) doRelease(t *testing.T, n uint64) {
	err := s.h.Release(s.origin, count(n))
	switch {
	case s.phase == 0 && !s.done:
		want(t, "release", err, wire.ErrDaemonNotFound)
	case s.phase == 0 || s.committed():
		want(t, "release", err, wire.ErrWrongPhase)
	case n < s.hold:
		want(t, "release", err, wire.ErrStaleEpoch)
	default:
		want(t, "release", err, nil)
		s.hold, s.released = 0, max(s.released, n)
	}
}

func (s *ship) activate(t *testing.T) {
	through, err := s.h.Activate(s.origin)
	switch {
	case s.phase == 0 && !s.done:
		want(t, "activate", err, wire.ErrDaemonNotFound)
		return
	case s.takes():
		s.checkActivate(t, err)
	default:
		want(t, "activate again", err, nil)
	}
	if through != s.cursor {
		t.Fatalf("activated at %d, want %d", through, s.cursor)
	}
}

func (s *ship) checkActivate(t *testing.T, err error) {
	o, _ := s.offers(nil)
	switch {
	case o != outcome{}:
		o.check(t, "activate", err)
	case s.committed():
		want(t, "activate", err, nil)
		s.phase, s.hold = wire.PhaseCutover, 0
		if head, _ := s.h.HostHeadLink(s.origin); head != s.heads[len(s.log)] {
			t.Fatalf("activated at %+v, the source has %+v", head, s.heads[len(s.log)])
		}
	case len(s.held) > 0:
		want(t, "activate", err, crypto.ErrGap)
	default:
		want(t, "activate", err, wire.ErrNoHandover)
	}
}

func (s *ship) complete(t *testing.T) {
	err := s.h.Complete(s.origin)
	switch {
	case s.phase == wire.PhaseCutover:
		want(t, "complete", err, nil)
		s.phase, s.done = 0, true
	case s.phase != 0:
		want(t, "complete", err, wire.ErrWrongPhase)
	case s.done:
		want(t, "complete again", err, nil)
	default:
		want(t, "complete", err, wire.ErrDaemonNotFound)
	}
}

// abort: a completed migration is kept, since the daemon could not be restored over the one that serves.
func (s *ship) abort(t *testing.T) {
	if s.done {
		return
	}
	err := s.h.Abort(s.origin)
	if s.committed() || s.hold != 0 {
		want(t, "abort", err, wire.ErrWrongPhase)
		return
	}
	want(t, "abort", err, nil)
	s.phase = 0
}

// compare checks everything that can be asked.
func (s *ship) compare(t *testing.T) {
	p, active := s.h.Phase(s.origin)
	_, registered := s.reg.Host(s.origin)
	if p != s.phase || active != (s.phase != 0) || registered != (active || s.done) {
		t.Fatalf("phase %v, registered %v; want %v, completed %v", p, registered, s.phase, s.done)
	}
	if s.phase == 0 {
		if s.h.BufferedBytes() != 0 || s.h.ActiveCount() != 0 {
			t.Fatalf("%d bytes, %d active without a migration", s.h.BufferedBytes(), s.h.ActiveCount())
		}
		return
	}
	through, _ := s.h.ReplayedThrough(s.origin)
	events, _, _ := s.h.Buffered(s.origin)
	if through != s.cursor || events != len(s.held) || (events == 0) != (s.h.BufferedBytes() == 0) {
		t.Fatalf("through %d, %d held, %d bytes; want %d, %d", through, events, s.h.BufferedBytes(), s.cursor, len(s.held))
	}
	for i, seq := range s.d.applied {
		if seq != uint64(voyageBase+1+i) {
			t.Fatalf("processed %v", s.d.applied)
		}
	}
	if inputs := min(s.cursor, voyageEvents); uint64(len(s.d.applied)) != inputs-voyageBase {
		t.Fatalf("processed %v through %d", s.d.applied, s.cursor)
	}
}

// finish repairs what the script has broken: from any state the genuine log, once and in order, leads to
// activation.
func (s *ship) finish(t *testing.T) {
	if s.done {
		return
	}
	s.restore(t)
	s.d.broken = false
	for _, ev := range s.log {
		s.buffer(t, ev)
	}
	s.compare(t)
	s.activate(t)
	if s.phase != wire.PhaseCutover {
		t.Fatalf("the genuine log does not activate in %v", s.phase)
	}
	s.complete(t)
	s.compare(t)
}
