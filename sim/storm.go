package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Storm is a run whose every detail is drawn from its seed: the size of the cluster, how slow and how
// faulty it is, who moves what where, and who submits.
type Storm struct {
	*Cluster
	rng     *rand.Rand
	daemons []node.Daemon
	until   time.Time // when faults and work end
	asked   []wire.MigrationID
}

// Timings are short, so that a storm does not last long: what takes seconds in earnest takes a tenth.
func stormTimings() node.Config {
	var cfg node.Config
	cfg.Source.FreezeBudget = 60 * time.Millisecond
	cfg.Source.DoubtAfter = time.Second
	cfg.Target.AskAfter = 100 * time.Millisecond
	cfg.Target.DoubtAfter = time.Second
	cfg.Target.Orphan = 3 * time.Second
	cfg.Orchestrator.Silence = 300 * time.Millisecond
	cfg.Orchestrator.DoubtAfter = time.Second
	return cfg
}

// NewStorm prepares the storm of a seed. Only the seed, Trace and Hash of the options are looked at.
func NewStorm(opt Options) *Storm {
	rng := rand.New(rand.NewPCG(opt.Seed, 0x5707))
	opt.Nodes = 3 + rng.IntN(3)
	opt.Core = stormTimings()
	if rng.IntN(3) == 0 { // most freezes pass without an answer
		opt.Core.Source.FreezeBudget = between(rng, time.Millisecond, 12*time.Millisecond)
		opt.Core.Target.AskAfter = between(rng, 2*time.Millisecond, 20*time.Millisecond)
	}
	opt.Net = Speeds{
		Link: between(rng, 200*time.Microsecond, 6*time.Millisecond), Spike: between(rng, 0, 80*time.Millisecond),
		Call: between(rng, 0, time.Millisecond), Piece: between(rng, 0, 4*time.Millisecond),
		Notice: between(rng, 0, 300*time.Millisecond), Chunk: 64 << rng.IntN(8),
	}
	if rng.IntN(4) == 0 {
		opt.Target = target.Config{MaxPendingEvents: 1 + rng.IntN(64), MaxPendingBytes: 1 << (8 + rng.IntN(12))}
	}
	if rng.IntN(8) == 0 {
		opt.Target.MaxActive = 1
	}
	opt.stormDisks()
	opt.Clocks = opt.Seed%2 == 1
	return &Storm{Cluster: New(opt), rng: rng}
}

// stormDisks gives two of three storms disks. What it draws does not change what a seed draws otherwise.
func (opt *Options) stormDisks() {
	rng := rand.New(rand.NewPCG(opt.Seed, 0xd15c))
	levels := []wire.Durability{wire.DurabilityMemory, wire.DurabilityEveryEvent, wire.DurabilityBoth}
	opt.Durability = levels[rng.IntN(len(levels))]
	if opt.Durability > wire.DurabilityMemory && rng.IntN(2) == 0 {
		opt.Directory, opt.DirectoryLoses = true, []int{0, 0, 5, 30}[rng.IntN(4)]
	}
	opt.Journal = journal.Config{SegmentSize: 4 << 10 << rng.IntN(6), MaxSegments: 2 + rng.IntN(4)}
}

// Run runs the storm to its end and returns the first check that failed.
func (s *Storm) Run() error {
	for i := range 1 + s.rng.IntN(3) {
		kind := KindTape
		if s.rng.IntN(6) == 0 {
			kind = KindFrozen
		}
		s.daemons = append(s.daemons, s.anyNode().Spawn(kind, fmt.Sprintf("d%d", i)))
	}
	s.until = s.Now().Add(between(s.rng, 100*time.Millisecond, 900*time.Millisecond))
	s.repeat(between(s.rng, time.Millisecond, 16*time.Millisecond), s.submit)
	s.repeat(between(s.rng, 10*time.Millisecond, 120*time.Millisecond), s.migrate)
	if s.rng.IntN(3) > 0 {
		s.repeat(between(s.rng, 10*time.Millisecond, 200*time.Millisecond), s.disturb)
	}
	if s.rng.IntN(4) == 0 {
		s.repeat(between(s.rng, 100*time.Millisecond, 800*time.Millisecond), s.kill)
	} else if s.durable() {
		s.repeat(between(s.rng, 20*time.Millisecond, 400*time.Millisecond), s.kill)
	}
	if s.directory != nil && s.rng.IntN(2) == 0 {
		s.repeat(between(s.rng, 100*time.Millisecond, 600*time.Millisecond), s.outage)
	}
	s.RunUntil(s.until.Sub(s.Now())+time.Millisecond, func() bool { return false })
	s.heal()
	s.Settle(2 * time.Minute)
	return s.Err()
}

// Moves returns how many handovers were committed.
func (s *Storm) Moves() (n int) {
	for _, j := range s.logs {
		n += len(j.moves)
	}
	return n
}

// repeat does something again and again, at random times with the given mean, until the storm is over.
func (s *Storm) repeat(mean time.Duration, f func()) {
	s.after(between(s.rng, 0, 2*mean), func() {
		if s.Now().After(s.until) {
			return
		}
		f()
		s.repeat(mean, f)
	})
}

func (s *Storm) anyNode() *Node { return s.nodes[s.rng.IntN(len(s.nodes))] }

func (s *Storm) submit() {
	n, d := s.anyNode(), s.daemons[s.rng.IntN(len(s.daemons))]
	if !n.Up() {
		return
	}
	label := []string{"", "", "x"}[s.rng.IntN(3)]
	for range 1 + s.rng.IntN(8) {
		p := s.Payload(8 + s.rng.IntN(24))
		if s.rng.IntN(50) == 0 {
			p[0] = Poison
		}
		n.SubmitVia(d.Origin, label, p, s.anyNode().ID)
	}
}

func (s *Storm) migrate() {
	orch, to, d := s.anyNode(), s.anyNode(), s.daemons[s.rng.IntN(len(s.daemons))]
	from := s.anyNode()
	if owners, _ := s.owners(d.Origin); len(owners) > 0 && s.rng.IntN(10) > 0 {
		from = owners[0].Node
	}
	if !orch.Up() || !from.Up() || !to.Up() {
		return
	}
	opt := wire.Options{Stall: 2 * time.Second}
	if s.rng.IntN(8) == 0 {
		opt.Timeout = between(s.rng, time.Millisecond, time.Second)
	}
	id := orch.Migrate(d.Origin, from, to, opt)
	s.asked = append(s.asked, id)
	if s.rng.IntN(6) == 0 {
		by := orch
		if s.rng.IntN(3) == 0 {
			by = from
		}
		s.after(between(s.rng, 0, 100*time.Millisecond), func() { by.Cancel(id) })
	}
}

// disturb does something to the network.
func (s *Storm) disturb() {
	a, b := s.anyNode(), s.anyNode()
	if a == b {
		return
	}
	switch s.rng.IntN(5) {
	case 0:
		s.Cut(a, b)
	case 1:
		s.Stall(a, b, between(s.rng, 0, 400*time.Millisecond))
	case 2, 3:
		s.Connect(a, b)
	case 4:
		s.Block(a, b)
		s.after(between(s.rng, 0, 500*time.Millisecond), func() { s.Unblock(a, b) })
	}
}

// kill ends a process and starts it again.
func (s *Storm) kill() {
	n := s.anyNode()
	n.Kill()
	s.after(between(s.rng, 0, 300*time.Millisecond), n.Restart)
}

// outage takes the directory away for a while.
func (s *Storm) outage() {
	s.directory.away = s.Now().Add(between(s.rng, 0, 300*time.Millisecond))
}

func (s *Storm) heal() {
	s.log("the storm is over")
	if s.directory != nil {
		s.directory.away, s.directory.loses = time.Time{}, 0
	}
	for k := range s.links {
		s.links[k].blocked = false
	}
	for _, n := range s.nodes {
		n.Restart()
	}
}
