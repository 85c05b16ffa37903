package fuzz

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// The targets here read bytes as what happens to one machine of a migration: messages from anybody, drawn
// from the few values that mean something or cut from the input as frames; results of the calls it has made,
// in order, good or bad; sessions; time. A machine must not panic, must not ask to be woken in the past,
// must end once, and must not take back what it has promised.

var (
	roleNodes = [4]crypto.NodeID{{'S'}, {'T'}, {'O'}, {'X'}}
	roleKeys  = [2]*crypto.EntityKeypair{roleKey(1), roleKey(2)}
	roleStart = time.Unix(1_700_000_000, 0)
	errRole   = errors.New("fuzz: broken")
)

func roleKey(seed byte) *crypto.EntityKeypair {
	k, err := crypto.KeypairFromSeed([32]byte{seed})
	if err != nil {
		panic(err)
	}
	return k
}

// tape is the input, read from its front; behind its end there are zeros.
type tape struct{ rest []byte }

func (p *tape) next() byte {
	if len(p.rest) == 0 {
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

func (p *tape) node() crypto.NodeID { return roleNodes[p.next()%4] }

// role is what the drivers of all three machines share: a clock, the daemon's log, and the outputs so far.
type role struct {
	t     *testing.T
	in    tape
	now   time.Time
	heads []crypto.Head
	log   []crypto.CausalEvent
	ended bool
	cert  crypto.FreezeCert // the source's last, zero before
	cut   int               // frames that were cut out of the input
}

func newRole(t *testing.T, data []byte) *role {
	g, err := crypto.SignGenesis(roleKeys[0], "fuzz", crypto.PublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	return &role{t: t, in: tape{data}, now: roleStart, heads: []crypto.Head{g.Head()}}
}

func (r *role) ref() wire.Ref {
	return wire.Ref{Migration: wire.MigrationID{1}, Origin: r.heads[0].Origin, Epoch: 1}
}

// grow adds an event to the log.
func (r *role) grow() {
	h := r.heads[len(r.heads)-1]
	ev := crypto.CausalEvent{Kind: crypto.EventInput, Link: crypto.CausalLink{Origin: h.Origin, Sequence: h.Sequence + 1, Parent: h.Digest}, Payload: make([]byte, r.in.next())}
	r.log, r.heads = append(r.log, ev), append(r.heads, h.Append(ev, nil))
}

// head is one of the log's, sometimes none of them.
func (r *role) head() crypto.Head {
	b := r.in.next()
	h := r.heads[int(b&0x3f)%len(r.heads)]
	if b&0xc0 == 0xc0 {
		h.Digest[0]++
		h.Sequence += uint64(b & 3)
	}
	return h
}

func (r *role) attempt() wire.Attempt {
	b := r.in.next()
	return wire.Attempt{Epoch: uint64(b & 1), Boot: 3, Count: uint64(b >> 1 & 3)}
}

// handover follows a head of the log.
func (r *role) handover(h crypto.Head) crypto.CausalEvent { return r.handoverTo(h, roleNodes[1]) }

func (r *role) handoverTo(h crypto.Head, to crypto.NodeID) crypto.CausalEvent {
	ev, _, err := crypto.SignHandover(roleKeys[0], crypto.Handover{From: roleNodes[0], To: to, Epoch: 2, Head: h, Next: roleKeys[1].Public()})
	if err != nil {
		return crypto.CausalEvent{}
	}
	return ev
}

// noted checks what holds for every output.
func (r *role) noted(wake time.Time, ended bool) {
	if !wake.IsZero() && !wake.After(r.now) {
		r.t.Fatalf("wants to be woken %v ago", r.now.Sub(wake))
	}
	if ended && r.ended {
		r.t.Fatal("ends twice")
	}
	r.ended = r.ended || ended
}

func (r *role) pass() { r.now = r.now.Add(time.Duration(r.in.next()) * 50 * time.Millisecond) }

// message draws one of those that migrations consist of.
func (r *role) message() wire.Message {
	ref := r.ref()
	switch r.in.next() % 25 {
	case 0:
		return &wire.PrepareOK{Ref: ref, Next: roleKeys[r.in.next()&1].Public(), CreditEvents: uint64(r.in.next()), CreditBytes: uint64(r.in.next()) << 4}
	case 1:
		return &wire.RestoreComplete{Ref: ref, Head: r.head()}
	case 2, 3:
		return &wire.Progress{Ref: ref, Head: r.head(), Buffered: uint64(r.in.next()), Rate: uint64(r.in.next())}
	case 4:
		msg := &wire.ReplayComplete{Ref: ref, Attempt: r.attempt(), Head: r.head()}
		_ = msg.Sign(roleKeys[1])
		return msg
	case 5:
		h := r.head()
		switch b := r.in.next(); {
		case b&1 == 1:
			h = h.Append(r.handover(h), nil)
		case b&2 == 2:
			h = h.Append(accepted(r.cert), nil)
		}
		signed, _ := crypto.SignHead(roleKeys[1], h, 2)
		return &wire.ActivateAck{Ref: ref, Signed: signed}
	case 6:
		return &wire.Forwarded{Ref: ref, Producer: crypto.ProducerID{r.in.next() & 1}, First: uint64(r.in.next() & 3), Reason: wire.Reason(r.in.next() & 3), Items: make([]wire.ReceiptItem, r.in.next()&3)}
	case 7:
		return &wire.MigrationFailed{Ref: ref, Reason: wire.Reason(r.in.next())}
	case 8:
		return &wire.CutoverNotify{Ref: ref}
	case 9:
		return &wire.Cancel{Ref: ref}
	case 10:
		return &wire.Ask{Ref: ref, Attempt: r.attempt()}
	case 11:
		return &wire.Answer{Ref: ref, State: wire.State(r.in.next() & 7), Boot: uint64(r.in.next()), Attempt: r.attempt(), HasHandover: true, Handover: r.handover(r.head())}
	case 12:
		return &wire.TakeSnapshot{Ref: ref}
	case 13:
		return &wire.BufferedEvents{Ref: ref, Events: r.log[:int(r.in.next())%(len(r.log)+1)]}
	case 14, 15:
		return &wire.Final{Ref: ref, Attempt: r.attempt(), Head: r.head()}
	case 16:
		return &wire.Aborted{Ref: ref, Attempt: r.attempt()}
	case 17:
		to := roleNodes[1]
		if len(r.in.rest) > 0 && r.in.rest[0] >= 0x80 { // which no attempt looks at
			to = roleNodes[3]
		}
		return &wire.ActivateTarget{Ref: ref, Attempt: r.attempt(), Handover: r.handoverTo(r.head(), to)}
	case 18:
		return &wire.Status{Ref: ref, Phase: wire.Phase(r.in.next() % 7), InDoubt: r.in.next()&1 == 1}
	case 19:
		return &wire.CleanupComplete{Ref: ref, Outcome: wire.OutcomeMoved}
	case 20:
		return &wire.Promised{Ref: ref, Cert: r.certificate(r.attempt(), r.head())}
	case 21:
		return &wire.Answer{Ref: ref, State: wire.StateServing, Attempt: r.attempt(), HasHandover: true, Handover: accepted(r.cert)}
	case 22:
		return &wire.Resume{Ref: ref, Serial: uint64(r.in.next() & 3), Head: r.head()}
	case 23:
		return &wire.ResumeAt{Ref: ref, Serial: uint64(r.in.next() & 3), Head: r.head(), Offset: uint64(r.in.next())}
	}
	return r.frame()
}

// frame cuts a message out of the input; it may be of any type and migration.
func (r *role) frame() wire.Message {
	h, body, rest, err := wire.SplitFrame(r.in.rest)
	if err != nil {
		return &wire.Prepare{Ref: r.ref()}
	}
	r.in.rest = rest
	msg, err := wire.Decode(h, body)
	if err != nil {
		return &wire.Prepare{Ref: r.ref()}
	}
	r.cut++
	return msg
}

// failing is the error of a call, on one byte in eight.
func (r *role) failing() error {
	switch r.in.next() {
	case 0xff, 0xfe, 0xfd:
		return errRole
	case 0xfc:
		return crypto.ErrGap
	}
	return nil
}

// cutFrame is the number by which message draws a frame out of the input.
const cutFrame = 24

// seedRoles adds runs that go all the way, and one for each golden frame, which a node says behind a run that has gone half of it.
func seedRoles(f *testing.F, half []byte, from byte, runs ...[]byte) {
	for _, run := range runs {
		f.Add(run)
	}
	for _, run := range goldenRuns(f, half, from) {
		f.Add(run)
	}
}

// goldenRuns are runs at whose end a golden frame comes.
func goldenRuns(t testing.TB, half []byte, from byte) (runs [][]byte) {
	for _, frame := range goldenFrames(t) {
		runs = append(runs, slices.Concat(half, []byte{0, from, cutFrame}, frame))
	}
	return runs
}

// mustCut checks that a golden frame was read as one, and that nothing of the input is left.
func (r *role) mustCut() {
	if r.cut != 1 || len(r.in.rest) > 0 {
		r.t.Errorf("%d frames were cut out of the input, and %d bytes are left", r.cut, len(r.in.rest))
	}
}
