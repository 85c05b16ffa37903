package peer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/internal/relay"
	"github.com/ferrymesh/ferry/wire"
)

// block is a daemon with a large state that nothing can compress or guess.
type block struct{ state []byte }

func newBlock(size int) *block {
	b := &block{state: make([]byte, size)}
	rng := rand.NewChaCha8([32]byte{})
	_, _ = rng.Read(b.state) // never fails
	return b
}

func (b *block) Process(daemon.Event) ([][]byte, error) { return nil, nil }

func (b *block) Snapshot() (io.WriterTo, error) { return blockView(b.state), nil }

// blockView does not change, because the state never does.
type blockView []byte

func (v blockView) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(v)
	return int64(n), err
}

func (v blockView) Len() int64 { return int64(len(v)) }

func (b *block) Restore(r io.Reader) error {
	size := len(b.state)
	var err error
	if b.state, err = io.ReadAll(r); err == nil && len(b.state) != size {
		err = fmt.Errorf("a state of %d bytes", len(b.state))
	}
	return err
}

func (b *block) Inspect([]byte) ([]byte, error) { return b.state, nil }

// strait is two nodes that reach each other through relays only.
type strait struct {
	t      *testing.T
	ctx    context.Context
	relays *relay.Mesh
	cfg    [2]Config
	peers  [2]*Peer
	size   int
}

func newStrait(t *testing.T, size int, change func(i int, cfg *Config)) *strait {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	s := &strait{t: t, ctx: ctx, relays: relay.NewMesh(1), size: size}
	t.Cleanup(func() { s.must(s.relays.Close()) })
	rights := make(map[crypto.NodeID]wire.Rights)
	for i := range s.cfg {
		key, err := crypto.GenerateNodeKeypair()
		s.must(err)
		rights[key.ID()] = wire.AllRights
		s.cfg[i] = Config{Key: key, Listen: "127.0.0.1:0", Authorize: AllowOnly(rights)}
		s.cfg[i].Transport.IdleTimeout = time.Second
		s.cfg[i].Core.Source.ResumeGrace = 30 * time.Second // a slow machine must not end it
		change(i, &s.cfg[i])
	}
	for i := range s.peers {
		s.open(i)
	}
	t.Cleanup(func() {
		for _, p := range s.peers {
			s.must(p.Close())
		}
	})
	return s
}

func (s *strait) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Error(err)
	}
}

var shores = [2]string{"a", "b"}

// open starts a node, for the first time or again.
func (s *strait) open(i int) {
	s.t.Helper()
	p, err := New(s.cfg[i])
	if err != nil {
		s.t.Fatal(err)
	}
	s.peers[i] = p
	s.must(s.relays.Place(shores[i], p.Addrs()[0]))
	other, err := s.relays.Addr(shores[i], shores[1-i])
	s.must(err)
	p.Learn(s.cfg[1-i].Key.ID(), other)
	s.must(p.RegisterKind("block", func() daemon.Daemon { return newBlock(s.size) }))
}

// until waits for something that the node at an end shows.
func (s *strait) until(what string, holds func() bool) {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.t.Fatalf("never: %s", what)
		}
	}
}

func (s *strait) sessions(i int) int {
	list, err := s.peers[i].Peers(s.ctx)
	s.must(err)
	n := 0
	for _, p := range list {
		n += p.Sessions
	}
	return n
}

// crossed is how many bytes of packets have reached the far side.
func (s *strait) crossed() int { return int(s.relays.Stats("a", "b").Bytes) }

// begin starts a move that takes about a second, and returns when half of it has crossed.
func (s *strait) begin() *Migration {
	s.t.Helper()
	d, err := s.peers[0].Spawn(s.ctx, "block", SpawnOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	before := s.crossed()
	m, err := s.peers[0].Migrate(s.ctx, MigrateRequest{Origin: d.Origin, Target: s.peers[1].ID(), Options: wire.Options{MaxRate: uint64(s.size)}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.until("half of it has crossed", func() bool { return s.crossed() > before+s.size/2 })
	return m
}

// arrives checks that the move ends well, that the state is what it was, and that little crossed twice.
func (s *strait) arrives(m *Migration) {
	s.t.Helper()
	st, err := m.Wait(s.ctx)
	if err != nil || st.Outcome != wire.OutcomeMoved {
		s.t.Fatalf("outcome %v, %s, %v; want moved", st.Outcome, st.Detail, err)
	}
	state, err := s.peers[1].Inspect(s.ctx, st.Origin, nil)
	if err != nil || !bytes.Equal(state, newBlock(s.size).state) {
		s.t.Errorf("the state has %d bytes and differs, %v", len(state), err)
	}
	if crossed := s.crossed(); crossed > s.size*5/4 {
		s.t.Errorf("%d bytes have crossed for a state of %d", crossed, s.size)
	}
	s.t.Logf("%.2f times the state has crossed", float64(s.crossed())/float64(s.size))
}

// A connection that is lost in the middle of a transfer costs what was on its way.
func TestResume_LostConnection(t *testing.T) {
	s := newStrait(t, 64<<20, func(int, *Config) {})
	m := s.begin()
	s.must(s.relays.Set("a", "b", relay.Rules{Cut: true}))
	s.must(s.relays.Set("b", "a", relay.Rules{Cut: true}))
	s.until("the source has noticed", func() bool { return s.sessions(0) == 0 })
	s.must(s.relays.Heal())
	s.arrives(m)
}

// A target that is started again in the middle of a transfer goes on with what is on its disk.
func TestResume_TargetStartedAgain(t *testing.T) {
	s := newStrait(t, 32<<20, func(i int, cfg *Config) {
		cfg.DataDir, cfg.Durability = t.TempDir(), wire.DurabilityEveryEvent
	})
	m := s.begin()
	s.must(s.peers[1].Close())
	s.open(1)
	s.arrives(m)
}

// A copy may take longer than a target waits for a source that says nothing, and a daemon without events gives the source
// nothing to say: the target asks, and is told to wait, also if the source is the orchestrator as well.
func TestResume_LongCopyInSilence(t *testing.T) {
	s := newStrait(t, 1<<20, func(_ int, cfg *Config) { cfg.Core.Target.Orphan = 400 * time.Millisecond })
	m := s.begin()
	s.arrives(m)
}
