package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// voyage walks one daemon at random over several nodes: every host it ever had
// stays around and is asked again and again. The test plays the network and
// the operators, who do everything at the wrong moment too.
type voyage struct {
	t      *testing.T
	rng    *rand.Rand
	hosts  []*Host // all that were ever made
	log    []Event // as acknowledged, then as handed over
	snaps  [][]byte
	acked  map[string]uint64 // producer and number, to sequence
	number uint64
	moves  int
	holder int // who should have the daemon by now
}

func TestP1P2P3_RandomVoyage(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	moves, events := 0, 0
	for run := range 20 {
		born, _ := birth(t)
		v := &voyage{
			t: t, rng: rand.New(rand.NewPCG(seed, uint64(run))),
			hosts: []*Host{born}, acked: make(map[string]uint64),
		}
		for range 400 {
			v.step()
		}
		v.finish()
		moves, events = moves+v.moves, events+len(v.log)
	}
	if t.Logf("%d moves, %d events", moves, events); moves < 20 || events < 400 {
		t.Error("the voyages hardly left port")
	}
}

// step does one thing to one host.
func (v *voyage) step() {
	i := v.rng.IntN(len(v.hosts))
	if v.rng.IntN(2) == 0 {
		i = v.holder
	}
	h := v.hosts[i]
	switch v.rng.IntN(12) {
	case 0, 1, 2, 3:
		v.submit(h)
	case 4:
		_, _ = h.Freeze()
	case 5, 6:
		_ = h.Thaw()
	case 7:
		v.snapshot(h)
	case 8:
		v.restore()
	case 9:
		v.replay(h)
	case 10:
		v.handOver(i)
	case 11:
		if h.Activate(node(byte(i+1))) == nil {
			v.one()
		}
	}
}

// submit sends a new number, or an old one again, and keeps the receipt.
func (v *voyage) submit(h *Host) {
	p := producer(v.rng.IntN(4))
	number := v.number + 1
	if v.number > 0 && v.rng.IntN(3) == 0 {
		number = v.number - v.rng.Uint64N(min(v.number, 20))
	}
	r, err := h.Submit(p, number, fmt.Appendf(nil, "%d ", number))
	if err != nil {
		return
	}
	key := fmt.Sprint(p.Short(), number)
	earlier, known := v.acked[key]
	if r.Duplicate != known || known && r.Event.Link.Sequence != earlier {
		v.t.Fatalf("number %d acknowledged at %d, duplicate %v; before at %d, %v",
			number, r.Event.Link.Sequence, r.Duplicate, earlier, known)
	}
	if !known {
		v.append(r.Event)
		v.acked[key] = r.Event.Link.Sequence
		v.number = max(v.number, number)
	}
}

// append extends the one log there may be.
func (v *voyage) append(ev Event) {
	if ev.Link.Sequence != uint64(len(v.log)+1) {
		v.t.Fatalf("entry %d, but the log has %d", ev.Link.Sequence, len(v.log))
	}
	v.log = append(v.log, ev)
}

func (v *voyage) snapshot(h *Host) {
	s, err := h.Snapshot()
	if err != nil {
		return
	}
	v.snaps = append(v.snaps, written(v.t, s))
}

// restore makes another dark host of some snapshot ever taken.
func (v *voyage) restore() {
	if len(v.snaps) == 0 || len(v.hosts) > 60 {
		return
	}
	key := uint64(len(v.hosts))
	b := v.snaps[max(0, len(v.snaps)-1-v.rng.IntN(3))]
	h, _ := restored(v.t, b, key)
	v.hosts = append(v.hosts, h)
}

// replay feeds h from the log, which fails for hosts that were left behind.
func (v *voyage) replay(h *Host) {
	for n := v.rng.IntN(10); n > 0; n-- {
		next := h.Head().Sequence
		if next >= uint64(len(v.log)) || h.Replay(v.log[next]) != nil {
			return
		}
	}
}

// handOver gives the daemon from host i to a dark one, if i may.
func (v *voyage) handOver(i int) {
	to := len(v.hosts) - 1 - v.rng.IntN(min(len(v.hosts), 3))
	h := v.hosts[i]
	// A host of an earlier epoch cannot get past the handover it was not in.
	if _, again := h.HandedOver(); again || to == i || !v.hosts[to].Dark() || v.hosts[to].Epoch() != h.Epoch() {
		return
	}
	ev, err := h.HandOver(node(byte(i+1)), node(byte(to+1)), v.hosts[to].key.Public())
	if err != nil {
		return
	}
	v.append(ev)
	v.moves++
	v.holder = to
	v.none()
}

// none checks that nobody answers: the commit has been made.
func (v *voyage) none() {
	if n := v.holders(); n != 0 {
		v.t.Fatalf("%d holders after a handover", n)
	}
	// Make sure that the voyage goes on: the successor catches up.
	for _, h := range v.hosts {
		for h.Dark() && h.Head().Sequence < uint64(len(v.log)) {
			if h.Replay(v.log[h.Head().Sequence]) != nil {
				break
			}
		}
	}
}

// one checks that just the activated host answers.
func (v *voyage) one() {
	if n := v.holders(); n != 1 {
		v.t.Fatalf("%d holders after an activation", n)
	}
}

func (v *voyage) holders() (n int) {
	for _, h := range v.hosts {
		if _, err := h.SignedHead(); err == nil {
			n++
		}
	}
	return n
}

// finish checks the log against every host and every acknowledgment against
// the log.
func (v *voyage) finish() {
	if v.holders() > 1 {
		v.t.Fatal("two holders")
	}
	heads := []crypto.Digest{v.hosts[0].Passport().Genesis.Digest()}
	for _, ev := range v.log {
		if ev.Link.Parent != heads[len(heads)-1] {
			v.t.Fatalf("entry %d does not follow", ev.Link.Sequence)
		}
		heads = append(heads, ev.Digest())
	}
	for i, h := range v.hosts {
		if head := h.Head(); head.Digest != heads[head.Sequence] {
			v.t.Errorf("host %d has another log at %d", i, head.Sequence)
		}
		if err := h.Passport().Verify(); err != nil {
			v.t.Errorf("host %d: %v", i, err)
		}
		for j := range i {
			if _, forked := crypto.FindFork(h.Passport(), v.hosts[j].Passport()); forked {
				v.t.Errorf("hosts %d and %d signed a fork", i, j)
			}
		}
	}
	for key, sequence := range v.acked {
		ev := v.log[sequence-1]
		if got := fmt.Sprint(ev.Producer.Short(), ev.ProducerSeq); got != key {
			v.t.Errorf("entry %d is %s, acknowledged as %s", sequence, got, key)
		}
	}
}

// TestP3_HandOverRace: submissions race the handover from many sides. All that
// were acknowledged come before it, and none comes after.
func TestP3_HandOverRace(t *testing.T) {
	for range 10 {
		h, d := birth(t)
		var wg sync.WaitGroup
		var mu sync.Mutex
		acked := make(map[uint64]bool)
		for w := range 4 {
			wg.Go(func() {
				for seq := uint64(1); ; seq++ {
					r, err := h.Submit(producer(w), seq, []byte("x"))
					if errors.Is(err, wire.ErrMoved) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acked[r.Event.Link.Sequence] = true
					mu.Unlock()
				}
			})
		}
		ev, err := h.HandOver(node(1), node(2), testKey(t, 1).Public())
		check(t, err)
		wg.Wait()
		for seq := uint64(1); seq < ev.Link.Sequence; seq++ {
			if !acked[seq] {
				t.Errorf("entry %d before the handover was not acknowledged", seq)
			}
		}
		if len(acked) != int(ev.Link.Sequence)-1 || d.calls != len(acked) {
			t.Errorf("%d acknowledged, %d applied, handover at %d", len(acked), d.calls, ev.Link.Sequence)
		}
	}
}

// TestT16_ReplayAtTheEnd: the last sequence number takes a handover and
// nothing else.
func TestT16_ReplayAtTheEnd(t *testing.T) {
	source, _ := birth(t)
	target, _ := restored(t, snapshotBytes(t, source), 1)
	for _, h := range []*Host{source, target} {
		h.head.Sequence = math.MaxUint64 - 1
	}
	wantErr(t, "input at the end", target.Replay(nextEvent(target)), ErrLogFull)
	ev, err := source.HandOver(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	check(t, target.Replay(ev))
	check(t, target.Activate(node(2)))
	_, err = target.Submit(producer(1), 1, nil)
	wantErr(t, "input beyond the end", err, ErrLogFull)
	_, err = target.HandOver(node(2), node(3), testKey(t, 2).Public())
	wantErr(t, "handover beyond the end", err, crypto.ErrBadHandover)
	target.turn.Lock()
	defer target.turn.Unlock()
	if !target.state.holdsEpoch() {
		t.Error("a handover that cannot be left the daemon without a holder")
	}
}

// TestSnapshotTwoWriters: two transfers of one snapshot take turns and write
// the same.
func TestSnapshotTwoWriters(t *testing.T) {
	h, d := travelled(t)
	d.state = make([]byte, 3*wire.MaxChunk)
	s, err := h.Snapshot()
	check(t, err)
	var wg sync.WaitGroup
	streams := make([]bytes.Buffer, 3)
	for i := range streams {
		wg.Go(func() {
			if _, err := s.WriteTo(&streams[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range streams {
		if !bytes.Equal(streams[i].Bytes(), streams[0].Bytes()) {
			t.Errorf("stream %d differs", i)
		}
	}
	check(t, tryRestore(&streams[0]))
}
